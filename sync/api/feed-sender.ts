import { Buffer } from 'node:buffer';
import type { FeedItem } from '../../gateway/store/block-db.ts';
import { encodeFeedItem } from './feed-message.ts';
import type { TransferOpeningMessage, TransferResponseMessage } from './messages.ts';
import { type FeedSource, feedIdOf } from './pull-call.ts';

/** Read from the store at a time. */
const ITEMS_MAX = 256;
const BYTES_MAX = 256 * 1024;

/** Bytes of an item that is no pack, about, before it is known what they compress to. */
const ITEM_BYTES = 100;

/** Bytes at the end of a pack by which it is told from another one at its position: its own checksum. */
const CHECK_BYTES = 4;

/** What a response says of the feed; the rest is about its sending. */
export type FeedPart = Pick<TransferResponseMessage, 'feed' | 'items' | 'piece' | 'complete'>;

interface OpenPack {
  readonly position: number;
  readonly bytes: Uint8Array;
  offset: number;
  isTold: boolean;
}

/** Cuts the feed of a store into messages of bounded size, from where a follower stands. It remembers what it gave out. */
export class FeedSender {
  readonly #source: FeedSource;
  readonly #opening: TransferOpeningMessage;
  readonly #guard: (item: FeedItem) => void;
  #feed: string;
  #after: number;
  #items: FeedItem[] = [];
  #pack: OpenPack | undefined;
  /** False when the follower began another pack: it keeps one part. */
  #isPartKept = true;
  #isFirst = true;
  #isComplete = false;

  /** @param guard asked of every item as it is handed on; what it throws ends the call */
  constructor(source: FeedSource, opening: TransferOpeningMessage, guard: (item: FeedItem) => void = () => {}) {
    this.#source = source;
    this.#guard = guard;
    this.#opening = opening;
    this.#feed = feedIdOf(source);
    this.#after = opening.feed === this.#feed ? opening.after : 0;
  }

  /**
   * The next of about `bytesMax`; undefined while there is nothing that was not given out.
   * @param itemBytes what an item that is no pack takes, about
   */
  next(bytesMax: number, itemBytes = ITEM_BYTES): FeedPart | undefined {
    const bytesOf = (item: FeedItem) => (item.kind === 'pack' ? item.bytes.length : itemBytes);
    if (this.#feed === '') this.#feed = feedIdOf(this.#source);
    const items = this.#pack === undefined ? this.#whole(bytesMax, bytesOf) : [];
    const room = bytesMax - items.reduce((sum, item) => sum + bytesOf(item), 0);
    const piece = room > 0 ? this.#piece(room) : undefined;
    const complete = this.#pack === undefined && this.#peek() === undefined;
    const isNews = items.length > 0 || piece !== undefined || complete !== this.#isComplete;
    if (!isNews && !this.#isFirst) return undefined;
    const feed = this.#isFirst || items.some(({ kind }) => kind === 'boot') ? this.#feed : '';
    this.#isFirst = false;
    this.#isComplete = complete;
    return { feed, items: items.map(encodeFeedItem), complete, piece: piece ?? null };
  }

  /** Items that fit wholly; where the next pack does not, it is opened. */
  #whole(bytesMax: number, bytesOf: (item: FeedItem) => number): FeedItem[] {
    const items: FeedItem[] = [];
    let room = bytesMax;
    for (let item = this.#peek(); item !== undefined && room > 0; item = this.#peek()) {
      this.#guard(item);
      if (item.kind === 'pack' && (item.bytes.length > room || this.#partOf(item) > 0)) {
        this.#pack = { position: item.position, bytes: item.bytes, offset: this.#partOf(item), isTold: false };
        this.#isPartKept = false;
        this.#take();
        return items;
      }
      items.push(item);
      room -= bytesOf(item);
      this.#take();
    }
    return items;
  }

  #piece(room: number): TransferResponseMessage['piece'] | undefined {
    const pack = this.#pack;
    if (pack === undefined) return undefined;
    const { position, bytes, offset } = pack;
    const end = Math.min(bytes.length, offset + room);
    const piece = bytes.subarray(offset, end);
    const isFirst = !pack.isTold;
    pack.offset = end;
    pack.isTold = true;
    if (end === bytes.length) this.#pack = undefined;
    if (!isFirst) return { position: 0, size: 0, offset: 0, check: NOTHING, bytes: piece };
    return { position, size: bytes.length, offset, check: bytes.subarray(bytes.length - CHECK_BYTES), bytes: piece };
  }

  /** How much of a pack the follower has already. */
  #partOf({ position, bytes }: Extract<FeedItem, { kind: 'pack' }>): number {
    const { part, feed } = this.#opening;
    if (
      !this.#isPartKept ||
      part === null ||
      feed !== this.#feed ||
      part.position !== position ||
      part.bytes >= bytes.length
    )
      return 0;
    return Buffer.compare(part.check, bytes.subarray(bytes.length - CHECK_BYTES)) === 0 ? part.bytes : 0;
  }

  #peek(): FeedItem | undefined {
    if (this.#items.length === 0) this.#items = this.#source.feed(this.#after, ITEMS_MAX, BYTES_MAX).reverse();
    return this.#items.at(-1);
  }

  #take(): void {
    this.#after = this.#items.pop()?.position ?? this.#after;
  }
}

const NOTHING = new Uint8Array(0);
