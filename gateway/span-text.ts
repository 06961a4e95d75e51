const SECOND_US = 1e6;
const MINUTE_US = 60 * SECOND_US;
const HOUR_US = 60 * MINUTE_US;
const DAY_US = 24 * HOUR_US;

/** A stretch of time in one unit, as a person says it: `40 s`, `3 min`, `7 h`, `12 d`. */
export function spanText(us: number): string {
  const size = Math.max(0, us);
  if (size < 100 * SECOND_US) return `${Math.round(size / SECOND_US)} s`;
  if (size < 100 * MINUTE_US) return `${Math.round(size / MINUTE_US)} min`;
  return size < 72 * HOUR_US ? `${Math.round(size / HOUR_US)} h` : `${Math.round(size / DAY_US)} d`;
}
