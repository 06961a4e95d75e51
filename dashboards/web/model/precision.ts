/** Digits that mean something in a value of which nobody says how exact it is. */
const SIGNIFICANT = 5;
const DECIMALS_MAX = 6;

/**
 * Digits behind the point for a channel whose source does not tell: as many as its values need, but five that mean
 * something in the greatest of them. So all its values are written alike, however they move.
 */
export class Precision {
  #needed = 0;
  #greatest = 0;

  observe(value: number): void {
    if (!Number.isFinite(value)) return;
    const magnitude = Math.abs(value);
    if (magnitude > this.#greatest) this.#greatest = magnitude;
    const most = this.#most();
    if (this.#needed < most) this.#needed = Math.max(this.#needed, neededDigits(value, most));
  }

  get decimals(): number {
    return Math.min(this.#needed, this.#most());
  }

  #most(): number {
    if (this.#greatest === 0) return DECIMALS_MAX;
    const before = Math.floor(Math.log10(this.#greatest)) + 1;
    return Math.min(DECIMALS_MAX, Math.max(0, SIGNIFICANT - before));
  }
}

/** Fewest digits behind the point that tell the value, rounding errors of a double aside; `most` at most. */
function neededDigits(value: number, most: number): number {
  for (let digits = 0; digits < most; digits++) {
    if (Math.abs(value - Number(value.toFixed(digits))) <= Math.abs(value) * 1e-12) return digits;
  }
  return most;
}
