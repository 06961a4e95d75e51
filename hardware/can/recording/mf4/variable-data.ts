/** Length in front of each. */
const LENGTH_BYTES = 4;
/** Data that wait for their frames. Beyond, the oldest are given up: their frames were damaged. */
const WAITING_MAX = 4096;

/** Data of variable length that stand as records among those of the frames they belong to, found by their place among their like. */
export class VariableData {
  readonly #byOffset = new Map<number, Uint8Array>();
  /** Where the next one stands among all, each with the four bytes of its length in front. */
  #offset = 0;

  /** Takes the next data in the order of the file; they are copied. */
  add(bytes: Uint8Array): void {
    this.#byOffset.set(this.#offset, bytes.slice());
    this.pass(bytes.length);
    if (this.#byOffset.size <= WAITING_MAX) return;
    for (const oldest of this.#byOffset.keys()) {
      this.#byOffset.delete(oldest);
      break;
    }
  }

  /** Passes over data of a length that no frame has. */
  pass(length: number): void {
    this.#offset += LENGTH_BYTES + length;
  }

  has(offset: number): boolean {
    return this.#byOffset.has(offset);
  }

  /** The data at a place, once; undefined where there are none. */
  take(offset: number): Uint8Array | undefined {
    const bytes = this.#byOffset.get(offset);
    this.#byOffset.delete(offset);
    return bytes;
  }
}
