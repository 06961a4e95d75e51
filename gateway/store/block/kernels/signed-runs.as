// AssemblyScript, a part of assembly.ts.

import { OUT, PLANES, STEPS, VALUES } from './areas.as';

/** The hot loops of writing rows of the journal: signed integers (BLOCK-2.3) one after the other, in as few bytes as each takes. */

/** Added to a number below 2^51, it leaves the nearest whole number in the low bits. */
const ROUNDING: f64 = 6755399441055744;

/** JOURNAL-3.9. */
const INTEGER_MAX: f64 = 2251799813685248;

/** JOURNAL-3.7. */
const NARROW_SPAN: f64 = 1125899906842624;
const TIME_MAX: f64 = 9007199254740991;

/** First time of the row, and less it: first time of the last group, last time and last step. */
let base: f64 = 0;
let groupTime: i64 = 0;
let time: i64 = 0;
let step: i64 = 0;

/** Last integer of the group. */
let integer: i64 = 0;

/** A row whose first time is `firstTime` begins. */
export function beginTimes(firstTime: f64): void {
  base = firstTime;
  groupTime = 0;
  step = 0;
}

/**
 * JOURNAL-3.7: the times at OUT, which begin a group or go on with it, behind the `end` bytes that are at STEPS. Returns
 * where they end; -1 where a time is not whole, or too far from the first of the row.
 */
export function writeTimes(count: u32, begins: bool, end: u32): i32 {
  let to = STEPS + end;
  for (let i: u32 = 0; i < count; i++) {
    const here = load<f64>(OUT + 8 * i);
    const distance = here - base;
    if (!(abs(distance) < NARROW_SPAN) || nearest(distance) !== distance || abs(here) > TIME_MAX) return -1;
    const next = wholeOf(distance);
    if (begins && i === 0) {
      to = writeSigned(to, next - groupTime);
      groupTime = next;
    } else {
      to = writeSigned(to, next - time - step);
      step = next - time;
    }
    time = next;
  }
  return <i32>(to - STEPS);
}

/**
 * JOURNAL-3.9: the values at VALUES, which begin a group or go on with it, as integers of a gain and an offset, behind the
 * `end` bytes that are at PLANES. Returns where they end; -1 where a value does not come back bit by bit.
 */
export function writeMultiples(count: u32, gain: f64, offset: f64, begins: bool, end: u32): i32 {
  if (begins) integer = 0;
  const gains = f64x2.splat(gain);
  const offsets = f64x2.splat(offset);
  let to = PLANES + end;
  for (let i: u32 = 0; i < count; i += 4) {
    const left = count - i;
    const low = v128.load(VALUES + 8 * i);
    const high = left > 2 ? v128.load(VALUES + 8 * i, 16) : low;
    const lows = rounded(f64x2.div(f64x2.sub(low, offsets), gains));
    const highs = rounded(f64x2.div(f64x2.sub(high, offsets), gains));
    const lowBack = f64x2.add(f64x2.mul(lows, gains), offsets);
    const highBack = f64x2.add(f64x2.mul(highs, gains), offsets);
    if (!areHeld(low, lowBack, lows, left) || !areHeld(high, highBack, highs, left - 2)) return -1;
    to = writeSteps(to, lows, highs, left);
  }
  return <i32>(to - PLANES);
}

/** The same for integers that are divided. */
export function writeQuotients(count: u32, divisor: f64, begins: bool, end: u32): i32 {
  if (begins) integer = 0;
  const divisors = f64x2.splat(divisor);
  let to = PLANES + end;
  for (let i: u32 = 0; i < count; i += 4) {
    const left = count - i;
    const low = v128.load(VALUES + 8 * i);
    const high = left > 2 ? v128.load(VALUES + 8 * i, 16) : low;
    const lows = rounded(f64x2.mul(low, divisors));
    const highs = rounded(f64x2.mul(high, divisors));
    const isLow = areHeld(low, f64x2.div(lows, divisors), lows, left);
    if (!isLow || !areHeld(high, f64x2.div(highs, divisors), highs, left - 2)) return -1;
    to = writeSteps(to, lows, highs, left);
  }
  return <i32>(to - PLANES);
}

/** The nearest whole numbers; of what is too large, something else. */
function rounded(values: v128): v128 {
  return f64x2.sub(f64x2.add(values, f64x2.splat(ROUNDING)), f64x2.splat(ROUNDING));
}

/** True where the first `count` integers, of two, are small enough and what they give back has the bits of the values. */
function areHeld(values: v128, back: v128, integers: v128, count: i32): bool {
  if (count <= 0) return true;
  const small = f64x2.lt(f64x2.abs(integers), f64x2.splat(INTEGER_MAX));
  const held = v128.and(i64x2.eq(values, back), small);
  return count === 1 ? i64x2.extract_lane(held, 0) !== 0 : i64x2.all_true(held);
}

/** Steps from one integer to the next, of at most `count` of the four. */
function writeSteps(to: usize, lows: v128, highs: v128, count: u32): usize {
  const first = wholesOf(lows);
  const second = wholesOf(highs);
  if (count < 4) {
    to = writeNext(to, i64x2.extract_lane(first, 0));
    if (count > 1) to = writeNext(to, i64x2.extract_lane(first, 1));
    return count > 2 ? writeNext(to, i64x2.extract_lane(second, 0)) : to;
  }
  const firstCodes = codesOf(i64x2.sub(first, i64x2.shuffle(i64x2.splat(integer), first, 0, 2)));
  const secondCodes = codesOf(i64x2.sub(second, i64x2.shuffle(first, second, 1, 2)));
  integer = i64x2.extract_lane(second, 1);
  if (!v128.any_true(v128.and(v128.or(firstCodes, secondCodes), i64x2.splat(~0x7f)))) {
    const words = i32x4.shuffle(firstCodes, secondCodes, 0, 2, 4, 6);
    const bytes = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(words, words), words);
    v128.store32_lane(to, bytes, 0);
    return to + 4;
  }
  to = writeCode(to, i64x2.extract_lane(firstCodes, 0));
  to = writeCode(to, i64x2.extract_lane(firstCodes, 1));
  to = writeCode(to, i64x2.extract_lane(secondCodes, 0));
  return writeCode(to, i64x2.extract_lane(secondCodes, 1));
}

/** Whole numbers below 2^51 as 64-bit integers. */
function wholesOf(values: v128): v128 {
  return i64x2.sub(f64x2.add(values, f64x2.splat(ROUNDING)), f64x2.splat(ROUNDING));
}

function wholeOf(value: f64): i64 {
  return reinterpret<i64>(value + ROUNDING) - reinterpret<i64>(ROUNDING);
}

/** Magnitude and, in the lowest bit, sign: the bits of BLOCK-2.3, seven a byte. */
function codesOf(values: v128): v128 {
  return v128.or(i64x2.shl(i64x2.abs(values), 1), i64x2.shr_u(values, 63));
}

function writeNext(to: usize, next: i64): usize {
  const value = next - integer;
  integer = next;
  return writeSigned(to, value);
}

function writeSigned(to: usize, value: i64): usize {
  return writeCode(to, (value < 0 ? <u64>-value << 1 : <u64>value << 1) | (<u64>value >> 63));
}

function writeCode(to: usize, code: u64): usize {
  while (code >= 0x80) {
    store<u8>(to, <u8>code | 0x80);
    code >>= 7;
    to++;
  }
  store<u8>(to, <u8>code);
  return to + 1;
}
