import { UsageError } from './outcome.ts';

const UNITS_US: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  h: 3_600e6,
  d: 86_400e6,
};

/**
 * Microseconds of a duration such as `500ms`, `60s`, `1.5h`.
 * @param where put before the message of what is thrown
 * @throws UsageError
 */
export function parseDuration(text: string, where = ''): number {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h|d)$/.exec(text);
  const us = Math.round(Number(match?.[1]) * (UNITS_US[match?.[2] ?? ''] ?? Number.NaN));
  if (us > 0 && Number.isSafeInteger(us)) return us;
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
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d:?\d\d)?$/.exec(text);
  if (match !== null) {
    const [, date, clock = '00:00', fraction = '', zone = 'Z'] = match;
    const seconds = Date.parse(`${date}T${clock}${zone}`);
    if (!Number.isNaN(seconds)) return seconds * 1e3 + Number(fraction.padEnd(6, '0'));
  }
  throw new UsageError(
    `${where}'${text}' is no time, expected ISO 8601 such as 2025-06-01T12:00:00Z, or microseconds since 1970`,
  );
}

/** UTC in microseconds as ISO 8601 with six digits: `2025-06-01T12:00:00.000250Z`. */
export function formatTime(us: number): string {
  const ms = Math.floor(us / 1e3);
  const rest = String(Math.round(us - ms * 1e3)).padStart(3, '0');
  return `${new Date(ms).toISOString().slice(0, -1)}${rest}Z`;
}
