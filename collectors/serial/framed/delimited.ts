import { Buffer } from 'node:buffer';

/** How frames are told apart by a byte that stands nowhere else, and what stands for that byte inside of them. */
export interface Stuffing {
  readonly name: 'cobs' | 'slip';
  readonly delimiter: number;
  /** Puts back what was replaced, in place; returns the bytes that are left, undefined where it is damaged. */
  unstuff(bytes: Uint8Array): Uint8Array | undefined;
}

/** Consistent Overhead Byte Stuffing (Cheshire and Baker 1999): each zero is the distance to the next. */
export const COBS: Stuffing = {
  name: 'cobs',
  delimiter: 0,
  unstuff(bytes) {
    let length = 0;
    let at = 0;
    while (at < bytes.length) {
      const code = bytes[at] ?? 0;
      const end = at + code;
      if (code === 0 || end > bytes.length) return undefined;
      for (at += 1; at < end; at += 1) {
        bytes[length] = bytes[at] ?? 0;
        length += 1;
      }
      if (code === 0xff || at === bytes.length) continue;
      bytes[length] = 0;
      length += 1;
    }
    return bytes.subarray(0, length);
  },
};

const SLIP_END = 0xc0;
const SLIP_ESC = 0xdb;
const SLIP_ESC_END = 0xdc;
const SLIP_ESC_ESC = 0xdd;

/** SLIP, RFC 1055. */
export const SLIP: Stuffing = {
  name: 'slip',
  delimiter: SLIP_END,
  unstuff(bytes) {
    let length = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      let byte = bytes[at] ?? 0;
      if (byte === SLIP_ESC) {
        at += 1;
        const escaped = bytes[at];
        if (escaped !== SLIP_ESC_END && escaped !== SLIP_ESC_ESC) return undefined;
        byte = escaped === SLIP_ESC_END ? SLIP_END : SLIP_ESC;
      }
      bytes[length] = byte;
      length += 1;
    }
    return bytes.subarray(0, length);
  },
};

export interface DelimitedListener {
  /** What stood between two delimiters, put back; valid only until the call returns. */
  frame(bytes: Uint8Array): void;
  damaged(reason: 'bad-cobs' | 'bad-slip' | 'too-long'): void;
}

/** Cuts a stream at delimiters. */
export class DelimitedFramer {
  readonly #stuffing: Stuffing;
  readonly #listener: DelimitedListener;
  readonly #held: Buffer;
  #length = 0;
  #isTooLong = false;
  /** True until a delimiter was seen: what stands before it may be the end of a frame. */
  #isSkipping: boolean;
  readonly #skipsFirst: boolean;

  /**
   * @param frameBytesMax bytes of a frame, stuffed
   * @param skipsFirst whether what comes before the first delimiter is skipped: nothing tells that it is whole
   */
  constructor(stuffing: Stuffing, frameBytesMax: number, skipsFirst: boolean, listener: DelimitedListener) {
    this.#stuffing = stuffing;
    this.#held = Buffer.alloc(frameBytesMax);
    this.#skipsFirst = skipsFirst;
    this.#isSkipping = skipsFirst;
    this.#listener = listener;
  }

  /** Takes the next bytes of the wire. They are not kept. */
  feed(bytes: Uint8Array): void {
    const { delimiter } = this.#stuffing;
    let from = 0;
    while (from < bytes.length) {
      const found = bytes.indexOf(delimiter, from);
      this.#keep(bytes.subarray(from, found < 0 ? bytes.length : found));
      if (found < 0) return;
      this.#finish();
      from = found + 1;
    }
  }

  /** The wire was lost: what comes next does not continue what came before. */
  reset(): void {
    this.#length = 0;
    this.#isTooLong = false;
    this.#isSkipping = this.#skipsFirst;
  }

  #keep(bytes: Uint8Array): void {
    if (this.#isSkipping || this.#isTooLong) return;
    if (this.#length + bytes.length > this.#held.length) {
      this.#isTooLong = true;
      return;
    }
    this.#held.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #finish(): void {
    if (this.#isTooLong) this.#listener.damaged('too-long');
    else if (this.#length > 0) this.#deliver();
    this.#length = 0;
    this.#isTooLong = false;
    this.#isSkipping = false;
  }

  #deliver(): void {
    const frame = this.#stuffing.unstuff(this.#held.subarray(0, this.#length));
    if (frame === undefined) this.#listener.damaged(`bad-${this.#stuffing.name}`);
    else this.#listener.frame(frame);
  }
}
