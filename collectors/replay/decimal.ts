const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const NOT_FINITE = /^[+-]?(nan|inf(inity)?)$/i;
const SECONDS = /^(-?)(\d{1,10})(?:\.(\d*))?$/;

/** The number of a cell, `nan` and `inf` included; undefined where it is none. */
export function parseNumber(text: string): number | undefined {
  if (DECIMAL.test(text)) return Number(text);
  if (!NOT_FINITE.test(text)) return undefined;
  if (/nan/i.test(text)) return Number.NaN;
  return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** Seconds as whole microseconds, rounded once from the digits that are written; undefined where it is no time. */
export function parseSeconds(text: string): number | undefined {
  const match = SECONDS.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = ''] = match;
  const us = Number(whole) * 1e6 + Math.round(Number(`0.${fraction}0`) * 1e6);
  if (us > Number.MAX_SAFE_INTEGER) return undefined;
  return sign === '-' ? -us : us;
}

/** Digits behind the point of a number as it is written. */
export function decimalsOf(text: string): number {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const digits = mantissa.split('.')[1]?.length ?? 0;
  return Math.max(0, digits - Number(exponent));
}
