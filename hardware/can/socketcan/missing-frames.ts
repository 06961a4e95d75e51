/** Comparisons over which the fewest missing frames count: what waits in a buffer at one of them is no loss. */
const COMPARISONS = 5;

/**
 * Tells how many frames an interface has received and a socket without a drop counter has not given: at least so many
 * were dropped. What waits in the socket's buffer at a comparison is not missing, so the least of the last comparisons
 * counts, and a loss is told some seconds late.
 */
export class MissingFrames {
  #received = 0;
  /** Least surplus of the interface over the socket: what it received before the socket was open. */
  #base = Number.POSITIVE_INFINITY;
  #told = 0;
  readonly #latest: number[] = [];

  /**
   * @param received frames of the interface by its own counter
   * @param taken frames that the socket has given since it was opened
   * @returns frames that are missing and were not told yet
   */
  compare(received: number, taken: number): number {
    if (received < this.#received) this.#beginAgain();
    this.#received = received;
    const surplus = received - taken;
    // A frame that waited in the buffer at the first comparison is no part of what was received before.
    this.#base = Math.min(this.#base, surplus);
    this.#latest.push(surplus);
    if (this.#latest.length > COMPARISONS) this.#latest.shift();
    if (this.#latest.length < COMPARISONS) return 0;
    const missing = Math.max(0, Math.min(...this.#latest) - this.#base - this.#told);
    this.#told += missing;
    return missing;
  }

  /** An interface that was made anew counts from 0. */
  #beginAgain(): void {
    this.#base = Number.POSITIVE_INFINITY;
    this.#told = 0;
    this.#latest.length = 0;
  }
}
