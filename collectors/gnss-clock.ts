import type { ClockReading } from '../gateway/clock.ts';

/**
 * Longest time a receiver is taken to need from the moment of a fix to the first bit of its sentence, microseconds.
 * Receivers with shorter fix intervals must be done within one.
 */
const LATENCY_MAX_US = 500_000;

/** Two messages whose UTC differs by less tell one fix: they round it differently. No receiver has 100 fixes a second. */
const SAME_FIX_US = 10_000;

/** Readings are compared for so long, and the least delayed one is told. */
const WINDOW_US = 10_000_000;

/** Error that remains however fast the receiver is: the scheduling of this process. */
const SCHEDULING_US = 1_000;

/**
 * Compares a receiver's UTC with box time. Without a pulse per second the delay of a sentence is known only within
 * bounds: at least the time its bits need on the line, at most that plus the receiver's latency plus the interval at
 * which the port is read. The reading is the middle of these bounds, its error half their distance.
 */
export class GnssClock {
  readonly #bitsPerSecond: number;
  readonly #readIntervalUs: number;
  #lastUtc: number | undefined;
  #latencyMaxUs = LATENCY_MAX_US;
  #best: ClockReading | undefined;
  #windowEnd: number | undefined;

  /**
   * @param baudRate speed of the line, which sends ten bits a byte
   * @param readIntervalMs longest time that bytes wait to be read
   */
  constructor(baudRate: number, readIntervalMs: number) {
    this.#bitsPerSecond = baudRate;
    this.#readIntervalUs = readIntervalMs * 1e3;
  }

  /**
   * @param utc moment of the fix, microseconds
   * @param arrival box time at which its sentence was read, microseconds
   * @param bytes length of the sentence
   * @returns a reading when one is due: the first at the second fix, then the best of each window
   */
  take(utc: number, arrival: number, bytes: number): ClockReading | undefined {
    const interval = this.#lastUtc === undefined ? 0 : utc - this.#lastUtc;
    if (this.#lastUtc === undefined || Math.abs(interval) >= SAME_FIX_US) this.#lastUtc = utc;
    if (interval >= SAME_FIX_US) this.#latencyMaxUs = Math.min(LATENCY_MAX_US, interval);
    const reading = this.#read(utc, arrival, bytes);
    if (this.#windowEnd === undefined) {
      // Before a second fix nobody knows the interval, and so how much of it the receiver may take.
      if (interval < SAME_FIX_US) return undefined;
      this.#windowEnd = arrival + WINDOW_US;
      return reading;
    }
    if (this.#best === undefined || reading.offset > this.#best.offset) this.#best = reading;
    if (arrival < this.#windowEnd) return undefined;
    const best = this.#best;
    this.#best = undefined;
    this.#windowEnd = arrival + WINDOW_US;
    return best;
  }

  #read(utc: number, arrival: number, bytes: number): ClockReading {
    const leastDelay = ((bytes * 10) / this.#bitsPerSecond) * 1e6;
    const spread = this.#latencyMaxUs + this.#readIntervalUs;
    return {
      time: arrival,
      offset: Math.round(utc + leastDelay + spread / 2 - arrival),
      error: Math.ceil(spread / 2 + SCHEDULING_US),
      source: 'gnss',
    };
  }
}
