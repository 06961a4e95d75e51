/** 1980-01-06, where GPS weeks begin, in microseconds of UTC. */
const GPS_EPOCH_US = 315_964_800_000_000;

const WEEK_MS = 604_800_000;
const WEEK_US = WEEK_MS * 1e3;

/** Makes UTC of the times of week that messages carry, from the week and the leap seconds that others tell. */
export class GpsTime {
  #leapSeconds: number | undefined;
  /** A time of week, ms, and what it is in UTC, microseconds. */
  #anchorMs = 0;
  #anchorUs: number | undefined;

  /** GPS is that many seconds ahead of UTC. */
  leapSeconds(seconds: number): void {
    this.#leapSeconds = seconds;
  }

  /** A time of week, ms, belongs to that GPS week. Means nothing until leap seconds were told. */
  week(week: number, timeOfWeekMs: number): void {
    if (this.#leapSeconds === undefined) return;
    this.anchor(timeOfWeekMs, GPS_EPOCH_US + week * WEEK_US + timeOfWeekMs * 1e3 - this.#leapSeconds * 1e6);
  }

  /** A time of week, ms, is that UTC, microseconds. */
  anchor(timeOfWeekMs: number, utcUs: number): void {
    this.#anchorMs = timeOfWeekMs;
    this.#anchorUs = utcUs;
  }

  /** UTC, whole microseconds, of the time of week nearest to the last anchor; undefined before one. */
  utcOf(timeOfWeekMs: number, nanos: number): number | undefined {
    if (this.#anchorUs === undefined) return undefined;
    let since = timeOfWeekMs - this.#anchorMs;
    if (since > WEEK_MS / 2) since -= WEEK_MS;
    if (since < -WEEK_MS / 2) since += WEEK_MS;
    return Math.round(this.#anchorUs + since * 1e3 + nanos / 1e3);
  }
}
