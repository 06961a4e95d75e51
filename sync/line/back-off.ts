/** First and longest wait between two attempts, milliseconds. */
export const BACK_OFF_FIRST_MS = 1_000;
export const BACK_OFF_MAX_MS = 120_000;

/** Part of each wait that chance takes away, so that a thousand boxes do not come back in step. */
const JITTER = 0.25;

/** Waits of 1 s, 2 s, 4 s ... 2 min, each shortened by up to a quarter. */
export class BackOff {
  readonly #random: () => number;
  #next = BACK_OFF_FIRST_MS;

  /** @param random numbers in [0, 1) */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /**
   * The next wait, milliseconds.
   * @param leastMs what the other end asks for; chance makes it longer by up to a quarter, never shorter
   */
  next(leastMs = 0): number {
    const wait = this.#next;
    this.#next = Math.min(BACK_OFF_MAX_MS, wait * 2);
    const chance = this.#random();
    return Math.round(
      Math.max(wait * (1 - JITTER * chance), Math.min(leastMs, BACK_OFF_MAX_MS) * (1 + JITTER * chance)),
    );
  }

  /** Begins anew, after a success. */
  reset(): void {
    this.#next = BACK_OFF_FIRST_MS;
  }
}
