import type { FeedItem } from '../../gateway/store/block-db.ts';
import { encodeFeedItem } from '../api/feed-message.ts';
import { type FeedSource, feedIdOf } from '../api/pull-call.ts';
import type {
  TransferAheadMessage,
  TransferOpeningMessage,
  TransferResponseMessage,
} from '../api/transfer-messages.ts';
import { STAMPS } from '../api/wire-names.ts';
import { type AheadSource, aheadOf, type Wish } from './ahead-source.ts';
import { FeedInOrder } from './feed-in-order.ts';
import { HeldNumbers } from './held-numbers.ts';
import { NewestFirst } from './newest-first.ts';
import { OutlinesAhead } from './outlines-ahead.ts';
import { PackPieces } from './pack-pieces.ts';
import { PacksAhead } from './packs-ahead.ts';
import { PastAhead } from './past-ahead.ts';
import { RecordsFirst } from './records-first.ts';
import { Wishes } from './wishes.ts';

/** Terms of one message. */
const TERMS_MAX = 256;

/** What a response says of the feed; the rest is about its sending. */
export type FeedPart = Pick<TransferResponseMessage, 'feed' | 'items' | 'piece' | 'complete' | 'ahead' | 'passed'>;

const NO_PART: FeedPart = { feed: '', items: [], piece: null, complete: false, ahead: null, passed: 0 };

/** What is known of how much fits a message. */
export interface PackingHints {
  /** What an item that is no pack takes, about, bytes. */
  readonly itemBytes: number | undefined;
  /** Share of the bytes of outlines that is left of them. */
  readonly aheadShare: number;
}

export interface TransferSenderParts {
  readonly source: FeedSource;
  readonly opening: TransferOpeningMessage;
  /** Asked of every item as it is handed on; what it throws ends the call. */
  readonly guard?: (item: FeedItem) => void;
  /** True: of packs the newest come first. */
  readonly newestFirst?: boolean;
}

/**
 * Says what one follower is sent next. Strictly by priority, message by message: what packs refer to and what happened, as soon as
 * anything is to come ahead of its turn; records of cycles and sessions; outlines; packs that someone wished; the newest packs, where the config wants those first; and
 * then the feed in its order. What stands lower waits in the middle of a pack.
 */
export class TransferSender {
  readonly #parts: TransferSenderParts;
  #feed: string;
  #lanes: Lanes | undefined;
  readonly #waiting: Wish[] = [];
  #isFirst = true;

  constructor(parts: TransferSenderParts) {
    this.#parts = parts;
    this.#feed = feedIdOf(parts.source);
  }

