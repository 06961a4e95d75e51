import type { FeedItem } from '../../gateway/store/block-db.ts';
import type { Outlined } from '../fidelity/outlined.ts';
import type { TravellingOutline } from '../fidelity/travelling-outline.ts';
import type { PackAssembly } from '../line/pack-assembly.ts';
import { decodeFeedItem } from './feed-message.ts';
import type { PullBatch } from './pull-batch.ts';
import type { TransferResponseMessage } from './transfer-messages.ts';
import { STAMPS } from './wire-names.ts';

/** What comes within so long of each other is given together, milliseconds: every batch costs whoever keeps it an fsync. */
const GATHER_MS = 50;

/** And no more than that, bytes. */
const GATHER_BYTES_MAX = 2 << 20;

/** What came and was not taken yet. */
export class TransferInbox {
  bytes = 0;
  #feed = '';
  #items: FeedItem[] = [];
  #aheadItems: FeedItem[] = [];
  #outlines: TravellingOutline[] = [];
  #outlined: Outlined | undefined;
  #passed = 0;
  #complete = false;
  #hasNews = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;

  /** @param bytes of the message, unpacked @throws CaissonError `peer-invalid` */
  put(message: TransferResponseMessage, assembly: PackAssembly, bytes: number): void {
    const { feed, items, piece, complete, ahead, passed } = message;
    if (feed !== '') this.#feed = feed;
    for (const item of items) this.#items.push(decodeFeedItem(item));
    const pack = piece === null ? undefined : assembly.add(piece);
    if (pack !== undefined) {
      const { position, bytes: whole, isAhead } = pack;
      (isAhead ? this.#aheadItems : this.#items).push({ kind: 'pack', position, bytes: whole });
    }
    for (const item of ahead?.items ?? []) this.#aheadItems.push(decodeFeedItem(item));
    for (const outline of ahead?.outlines ?? []) {
      this.#outlines.push({ ...outline, stamp: STAMPS.fromWire(outline.stamp) });
    }
    this.#outlined = ahead?.outlined ?? this.#outlined;
    this.#passed = Math.max(this.#passed, passed);
    // A piece alone is nothing that could be kept.
    this.#hasNews ||= items.length > 0 || pack !== undefined || piece === null;
    this.#complete = complete;
    this.bytes += bytes;
    if (this.#hasNews) this.#gather();
  }

  /** What came since the last call; undefined where that is nothing that could be kept. */
  take(): PullBatch | undefined {
    if (!this.#hasNews) return undefined;
    const ahead = { items: this.#aheadItems, outlines: this.#outlines, outlined: this.#outlined };
    const hasAhead = ahead.items.length > 0 || ahead.outlines.length > 0 || ahead.outlined !== undefined;
    const batch = {
      ...{ feed: this.#feed, items: this.#items, complete: this.#complete },
      ...(hasAhead && { ahead }),
      ...(this.#passed > 0 && { passed: this.#passed }),
    };
    this.#items = [];
    this.#aheadItems = [];
    this.#outlines = [];
    this.#outlined = undefined;
    this.#passed = 0;
    this.#hasNews = false;
    this.bytes = 0;
    return batch;
  }

  /** Nothing more comes. */
  close(): void {
    this.#isClosed = true;
    this.#ready();
  }

  /** Resolves when there is something, and it is time to take it. */
  async gathered(): Promise<void> {
    if (this.#isDue()) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#hasNews) this.#gather();
    });
  }

  #isDue(): boolean {
    return this.#isClosed || (this.#hasNews && (this.#complete || this.bytes >= GATHER_BYTES_MAX));
  }

  #gather(): void {
    if (this.#isDue()) this.#ready();
    else this.#timer ??= setTimeout(() => this.#ready(), GATHER_MS);
  }

  #ready(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wake?.();
  }
}
