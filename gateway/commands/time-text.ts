import { durationFromText, utcFromText, utcText } from '../utc-text.ts';
import { UsageError } from './outcome.ts';

/**
 * Microseconds of a duration such as `500ms`, `60s`, `1.5h`.
 * @param where put before the message of what is thrown
 * @throws UsageError
 */
export function parseDuration(text: string, where = ''): number {
  const us = durationFromText(text);
  if (us !== undefined && us > 0) return us;
  throw new UsageError(`${where}'${text}' is no duration, expected a number and us, ms, s, m, h or d, such as 60s`);
}

/**
 * UTC in microseconds from ISO 8601, to the microsecond (`2025-06-01`, `2025-06-01T12:00:00.000250Z`; UTC where no zone is
 * given), or from a whole number of microseconds since 1970.
 * @param where put before the message of what is thrown
 * @throws UsageError
 */
export function parseTime(text: string, where = ''): number {
  if (/^-?\d{9,}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  const us = utcFromText(text);
  if (us !== undefined) return us;
  throw new UsageError(
    `${where}'${text}' is no time, expected ISO 8601 such as 2025-06-01T12:00:00Z, or microseconds since 1970`,
  );
}

/** UTC in microseconds as ISO 8601 with six digits: `2025-06-01T12:00:00.000250Z`; a time without a four-digit year as a number. */
export function formatTime(us: number): string {
  return utcText(us) ?? String(us);
}
