import { Buffer } from 'node:buffer';
import type { ReasonCounts } from '../can-bus.ts';
import type { FrameBatch } from '../can-frame.ts';
import { LineSplitter } from '../line-splitter.ts';
import type { FrameDecoder } from './frame-decoder.ts';

/**
 * Longest line: a CAN FD frame takes 190 bytes in a log of candump, and some 450 with all that Vector's tools write
 * behind it. A longer one is dropped, reason `line-too-long`.
 */
export const LINE_BYTES_MAX = 2048;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const NOTHING = new Uint8Array(0);

/**
 * Reads one line without its end and the white space around it, never an empty one. Adds at most one frame.
 * @returns undefined, or why it is no frame where it should be one
 */
export type FrameLine = (bytes: Uint8Array, from: number, to: number, batch: FrameBatch) => string | undefined;

/** A {@link FrameLine} of what reads text, in Latin-1. */
export function latin1Lines(read: (text: string, batch: FrameBatch) => string | undefined): FrameLine {
  return (bytes, from, to, batch) =>
    read(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1'), batch);
}

/** Frames of a recording that is text, a line a frame. Errors are counted with the numbers of their lines, from 1. */
export class LineFrames implements FrameDecoder {
  readonly #parse: FrameLine;
  readonly #errors: ReasonCounts;
  readonly #lines: LineSplitter;
  #line = 0;
  #bytes: Uint8Array = NOTHING;
  #at = 0;
  #isEnding = false;

  constructor(parse: FrameLine, errors: ReasonCounts) {
    this.#parse = parse;
    this.#errors = errors;
    this.#lines = new LineSplitter(
      [LINE_FEED],
      LINE_BYTES_MAX,
      (bytes, from, to, _end, batch) => this.#take(bytes, from, to, batch),
      () => this.#fail('line-too-long'),
    );
  }

  feed(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#at = 0;
  }

  end(): void {
    this.#isEnding = true;
  }

  read(batch: FrameBatch): boolean {
    if (this.#at < this.#bytes.length) this.#at = this.#lines.feed(this.#bytes, this.#at, batch);
    if (batch.full) return true;
    if (this.#isEnding) this.#lines.flush(batch);
    return false;
  }

  #take(bytes: Uint8Array, from: number, to: number, batch: FrameBatch): void {
    if (this.#line === 0 && bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf) from += 3;
    while (to > from && isSpace(bytes[to - 1])) to--;
    while (to > from && isSpace(bytes[from])) from++;
    this.#line += 1;
    if (to === from) return;
    const problem = this.#parse(bytes, from, to, batch);
    if (problem !== undefined) this.#errors.add(problem, 'line', this.#line);
  }

  #fail(reason: string): void {
    this.#line += 1;
    this.#errors.add(reason, 'line', this.#line);
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === CARRIAGE_RETURN || byte === TAB;
}
