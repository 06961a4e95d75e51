/** Interval between two samples, microseconds: 100 Hz. */
export const SIGNAL_INTERVAL_US = 10_000;

/** Times are off by up to so many microseconds either way, as those of a device that is read by software. */
const JITTER_US = 40;

/** One digit of the converter. */
export const SIGNAL_STEP = 0.01;

/** A sensor at 100 Hz: two slow waves and noise, digitised, with jitter. The same seed gives the same samples. */
export class SensorSignal {
  readonly #start: number;
  #state: number;
  #index = 0;
  time = 0;
  value = 0;

  /** @param start microseconds */
  constructor(seed: number, start: number) {
    this.#start = start;
    this.#state = (seed * 0x9e3779b1) | 1;
  }

  /** Goes on to the next sample. */
  next(): void {
    const at = this.#index * SIGNAL_INTERVAL_US;
    const seconds = at / 1e6;
    const wave = 40 * Math.sin(seconds / 7) + 15 * Math.sin(seconds / 0.9) + this.#random();
    this.time = this.#start + at + Math.round(JITTER_US * this.#random());
    this.value = Math.round(wave / SIGNAL_STEP) * SIGNAL_STEP;
    this.#index += 1;
  }

  /** Within -1 and 1 (xorshift32). */
  #random(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state / 2 ** 31;
  }
}
