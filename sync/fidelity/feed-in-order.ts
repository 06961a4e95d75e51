import type { FeedItem } from '../../gateway/store/block-db.ts';
import type { FeedSource } from '../api/pull-call.ts';
import type { PackPieceMessage } from '../api/transfer-messages.ts';
import type { HeldNumbers } from './held-numbers.ts';
import type { OpenPack, PackPieces } from './pack-pieces.ts';
import { samplesIn } from './pack-samples.ts';

/** Read from the store at a time. */
const ITEMS_MAX = 256;
const BYTES_MAX = 256 * 1024;

/** Bytes of an item that is no pack, about, before it is known what they compress to. */
const ITEM_BYTES = 100;

/** Packs that are passed over at a time, because the follower has them: each is opened for it. */
const PASSED_MAX = 64;

/** What is sent of the feed in its order. */
export interface OrderedPart {
  readonly items: readonly FeedItem[];
  readonly piece: PackPieceMessage | null;
  readonly complete: boolean;
  /** Up to where nothing is left to be sent, where packs were passed over; 0 elsewhere. */
  readonly passed: number;
}

export interface FeedInOrderParts {
  readonly source: FeedSource;
  /** Position that the follower has. */
  readonly after: number;
  readonly pieces: PackPieces;
  /** What the follower has, or gets, ahead of its turn. */
  readonly held: HeldNumbers;
  /** Asked of every item as it is handed on; what it throws ends the call. */
  readonly guard: (item: FeedItem) => void;
}

/**
 * Cuts the feed of a store into messages of bounded size, from where a follower stands, in the order of positions. A pack of which the
 * follower has every sample is passed over.
 */
export class FeedInOrder {
  readonly #parts: FeedInOrderParts;
  #after: number;
  #items: FeedItem[] = [];
  #pack: OpenPack | undefined;
  #passed = 0;
  #isFirst = true;
  #isComplete = false;

  constructor(parts: FeedInOrderParts) {
    this.#parts = parts;
    this.#after = parts.after;
  }

  /** Position up to which everything was begun, or passed over. */
  get after(): number {
    return this.#after;
  }

  /**
   * The next of about `bytesMax`; undefined while there is nothing that was not given out.
   * @param itemBytes what an item that is no pack takes, about
   */
  next(bytesMax: number, itemBytes = ITEM_BYTES): OrderedPart | undefined {
    const bytesOf = (item: FeedItem) => (item.kind === 'pack' ? item.bytes.length : itemBytes);
    const passedBefore = this.#passed;
    const items = this.#pack === undefined ? this.#whole(bytesMax, bytesOf) : [];
    const room = bytesMax - items.reduce((sum, item) => sum + bytesOf(item), 0);
    const piece = room > 0 ? this.#piece(room) : null;
    // Asked before it is looked whether there is more: what settled it is found then.
    const isSettled = this.#pack === undefined && (this.#parts.source.isSettled?.() ?? true);
    const complete = isSettled && this.#peek() === undefined;
    // What was passed over counts once all before it is there.
    const passed = this.#pack === undefined && this.#passed > passedBefore ? this.#passed : 0;
    const isNews = items.length > 0 || piece !== null || passed > 0 || complete !== this.#isComplete;
    if (!isNews && !this.#isFirst) return undefined;
    this.#isFirst = false;
    this.#isComplete = complete;
    return { items, piece, complete, passed };
  }

  /** Says that a message came between that does not tell of the end. */
  interrupt(): void {
    this.#isComplete = false;
  }

  /** Items that fit wholly; where the next pack does not, it is opened. */
  #whole(bytesMax: number, bytesOf: (item: FeedItem) => number): FeedItem[] {
    const { pieces, guard } = this.#parts;
    const items: FeedItem[] = [];
    let [room, passed] = [bytesMax, 0];
    for (let item = this.#peek(); item !== undefined && room > 0 && passed < PASSED_MAX; item = this.#peek()) {
      if (this.#isHeld(item)) {
        this.#take();
        this.#passed = item.position;
        passed += 1;
        continue;
      }
      guard(item);
      if (item.kind === 'pack' && (item.bytes.length > room || pieces.hasPart(item))) {
        // A rest of a pack travels alone: one that the next message has room for begins there.
        const isForNext = room < bytesMax / 2 && item.bytes.length <= bytesMax && !pieces.hasPart(item);
        if (isForNext) return items;
        this.#pack = pieces.open(item, false);
        this.#take();
        return items;
      }
      items.push(item);
      room -= bytesOf(item);
      this.#take();
    }
    return items;
  }

  #piece(room: number): PackPieceMessage | null {
    const pack = this.#pack;
    if (pack === undefined) return null;
    const piece = this.#parts.pieces.next(pack, room);
    if (pack.offset === pack.bytes.length) this.#pack = undefined;
    return piece;
  }

  #isHeld(item: FeedItem): boolean {
    const { held } = this.#parts;
    if (item.kind !== 'pack' || held.isEmpty) return false;
    return samplesIn(item)?.every((samples) => held.holds(samples)) ?? false;
  }

  #peek(): FeedItem | undefined {
    if (this.#items.length === 0) this.#items = this.#parts.source.feed(this.#after, ITEMS_MAX, BYTES_MAX).reverse();
    return this.#items.at(-1);
  }

  #take(): void {
    this.#after = this.#items.pop()?.position ?? this.#after;
  }
}
