import { CaissonError } from '../../gateway/errors.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import type { AheadSource } from './ahead-source.ts';
import type { HeldNumbers } from './held-numbers.ts';
import type { Outlined } from './outlined.ts';
import { samplesIn } from './pack-samples.ts';
import { outlinesOfPack, type TravellingOutline } from './travelling-outline.ts';
import type { Wishes } from './wishes.ts';

/** Positions that are looked up at a time. */
const PACKS_MAX = 64;

/** Something comes ahead of its turn where the packs before it take longer than this, in messages of the line: about a second. */
export const BACKLOG_QUANTA = 64;

/** Bytes of an outline beside its nodes and a part of its name, which zstd finds in the one before. */
const HEAD_BYTES = 16;

/** Outlines of one message, bytes before they are packed. */
const PLAIN_BYTES_MAX = 512 * 1024;

export interface OutlinesPart {
  readonly outlines: readonly TravellingOutline[];
  readonly outlined: Outlined | undefined;
}

export interface OutlinesAheadParts {
  readonly source: AheadSource;
  readonly held: HeldNumbers;
  /** Asked of every pack whose outlines are handed on; what it throws ends the call. */
  readonly guard: (item: FeedItem) => void;
  /** How far the follower has outlines. */
  readonly outlined: Outlined;
  /** False where it gets those only that someone wishes. */
  readonly isWanted: boolean;
  /** Position up to which packs themselves were sent, or are on their way. */
  readonly after: () => number;
  /** Wishes that outlines are enough for. */
  readonly wishes: Wishes;
}

/** Sends outlines of packs whose turn is far away: first those that someone wished, then all, the newest first. */
export class OutlinesAhead {
  readonly #parts: OutlinesAheadParts;
  #outlined: Outlined;
  #positions: number[] = [];
  #isWished = false;
  /** Of the pack at `from`, what did not fit yet; the last first. */
  #rest: TravellingOutline[] = [];

  constructor(parts: OutlinesAheadParts) {
    this.#parts = parts;
    this.#outlined = parts.outlined;
  }

  /** How far all is, once what was given is there. */
  get outlined(): Outlined {
    return this.#outlined;
  }

  /** What outlines refer to was sent up to a position. */
  refer(terms: number): void {
    this.#outlined = { ...this.#outlined, terms };
  }

  /** True where there is something to be sent. */
  isDue(quantumBytes: number): boolean {
    if (this.#rest.length > 0 || this.#positions.length > 0) return true;
    const { source, wishes, after } = this.#parts;
    this.#positions = [...wishes.next()].reverse();
    this.#isWished = this.#positions.length > 0;
    if (this.#isWished || !this.#parts.isWanted) return this.#isWished;
    const upTo = Math.max(this.#outlined.upTo, after());
    if (this.#outlined.from <= upTo) {
      const [newest = 0] = source.packsBefore(Number.MAX_SAFE_INTEGER, Math.max(upTo, this.#outlined.to), 1);
      if (newest === 0 || !source.hasMoreThan(quantumBytes * BACKLOG_QUANTA, after())) return false;
      const done = Math.max(upTo, this.#outlined.to);
      this.#outlined = { ...this.#outlined, upTo: done, from: newest, to: newest };
    }
    this.#positions = source.packsBefore(this.#outlined.from + 1, upTo, PACKS_MAX).reverse();
    if (this.#positions.length > 0) return true;
    this.#end();
    return this.isDue(quantumBytes);
  }

  /**
   * The next outlines; undefined where none is due.
   * @param bytesMax of the message, about
   * @param share of its bytes that are left when it is packed, as far as is known
   */
  next(bytesMax: number, share: number): OutlinesPart | undefined {
    const plainMax = Math.min(PLAIN_BYTES_MAX, bytesMax / share);
    const outlines: TravellingOutline[] = [];
    let isNews = false;
    for (let plain = 0; plain < plainMax && this.isDue(bytesMax); ) {
      if (this.#rest.length === 0) this.#open();
      const outline = this.#rest.pop();
      if (outline !== undefined) {
        outlines.push(outline);
        plain += outline.nodes.length + outline.channel.length / 4 + HEAD_BYTES;
      }
      if (this.#rest.length > 0) continue;
      isNews = true;
      this.#close();
    }
    if (outlines.length === 0 && !isNews) return undefined;
    return { outlines, outlined: isNews ? this.#outlined : undefined };
  }

  /** Takes the outlines of the next pack; none of one that the follower has, that is gone, or that is damaged. */
  #open(): void {
    const { source, held, guard, after } = this.#parts;
    const position = this.#positions.at(-1) ?? 0;
    const item = position > after() ? source.packAt(position) : undefined;
    const samples = item && samplesIn(item);
    if (item === undefined || samples === undefined || samples.every((each) => held.holds(each))) return;
    guard(item);
    try {
      this.#rest = outlinesOfPack(item.bytes).reverse();
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
    }
  }

  #close(): void {
    const position = this.#positions.pop();
    if (position === undefined || this.#isWished) return;
    this.#outlined = { ...this.#outlined, from: position - 1 };
    if (this.#positions.length > 0) return;
    const { source, after } = this.#parts;
    const { upTo, from } = this.#outlined;
    if (source.packsBefore(from + 1, Math.max(upTo, after()), 1).length === 0) this.#end();
  }

  /** All up to the newest is through. */
  #end(): void {
    const { to } = this.#outlined;
    this.#outlined = { ...this.#outlined, upTo: to, from: to };
  }
}
