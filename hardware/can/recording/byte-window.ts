const FIRST_CAPACITY = 64 * 1024;

/** Bytes that were fed and not taken yet, in one piece, whatever pieces they came in. Who feeds it bounds it by taking. */
export class ByteWindow {
  /** The bytes from `start` to `end - 1` are there. It is another array after a feed. */
  bytes = new Uint8Array(FIRST_CAPACITY);
  view = new DataView(this.bytes.buffer);
  start = 0;
  end = 0;
  /** Where `start` stands in all that was fed. */
  offset = 0;

  get length(): number {
    return this.end - this.start;
  }

  feed(piece: Uint8Array): void {
    if (this.end + piece.length > this.bytes.length) this.#makeRoom(piece.length);
    this.bytes.set(piece, this.end);
    this.end += piece.length;
  }

  take(count: number): void {
    this.start += count;
    this.offset += count;
  }

  #makeRoom(room: number): void {
    const { length } = this;
    let capacity = this.bytes.length;
    while (capacity < length + room) capacity *= 2;
    const next = capacity === this.bytes.length ? this.bytes : new Uint8Array(capacity);
    next.set(this.bytes.subarray(this.start, this.end));
    if (next !== this.bytes) {
      this.bytes = next;
      this.view = new DataView(next.buffer);
    }
    this.start = 0;
    this.end = length;
  }
}
