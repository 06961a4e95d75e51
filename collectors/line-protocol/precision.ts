/** Units that a timestamp may be in. */
export const PRECISIONS = ['ns', 'us', 'ms', 's', 'm', 'h'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Microseconds of a unit; nanoseconds are read digit by digit, because they are beyond what a float64 holds. */
const US_PER_UNIT = { us: 1, ms: 1e3, s: 1e6, m: 60e6, h: 3600e6 } as const;

const ZERO = 0x30;
/** Digits of the largest int64. */
const DIGITS_MAX = 19;

/**
 * UTC in whole microseconds of the digits from `start` to `end`, nanoseconds rounded; NaN where they are no digits or
 * beyond what times can be.
 */
export function timeOfDigits(bytes: Uint8Array, start: number, end: number, precision: Precision): number {
  if (end - start < 1 || end - start > DIGITS_MAX) return Number.NaN;
  if (precision !== 'ns') return safe(digits(bytes, start, end) * US_PER_UNIT[precision]);
  const point = Math.max(start, end - 3);
  const us = point > start ? digits(bytes, start, point) : 0;
  return safe(us + Math.round(digits(bytes, point, end) / 1e3));
}

function safe(time: number): number {
  return time <= Number.MAX_SAFE_INTEGER ? time : Number.NaN;
}

/** The number that digits are; NaN where one is none. */
function digits(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}
