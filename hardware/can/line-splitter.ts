import type { FrameBatch } from './can-frame.ts';

/** One line of a text protocol, without its end, and what ended it. It adds at most one frame to the batch. */
export type LineParser = (bytes: Uint8Array, from: number, to: number, end: number, batch: FrameBatch) => void;

/**
 * Cuts a byte stream into lines, however it is chopped. A line that came in one piece is parsed where it lies; only one
 * that straddles two pieces is copied.
 */
export class LineSplitter {
  readonly #ends: Uint8Array;
  readonly #parse: LineParser;
  readonly #onTooLong: () => void;
  readonly #carry: Uint8Array;
  #carried = 0;
  #skipping = false;

  /**
   * @param ends the bytes that end a line
   * @param lineBytesMax a longer line is dropped up to its end, and `onTooLong` called once for it
   */
  constructor(ends: readonly number[], lineBytesMax: number, parse: LineParser, onTooLong: () => void) {
    this.#ends = new Uint8Array(256);
    for (const end of ends) this.#ends[end] = 1;
    this.#carry = new Uint8Array(lineBytesMax);
    this.#parse = parse;
    this.#onTooLong = onTooLong;
  }

  /** Takes bytes from `at` until they are used up or the batch is full; returns where it stopped. */
  feed(bytes: Uint8Array, at: number, batch: FrameBatch): number {
    const ends = this.#ends;
    const length = bytes.length;
    let from = at;
    while (from < length && !batch.full) {
      let to = from;
      while (to < length && ends[bytes[to] ?? 0] === 0) to++;
      if (to === length) {
        this.#keep(bytes, from, to);
        return length;
      }
      this.#finish(bytes, from, to, batch);
      from = to + 1;
    }
    return from;
  }

  /** Takes what is left as a last line that nothing ended; the batch must not be full. */
  flush(batch: FrameBatch): void {
    if (this.#carried > 0 && !this.#skipping) this.#parse(this.#carry, 0, this.#carried, -1, batch);
    this.reset();
  }

  /** Forgets a line that has begun. */
  reset(): void {
    this.#carried = 0;
    this.#skipping = false;
  }

  #finish(bytes: Uint8Array, from: number, to: number, batch: FrameBatch): void {
    const end = bytes[to] ?? 0;
    if (this.#carried === 0 && !this.#skipping) {
      if (to - from > this.#carry.length) this.#onTooLong();
      else this.#parse(bytes, from, to, end, batch);
      return;
    }
    this.#keep(bytes, from, to);
    if (!this.#skipping) this.#parse(this.#carry, 0, this.#carried, end, batch);
    this.reset();
  }

  #keep(bytes: Uint8Array, from: number, to: number): void {
    if (this.#skipping) return;
    if (this.#carried + to - from > this.#carry.length) {
      this.#skipping = true;
      this.#onTooLong();
      return;
    }
    this.#carry.set(bytes.subarray(from, to), this.#carried);
    this.#carried += to - from;
  }
}
