import type { Buffer } from 'node:buffer';

/** What {@link readNumber} returns in place of a position. */
export const NUMBER_INVALID = -1;
export const NUMBER_OUT_OF_RANGE = -2;

const RETURN = 0x0d;
const LINE_FEED = 0x0a;
const SPACE = 0x20;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const LOWER_I = 0x69;

/** Powers of ten that a float64 holds exactly; a quotient of two exact numbers is rounded once, as it should be. */
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));

const INTEGER = /^-?\d+i$/;
const UNSIGNED = /^\d+u$/;
const FLOAT = /^-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * Reads the float, integer (`i`) or unsigned integer (`u`) that begins at `start` into `values[place]` and returns where
 * it ends; a negative code where it is none. A number that reaches `end` may be the begin of a longer one.
 */
export function readNumber(bytes: Buffer, start: number, end: number, values: Float64Array, place: number): number {
  const isNegative = bytes[start] === MINUS;
  const first = isNegative ? start + 1 : start;
  let at = first;
  let mantissa = 0;
  for (; at < end; at++) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) break;
    mantissa = mantissa * 10 + digit;
  }
  let decimals = 0;
  if (at < end && bytes[at] === POINT) {
    const point = at;
    at++;
    for (; at < end; at++) {
      const digit = (bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      mantissa = mantissa * 10 + digit;
    }
    decimals = at - point - 1;
    if (point === first) return readRareNumber(bytes, start, end, values, place);
  }
  if (at === first || mantissa > Number.MAX_SAFE_INTEGER || decimals >= POWERS_OF_TEN.length) {
    return readRareNumber(bytes, start, end, values, place);
  }
  if (at < end) {
    const byte = bytes[at] ?? 0;
    if (byte === LOWER_I && decimals === 0 && bytes[at - 1] !== POINT) {
      values[place] = isNegative ? 0 - mantissa : mantissa;
      return at + 1;
    }
    if (!endsValue(byte)) return readRareNumber(bytes, start, end, values, place);
  }
  const value = decimals === 0 ? mantissa : mantissa / (POWERS_OF_TEN[decimals] ?? 1);
  values[place] = isNegative ? -value : value;
  return at;
}

/** True for what may stand behind a value. */
export function endsValue(byte: number): boolean {
  return byte === COMMA || byte === SPACE || byte === LINE_FEED || byte === RETURN;
}

/** Where the value that begins at `start` ends, no quoted string. */
export function findValueEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && !endsValue(bytes[at] ?? 0)) at++;
  return at;
}

/** Numbers with an exponent, with more digits than a float64 holds exactly, unsigned ones, and what is no number. */
function readRareNumber(bytes: Buffer, start: number, end: number, values: Float64Array, place: number): number {
  const tokenEnd = findValueEnd(bytes, start, end);
  const token = bytes.toString('latin1', start, tokenEnd);
  if (INTEGER.test(token) || UNSIGNED.test(token)) {
    const value = BigInt(token.slice(0, -1));
    const inRange = token.endsWith('i') ? value === BigInt.asIntN(64, value) : value === BigInt.asUintN(64, value);
    if (!inRange) return NUMBER_OUT_OF_RANGE;
    values[place] = Number(value);
    return tokenEnd;
  }
  if (!FLOAT.test(token)) return NUMBER_INVALID;
  const value = Number(token);
  if (!Number.isFinite(value)) return NUMBER_OUT_OF_RANGE;
  values[place] = value;
  return tokenEnd;
}
