import { hrtime } from 'node:process';

/** Where a reading of UTC comes from, from worst to best. */
export const CLOCK_SOURCES = ['none', 'manual', 'rtc', 'ntp', 'gnss', 'ptp'] as const;
export type ClockSource = (typeof CLOCK_SOURCES)[number];

/** One comparison of a better clock with box time. */
export interface ClockReading {
  /** Box time of the comparison, microseconds. */
  readonly time: number;
  /** UTC minus box time at that moment, microseconds. */
  readonly offset: number;
  /** Bound of the error of `offset`, microseconds. */
  readonly error: number;
  readonly source: ClockSource;
}

/**
 * The only clock a collector sees. Box time: microseconds, an integer in a float64, monotonic in a boot. It starts at
 * the best known wall clock and then follows the monotonic clock; it never steps.
 */
export interface Clock {
  /** Box time now, microseconds. */
  now(): number;
  /** Says what a better clock shows; the owner of the UTC map decides whether that adds a row. */
  observe(reading: ClockReading): void;
}

/** What another thread of the process needs to have the same box time. */
export interface ClockOrigin {
  /** Box time at the origin, microseconds. */
  readonly time: number;
  /** Monotonic clock at the origin, microseconds. */
  readonly monotonic: number;
}

/** Monotonic clock of the machine, microseconds; the same in every thread and process. */
export function monotonicUs(): number {
  const [seconds, nanos] = hrtime();
  return seconds * 1e6 + nanos / 1e3;
}

/** Box time of this boot. */
export class BoxClock implements Clock {
  readonly origin: ClockOrigin;
  readonly #shift: number;
  readonly #onReading: (reading: ClockReading) => void;

  /**
   * @param origin where box time starts, from {@link BoxClock.startingAt} or another thread
   * @param onReading told of every reading of a better clock
   */
  constructor(origin: ClockOrigin, onReading: (reading: ClockReading) => void = () => {}) {
    this.origin = origin;
    this.#onReading = onReading;
    this.#shift = origin.time - origin.monotonic + monotonicUs() - performance.now() * 1e3;
  }

  /** The origin of a boot that begins now: at `wallUs`, but never before `lastUs`, the last stored sample (both microseconds). */
  static startingAt(wallUs: number, lastUs: number): ClockOrigin {
    return { time: Math.max(Math.round(wallUs), lastUs + 1), monotonic: monotonicUs() };
  }

  now(): number {
    return Math.round(performance.now() * 1e3 + this.#shift);
  }

  observe(reading: ClockReading): void {
    this.#onReading(reading);
  }
}

/** True where `a` is closer to UTC than `b`: by its bound, else by its source. */
function isBetter(a: ClockReading, b: ClockReading): boolean {
  if (a.error !== b.error) return a.error < b.error;
  return CLOCK_SOURCES.indexOf(a.source) > CLOCK_SOURCES.indexOf(b.source);
}

/**
 * Box time to UTC within one boot. Each stretch is mapped by the row that governs it; what lies before the first row of
 * the best source, the one with the least bound of its error, is mapped by that row, so that samples taken before a GPS lock
 * land at the right UTC afterwards.
 */
export class UtcMap {
  readonly #rows: readonly ClockReading[];

  /** @param readings of one boot, in any order */
  constructor(readings: readonly ClockReading[]) {
    const best = readings.reduce<ClockReading | undefined>(
      (a, b) => (a === undefined || isBetter(b, a) ? b : a),
      undefined,
    );
    const rows = readings.filter((row) => row.source === best?.source);
    this.#rows = rows.sort((a, b) => a.time - b.time);
  }

  /** UTC minus box time at `time`, microseconds; 0 where nothing is known. */
  offsetAt(time: number): number {
    return this.governing(time)?.offset ?? 0;
  }

  /** The row that maps `time`; undefined where the boot has none. */
  governing(time: number): ClockReading | undefined {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = this.#rows[middle];
      if (row !== undefined && row.time <= time) low = middle + 1;
      else high = middle;
    }
    return this.#rows[Math.max(0, low - 1)];
  }

  /** Least and greatest offset of times in [from, to]: what a range in UTC is widened by to be a range in box time. */
  span(from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY): { least: number; greatest: number } {
    const first = this.offsetAt(from);
    let least = first;
    let greatest = first;
    for (const row of this.#rows) {
      if (row.time < from || row.time > to) continue;
      least = Math.min(least, row.offset);
      greatest = Math.max(greatest, row.offset);
    }
    return { least, greatest };
  }
}
