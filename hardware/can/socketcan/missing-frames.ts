/** Comparisons over which the fewest missing frames count: what waits in a buffer at one of them is no loss. */
const COMPARISONS = 5;

/**
 * Tells how many frames an interface has received and a socket without a drop counter has not given: at least so many
 * were dropped. What waits in the socket's buffer at a comparison is not missing, so the least of the last comparisons
 * counts, and a loss is told some seconds late.
 */
export class MissingFrames {
  #base: number | undefined;
  #told = 0;
  readonly #latest: number[] = [];

  /**
   * @param received frames of the interface by its own counter
   * @param taken frames that the socket has given since the first comparison began
   * @returns frames that are missing and were not told yet
   */
  compare(received: number, taken: number): number {
    // An interface that was made anew counts from 0.
    if (this.#base === undefined || received < this.#base) this.#base = received - taken;
    this.#latest.push(received - this.#base - taken);
    if (this.#latest.length > COMPARISONS) this.#latest.shift();
    if (this.#latest.length < COMPARISONS) return 0;
    const missing = Math.max(0, Math.min(...this.#latest) - this.#told);
    this.#told += missing;
    return missing;
  }
}
