import { Buffer } from 'node:buffer';

/** What frames look like that say by themselves how long they are. Arrays are valid only until a call returns. */
export interface FrameShape {
  /**
   * Bytes of the frame that begins at `at`, or, while too few bytes are there to tell, as many as tell it (more than there are); 0
   * where none begins. At most the `frameBytesMax` of the scanner.
   */
  lengthAt(bytes: Uint8Array, at: number): number;
  /** Takes what has the length of a frame; false where its check says that it is none. */
  take(frame: Uint8Array): boolean;
  /** Bytes that belong to no frame. */
  between?(bytes: Uint8Array): void;
}

/**
 * Cuts a stream of bytes into frames. What looks like the start of a frame and is none costs itself alone: the search goes on
 * with the byte behind it, so that frames inside of it are found. However the bytes are cut into pieces, the same
 * frames, damages and bytes between come out.
 */
export class FrameScanner {
  readonly #shape: FrameShape;
  /** A frame that has begun. */
  readonly #held: Buffer;
  #heldLength = 0;
  /** Bytes from the start of that frame that must be there before it is looked at again. */
  #need = 0;

  constructor(shape: FrameShape, frameBytesMax: number) {
    this.#shape = shape;
    this.#held = Buffer.alloc(frameBytesMax);
  }

  /** Bytes of the frame that has begun. */
  get heldBytes(): number {
    return this.#heldLength;
  }

  /** Takes the next bytes of the wire. They are not kept. */
  feed(bytes: Uint8Array): void {
    let rest = bytes;
    while (this.#heldLength > 0 && rest.length > 0) {
      const missing = rest.subarray(0, this.#need - this.#heldLength);
      this.#held.set(missing, this.#heldLength);
      this.#heldLength += missing.length;
      rest = rest.subarray(missing.length);
      if (this.#heldLength < this.#need) return;
      this.#keepFrom(this.#scan(this.#held.subarray(0, this.#heldLength)));
    }
    if (this.#heldLength > 0) return;
    const done = this.#scan(rest);
    this.#heldLength = rest.length - done;
    this.#held.set(rest.subarray(done));
  }

  /** The wire ended, in good order or not: a frame that has begun is none, but others may stand inside of it. */
  end(): void {
    while (this.#heldLength > 0) {
      this.#shape.between?.(this.#held.subarray(0, 1));
      this.#keepFrom(1);
      this.#keepFrom(this.#scan(this.#held.subarray(0, this.#heldLength)));
    }
  }

  #keepFrom(start: number): void {
    this.#held.copyWithin(0, start, this.#heldLength);
    this.#heldLength -= start;
  }

  /** Tells what is whole in `bytes`; returns where a frame begins that is not. */
  #scan(bytes: Uint8Array): number {
    const shape = this.#shape;
    let told = 0;
    let at = 0;
    while (at < bytes.length) {
      const length = shape.lengthAt(bytes, at);
      if (length === 0) {
        at += 1;
        continue;
      }
      if (at > told) shape.between?.(bytes.subarray(told, at));
      told = at;
      if (at + length > bytes.length) {
        this.#need = length;
        return at;
      }
      if (shape.take(bytes.subarray(at, at + length))) told = at + length;
      at = Math.max(told, at + 1);
    }
    if (at > told) shape.between?.(bytes.subarray(told, at));
    return at;
  }
}
