import { PayloadError } from '../../payload/payload-error.ts';
import type { TimeUnit } from '../config.ts';

/** A time that a payload carries as such, and not as a number or text. */
export class UtcTime {
  /** UTC, whole microseconds. */
  readonly us: number;

  constructor(us: number) {
    this.us = us;
  }
}

const US_PER_UNIT = { s: 1e6, ms: 1e3, us: 1, ns: 1e-3 } as const;

/** Date, time to the second, fraction, zone; a zone must be there, or the time would depend on where it is read. */
const ISO = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)$/i;

/**
 * UTC in whole microseconds of a value from a payload.
 * @throws PayloadError `time-invalid`
 */
export function utcMicroseconds(value: unknown, unit: TimeUnit): number {
  if (value instanceof UtcTime) return value.us;
  const time = unit === 'iso' ? fromIso(value) : fromNumber(value, unit);
  if (time === undefined || !Number.isSafeInteger(time) || time < 0) {
    const met = typeof value === 'string' ? JSON.stringify(value) : String(value);
    throw new PayloadError('time-invalid', `${met.slice(0, 40)} is no time in unit ${unit}`);
  }
  return time;
}

function fromNumber(value: unknown, unit: Exclude<TimeUnit, 'iso'>): number | undefined {
  const isText = typeof value === 'string' && value.trim() !== '';
  const number = isText || typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' ? Math.round(number * US_PER_UNIT[unit]) : undefined;
}

function fromIso(value: unknown): number | undefined {
  const parts = typeof value === 'string' ? ISO.exec(value.trim()) : null;
  if (parts === null) return undefined;
  const [, whole = '', fraction = '', zone = ''] = parts;
  const colon = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
  const milliseconds = Date.parse(whole + colon.toUpperCase());
  return milliseconds * 1e3 + Math.round(Number(`0.${fraction}0`) * 1e6);
}
