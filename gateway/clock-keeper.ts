import { type BoxClock, type ClockReading, type ClockSource, differenceUs } from './clock.ts';

/** What the system's clock is kept by, and the bound of its error, microseconds. */
export interface SystemClock {
  readonly source: 'ntp' | 'rtc';
  readonly errorUs: number;
}

/** A clock that no time daemon says to be in step. */
export const UNKEPT_CLOCK: SystemClock = { source: 'rtc', errorUs: 2_000_000 };

/** A change of the offset below this is drift that the next row takes along; 10 ms. */
const STEP_US = 10_000;

/** A reading of the same clock whose bound is this much closer is a better clock: a first fix of seconds, then one of microseconds. */
const BETTER_FACTOR = 0.5;

/** How fast a clock that nobody keeps goes wrong at most: crystals of boxes stay within 100 ppm from -40 to 85 degC. */
const DRIFT_PPM = 100;

/** A bound that has grown by as much, and is no longer a good one, is told by a row of its own. */
const GROWN_FACTOR = 2;

/** A clock before this, UTC in microseconds, was never set: the start of 2020, when none of this had been written. */
const SET_AFTER_US = Date.UTC(2020, 0) * 1e3;

/** What a boot knows of UTC when it begins. A wall clock that was never set, or is behind the last stored sample, is not believed. */
export function firstReading(wallUs: number, boxUs: number, lastUs: number, system: SystemClock): ClockReading {
  if (wallUs <= lastUs || wallUs < SET_AFTER_US)
    return { time: boxUs, offset: 0, error: Number.POSITIVE_INFINITY, source: 'none' };
  return { time: boxUs, offset: Math.round(wallUs) - boxUs, error: system.errorUs, source: system.source };
}

/**
 * Decides which readings become rows of the UTC map: a better one than the last, or one of the same source that tells of
 * a step. Where the source of the last is heard no more, a row tells each time that its bound has doubled: nobody takes a clock for
 * exact that lost its servers yesterday. Stored samples never change; how their times are read does.
 */
export class ClockKeeper {
  readonly #addRow: (reading: ClockReading) => void;
  #last: ClockReading;
  /** Least bound that the source of the last row had: by that the UTC map chooses among sources. */
  #least: number;
  /** When the source of the last row was heard, and within what bound. */
  #heard: Pick<ClockReading, 'time' | 'error'>;

  /** @param addRow keeps a row; `first` is kept already */
  constructor(first: ClockReading, addRow: (reading: ClockReading) => void) {
    this.#last = first;
    this.#heard = first;
    this.#least = first.error;
    this.#addRow = addRow;
  }

  get source(): ClockSource {
    return this.#last.source;
  }

  get errorUs(): number {
    return this.#last.error;
  }

  /** UTC minus box time as far as is known, microseconds. */
  get offsetUs(): number {
    return this.#last.offset;
  }

  observe(reading: ClockReading): void {
    // A bound of a moment ago, and what may have come up since, is as good as a new one that is wider.
    if (reading.source === this.#last.source && reading.error <= this.#boundAt(reading.time)) this.#heard = reading;
    if (!this.#isNews(reading)) return;
    this.#heard = reading;
    this.#keep(reading);
  }

  /** Compares the system's clock with box time. `wall` tells UTC as the system has it, microseconds. */
  observeSystem(clock: Pick<BoxClock, 'now' | 'origin'>, wall: () => number, { source, errorUs }: SystemClock): void {
    const time = clock.now();
    this.#age(time);
    const offset = Math.round(differenceUs(wall, () => clock.now()));
    const wallUs = time + offset;
    // An unkept clock that is behind box time was refused at the start, or has been set back since: not believed.
    if ((source === 'rtc' && wallUs < clock.origin.time) || wallUs < SET_AFTER_US) return;
    this.observe({ time, offset, error: errorUs, source });
  }

  /** Bound of the error of the clock, as it was heard last. */
  #boundAt(time: number): number {
    return this.#heard.error + ((time - this.#heard.time) * DRIFT_PPM) / 1e6;
  }

  #age(time: number): void {
    const error = Math.ceil(this.#boundAt(time));
    if (!(error > Math.max(this.#last.error * GROWN_FACTOR, STEP_US))) return;
    const { offset, source } = this.#last;
    this.#keep({ time, offset, error, source });
  }

  #keep(reading: ClockReading): void {
    this.#least = reading.source === this.#last.source ? Math.min(this.#least, reading.error) : reading.error;
    this.#last = reading;
    this.#addRow(reading);
  }

  /** Noise within the bound of a reading is none: each row is a step in how times are read. */
  #isNews(reading: ClockReading): boolean {
    const last = this.#last;
    if (reading.source !== last.source) return reading.error < this.#least;
    if (reading.error < last.error * BETTER_FACTOR) return true;
    return Math.abs(reading.offset - last.offset) > Math.max(reading.error, STEP_US);
  }
}
