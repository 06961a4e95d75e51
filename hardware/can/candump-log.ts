import { ReasonCounts } from './can-bus.ts';
import type { FrameBatch } from './can-frame.ts';
import { CandumpFrames, find, skipSpaces } from './candump-frame.ts';
import { LineSplitter } from './line-splitter.ts';

/** Longest line: a CAN FD frame takes 190. A longer one is dropped, reason `line-too-long`. */
const LINE_BYTES_MAX = 512;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const HASH = 0x23;
const OPEN = 0x28;
const CLOSE = 0x29;
const POINT = 0x2e;

/**
 * Frames out of what `candump -l` and `candump -L` write, fed in pieces of any length: a time as
 * `(1533226488.230547)`, then what {@link CandumpFrames} reads. Empty lines and those beginning with `#` are passed over;
 * what else is no frame is counted by reason.
 */
export class CandumpLog {
  readonly #frames = new CandumpFrames();
  readonly #errors = new ReasonCounts();
  readonly #lines = new LineSplitter(
    [LINE_FEED],
    LINE_BYTES_MAX,
    (bytes, from, to, _end, batch) => this.#line(bytes, from, to, batch),
    () => this.#errors.add('line-too-long'),
  );

  /** Names of the interfaces met so far; frames index into it. */
  get interfaces(): readonly string[] {
    return this.#frames.interfaces;
  }

  get errors(): Readonly<Record<string, number>> {
    return this.#errors.counts;
  }

  /** Takes bytes from `at` until they are used up or the batch is full; returns where it stopped. */
  decode(bytes: Uint8Array, at: number, batch: FrameBatch): number {
    return this.#lines.feed(bytes, at, batch);
  }

  /** Takes a last line without end; the batch must have room for one frame. */
  end(batch: FrameBatch): void {
    this.#lines.flush(batch);
  }

  #line(bytes: Uint8Array, from: number, to: number, batch: FrameBatch): void {
    while (to > from && (bytes[to - 1] === CARRIAGE_RETURN || bytes[to - 1] === SPACE)) to--;
    if (to === from || bytes[from] === HASH) return;
    const timeEnd = find(bytes, from, to, SPACE);
    const time = readTime(bytes, from, timeEnd);
    if (time < 0) {
      this.#errors.add('bad-time');
      return;
    }
    const problem = this.#frames.parse(bytes, skipSpaces(bytes, timeEnd, to), to, time, batch);
    if (problem !== undefined) this.#errors.add(problem);
  }
}

/** Microseconds out of `(seconds.fraction)`; -1 where it is none. More digits than microseconds have are cut. */
function readTime(bytes: Uint8Array, from: number, to: number): number {
  if (to - from < 3 || bytes[from] !== OPEN || bytes[to - 1] !== CLOSE) return -1;
  let time = 0;
  let decimals = -1;
  for (let at = from + 1; at < to - 1; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === POINT && decimals < 0) {
      decimals = 0;
      continue;
    }
    if (byte < 0x30 || byte > 0x39) return -1;
    if (decimals === 6) continue;
    time = time * 10 + (byte - 0x30);
    if (decimals >= 0) decimals++;
  }
  for (let missing = Math.max(0, decimals); missing < 6; missing++) time *= 10;
  return Number.isSafeInteger(time) ? time : -1;
}
