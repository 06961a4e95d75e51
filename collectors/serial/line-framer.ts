import { Buffer } from 'node:buffer';

const LF = 0x0a;
const CR = 0x0d;

export interface LineListener {
  /** A line without its end, never empty; valid only until the call returns. */
  line(bytes: Buffer): void;
  /** A line was longer than it may be, and is left out. */
  tooLong(): void;
}

/** Cuts a stream of bytes at CR and LF. However the bytes are cut into pieces, the same lines come out. */
export class LineFramer {
  readonly #listener: LineListener;
  readonly #held: Buffer;
  #length = 0;
  #isTooLong = false;

  constructor(lineBytesMax: number, listener: LineListener) {
    this.#held = Buffer.alloc(lineBytesMax);
    this.#listener = listener;
  }

  /** Takes the next bytes of the wire. They are not kept. */
  feed(bytes: Uint8Array): void {
    let from = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      if (bytes[at] !== LF && bytes[at] !== CR) continue;
      this.#keep(bytes.subarray(from, at));
      this.end();
      from = at + 1;
    }
    this.#keep(bytes.subarray(from));
  }

  /** The wire ended in good order, as a recording does: its last line needs no end. */
  end(): void {
    if (this.#isTooLong) this.#listener.tooLong();
    else if (this.#length > 0) this.#listener.line(this.#held.subarray(0, this.#length));
    this.reset();
  }

  /** The wire was lost: what comes next does not continue what came before. */
  reset(): void {
    this.#length = 0;
    this.#isTooLong = false;
  }

  #keep(bytes: Uint8Array): void {
    if (this.#isTooLong) return;
    if (this.#length + bytes.length > this.#held.length) {
      this.#isTooLong = true;
      return;
    }
    this.#held.set(bytes, this.#length);
    this.#length += bytes.length;
  }
}
