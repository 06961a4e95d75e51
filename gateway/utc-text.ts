const UNITS_US: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  h: 3_600e6,
  d: 86_400e6,
};

/** Milliseconds of the years that ISO 8601 writes with four digits. */
const MS_MIN = -62_167_219_200_000;
const MS_END = 253_402_300_800_000;

/** Microseconds of a duration such as `500ms`, `60s`, `1.5h`; undefined where it is none. */
export function durationFromText(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h|d)$/.exec(text);
  const us = Math.round(Number(match?.[1]) * (UNITS_US[match?.[2] ?? ''] ?? Number.NaN));
  return Number.isSafeInteger(us) ? us : undefined;
}

/**
 * UTC in microseconds from ISO 8601, to the microsecond: `2025-06-01`, `2025-06-01T12:00:00.000250Z`; UTC where no zone is
 * given. Undefined where it is none.
 */
export function utcFromText(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d:?\d\d)?$/.exec(text);
  if (match === null) return undefined;
  const [, date, clock = '00:00', fraction = '', zone = 'Z'] = match;
  const ms = Date.parse(`${date}T${clock}${zone}`);
  return Number.isNaN(ms) ? undefined : ms * 1e3 + Number(fraction.padEnd(6, '0'));
}

/** UTC in microseconds as ISO 8601 with six digits, `2025-06-01T12:00:00.000250Z`; undefined outside the years 0 to 9999. */
export function utcText(us: number): string | undefined {
  const ms = Math.floor(us / 1e3);
  if (!(ms >= MS_MIN && ms < MS_END)) return undefined;
  const rest = String(Math.floor(us - ms * 1e3)).padStart(3, '0');
  return `${new Date(ms).toISOString().slice(0, -1)}${rest}Z`;
}