  /** Someone needs this now. */
  wish(wish: Wish): void {
    if (this.#lanes === undefined) this.#waiting.push(wish);
    else this.#lanes.wish(wish);
  }

  /** The next of about `bytesMax`; undefined while there is nothing that was not given out. */
  next(bytesMax: number, hints: PackingHints): FeedPart | undefined {
    if (this.#feed === '') this.#feed = feedIdOf(this.#parts.source);
    const lanes = this.#opened();
    const part = lanes.next(bytesMax, hints);
    if (part === undefined) return undefined;
    const isBegin = this.#isFirst || part.items.some(({ boot }) => boot !== undefined);
    this.#isFirst = false;
    return isBegin ? { ...part, feed: this.#feed } : part;
  }

  #opened(): Lanes {
    if (this.#lanes !== undefined) return this.#lanes;
    this.#lanes = new Lanes(this.#parts, this.#feed);
    for (const wish of this.#waiting.splice(0)) this.#lanes.wish(wish);
    return this.#lanes;
  }
}

/** All that one call sends. */
class Lanes {
  readonly #order: FeedInOrder;
  readonly #ahead: AheadSource | undefined;
  readonly #records: RecordsFirst | undefined;
  readonly #recordPacks: PacksAhead | undefined;
  readonly #duePacks: number[] = [];
  readonly #outlines: OutlinesAhead | undefined;
  readonly #outlineWishes: Wishes | undefined;
  readonly #wishes: Wishes | undefined;
  readonly #wished: PacksAhead | undefined;
  readonly #past: PastAhead | undefined;
  readonly #newest: PacksAhead | undefined;
  readonly #guard: (item: FeedItem) => void;
  /** True where the follower remembers how far outlines have come. */
  readonly #isRemembered: boolean;
  #termsAfter: number;

  constructor({ source, opening, guard = () => {}, newestFirst = false }: TransferSenderParts, feed: string) {
    const isSame = opening.feed === feed;
    const after = isSame ? opening.after : 0;
    const held = new HeldNumbers(isSame ? opening.held : []);
    const pieces = new PackPieces(isSame ? opening.parts : []);
    this.#order = new FeedInOrder({ source, after, pieces, held, guard });
    this.#guard = guard;
    this.#isRemembered = opening.outlined !== null;
    this.#termsAfter = Math.max(after, isSame ? (opening.outlined?.terms ?? 0) : 0);
    const ahead = aheadOf(source);
    this.#ahead = ahead;
    if (ahead === undefined) return;
    const reached = () => this.#order.after;
    const packs = (candidates: () => readonly number[]) =>
      new PacksAhead({ source: ahead, pieces, held, guard, candidates });
    if (!opening.inOrder) {
      this.#records = new RecordsFirst(ahead, reached);
      this.#recordPacks = packs(() => this.#duePacks.splice(0));
    }
    const wishes = new Wishes(ahead, reached);
    this.#wishes = wishes;
    this.#wished = packs(() => wishes.next());
    this.#past = new PastAhead({ source: ahead, pieces, guard, after: reached });
    this.#outlineWishes = new Wishes(ahead, reached);
    const begin = { upTo: after, from: after, to: after, terms: this.#termsAfter };
    const outlined = isSame && opening.outlined !== null ? opening.outlined : begin;
    const outlineParts = { source: ahead, held, guard, after: reached, wishes: this.#outlineWishes };
    const isWanted = opening.outlined !== null && !opening.inOrder;
    this.#outlines = new OutlinesAhead({ ...outlineParts, outlined, isWanted });
    if (!newestFirst || opening.inOrder) return;
    const newest = new NewestFirst(ahead, after);
    this.#newest = packs(() => newest.next());
  }

  wish(wish: Wish): void {
    (wish.outlines ? this.#outlineWishes : this.#wishes)?.add(wish);
    if (!wish.outlines && wish.past !== undefined) this.#past?.add(wish);
  }

  next(bytesMax: number, { itemBytes, aheadShare }: PackingHints): FeedPart | undefined {
    const part = this.#ahead === undefined ? undefined : this.#nextAhead(this.#ahead, bytesMax, aheadShare);
    if (part !== undefined) {
      this.#order.interrupt();
      return part;
    }
    const ordered = this.#order.next(bytesMax, itemBytes);
    return ordered && { ...NO_PART, ...ordered, items: ordered.items.map(encodeFeedItem) };
  }

  #nextAhead(source: AheadSource, bytesMax: number, aheadShare: number): FeedPart | undefined {
    const areRecordsDue = this.#records?.isDue(bytesMax) === true;
    const isAnyDue =
      areRecordsDue ||
      this.#outlines?.isDue(bytesMax) === true ||
      this.#wishes?.isEmpty === false ||
      this.#past?.isEmpty === false ||
      this.#newest !== undefined;
    const terms = isAnyDue ? this.#terms(source) : undefined;
    if (terms !== undefined) return terms;
    if (areRecordsDue) this.#duePacks.push(...(this.#records?.take() ?? []));
    const records = this.#recordPacks?.next(bytesMax);
    if (records !== undefined) return { ...NO_PART, piece: records };
    const outlines = this.#outlines?.next(bytesMax, aheadShare);
    if (outlines !== undefined) {
      const ahead: TransferAheadMessage = {
        items: [],
        outlines: outlines.outlines.map((outline) => ({ ...outline, stamp: STAMPS.toWire[outline.stamp] })),
        outlined: this.#isRemembered ? (outlines.outlined ?? null) : null,
      };
      return { ...NO_PART, ahead };
    }
    const piece = this.#wished?.next(bytesMax) ?? this.#past?.next(bytesMax) ?? this.#newest?.next(bytesMax);
    return piece && { ...NO_PART, piece };
  }

  /** What the follower must know before packs and outlines that come ahead of their turn. */
  #terms(source: AheadSource): FeedPart | undefined {
    this.#termsAfter = Math.max(this.#termsAfter, this.#order.after);
    const items = source.terms(this.#termsAfter, TERMS_MAX);
    const last = items.at(-1);
    if (last === undefined) return undefined;
    this.#termsAfter = last.position;
    for (const item of items) this.#guard(item);
    this.#outlines?.refer(last.position);
    const outlined = this.#isRemembered ? (this.#outlines?.outlined ?? null) : null;
    return { ...NO_PART, ahead: { items: items.map(encodeFeedItem), outlines: [], outlined } };
  }
}
