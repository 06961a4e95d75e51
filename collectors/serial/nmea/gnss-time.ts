import type { Report } from './report.ts';

const DAY_US = 86_400_000_000;
const HALF_DAY_US = DAY_US / 2;

/**
 * The time of the newest fix, from the times and dates that sentences carry. Most carry the time of day only: their
 * day is the one that brings them nearest to the fix before, so that midnight is crossed rightly in either direction.
 *
 * A date is taken only while the receiver calls its fix valid: before, it may be that of its factory. Receivers whose
 * 10-bit week number has rolled over tell dates 1,024 weeks early; they are taken as told.
 */
export class GnssTime {
  #isValid: boolean | undefined;
  #utc: number | undefined;
  #timeOfDay: number | undefined;

  /** @param near UTC of which the first time of day is taken to be near, microseconds; undefined: a date must be told first */
  constructor(near?: number) {
    this.#utc = near;
  }

  /** Takes what a sentence told. */
  take(report: Report): void {
    if (report.isValid !== undefined) this.#isValid = report.isValid;
    if (!report.isTimed) return;
    this.#timeOfDay = report.timeOfDay;
    if (report.timeOfDay === undefined) return;
    if (report.day !== undefined && this.#isValid !== false) this.#utc = report.day * DAY_US + report.timeOfDay;
    else if (this.#utc !== undefined) this.#utc = nearest(this.#utc, report.timeOfDay);
  }

  /** Which fix sentences belong to now: its UTC time of day, microseconds; undefined while the receiver has no time. */
  get epoch(): number | undefined {
    return this.#timeOfDay;
  }

  /** UTC of that fix, microseconds; undefined until a date was told. */
  get utc(): number | undefined {
    return this.#timeOfDay === undefined ? undefined : this.#utc;
  }

  /** True while the receiver calls its fix valid. */
  get isValid(): boolean {
    return this.#isValid === true;
  }
}

/** The moment with that time of day that is nearest to `utc`. */
function nearest(utc: number, timeOfDay: number): number {
  const sameDay = Math.floor(utc / DAY_US) * DAY_US + timeOfDay;
  if (sameDay - utc > HALF_DAY_US) return sameDay - DAY_US;
  return utc - sameDay > HALF_DAY_US ? sameDay + DAY_US : sameDay;
}
