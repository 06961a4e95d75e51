const CAPACITY_FIRST = 1 << 16;

/** Numbers of which it is not known beforehand how many there will be. */
export class GrowingColumn {
  #elements = new Float64Array(CAPACITY_FIRST);
  length = 0;

  push(value: number): void {
    if (this.length === this.#elements.length) {
      const wider = new Float64Array(2 * this.length);
      wider.set(this.#elements);
      this.#elements = wider;
    }
    this.#elements[this.length] = value;
    this.length += 1;
  }

  /** All of them; the column is not to be used any more. */
  take(): Float64Array {
    return this.#elements.subarray(0, this.length);
  }
}
