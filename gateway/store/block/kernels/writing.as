// AssemblyScript, a part of assembly.ts.

import { BOTH, BYTES, CODES, COUNTS_END, ENTROPIES, LENGTHS, LOWS, NIBBLES, OUT, PLACES, PLANES, STEPS, VALUES } from './areas.as';

/** The hot loops of writing columns. */

/** Integers beyond this magnitude are not put into a run. */
const INTEGER_MAX: f64 = 140737488355328;

/** OUT[i] = (OUT[i] - origin) / unit. */
export function toUnits(count: u32, origin: f64, unit: f64): void {
  const origins = f64x2.splat(origin);
  const units = f64x2.splat(unit);
  for (let at = OUT; at < OUT + 8 * count; at += 16) {
    v128.store(at, f64x2.div(f64x2.sub(v128.load(at), origins), units));
  }
}

/** The nearest whole numbers, 0 instead of what is too large. */
function integersOf(values: v128): v128 {
  const nearest = f64x2.nearest(values);
  const fits = f64x2.le(f64x2.abs(nearest), f64x2.splat(INTEGER_MAX));
  // Minus zero becomes zero.
  return f64x2.add(v128.and(nearest, fits), f64x2.splat(0));
}

/** Notes at PLACES which of two elements at `at` differ in any bit; returns how many are noted then. */
function noteMisses(made: v128, wanted: v128, at: u32, misses: u32): u32 {
  const same = i64x2.eq(made, wanted);
  if (i64x2.all_true(same)) return misses;
  for (let lane: u32 = 0; lane < 2; lane++) {
    if (((i64x2.bitmask(same) >> lane) & 1) === 1) continue;
    store<u32>(PLACES + 4 * misses, at + lane);
    misses++;
  }
  return misses;
}

/**
 * Integers at OUT from the values at VALUES, and at PLACES those that do not come back bit by bit; at most 2 more than
 * `most`, since it stops there. Returns how many. One past the last may be noted where count is odd.
 */
export function integersByGain(count: u32, gain: f64, offset: f64, most: u32): u32 {
  const gains = f64x2.splat(gain);
  const inverses = f64x2.splat(1 / gain);
  const offsets = f64x2.splat(offset);
  let misses: u32 = 0;
  for (let i: u32 = 0; i < count && misses <= most; i += 2) {
    const wanted = v128.load(VALUES + 8 * i);
    const integers = integersOf(f64x2.mul(f64x2.sub(wanted, offsets), inverses));
    v128.store(OUT + 8 * i, integers);
    const product = f64x2.mul(integers, gains);
    misses = noteMisses(offset === 0 ? product : f64x2.add(product, offsets), wanted, i, misses);
  }
  return misses;
}

/** The same for integers that are divided. */
export function integersByDivisor(count: u32, divisor: f64, most: u32): u32 {
  const divisors = f64x2.splat(divisor);
  let misses: u32 = 0;
  for (let i: u32 = 0; i < count && misses <= most; i += 2) {
    const wanted = v128.load(VALUES + 8 * i);
    const integers = integersOf(f64x2.mul(wanted, divisors));
    v128.store(OUT + 8 * i, integers);
    misses = noteMisses(f64x2.div(integers, divisors), wanted, i, misses);
  }
  return misses;
}

/**
 * Of `from` to `to`, the first number of divisors from `nearest`, negative below it, that gives an offset, in units, by which
 * all but `most` of the numbers come back bit by bit that stand `stride` places apart at VALUES; 0 where there is none.
 */
export function findOffset(
  probes: u32,
  stride: u32,
  nearest: f64,
  divisor: f64,
  unit: f64,
  from: i32,
  to: i32,
  most: u32,
): i32 {
  const gains = f64x2.splat(divisor / unit);
  const inverses = f64x2.splat(1 / (divisor / unit));
  const units = f64x2.splat(unit);
  for (let k = from; k <= to; k++) {
    const away = <f64>k * divisor;
    const offsets = f64x2.div(f64x2(nearest - away, nearest + away), units);
    let held = i64x2.splat(0);
    let i: u32 = 0;
    for (; i < probes; i++) {
      const wanted = v128.load64_splat(VALUES + 8 * (i * stride));
      const integers = integersOf(f64x2.mul(f64x2.sub(wanted, offsets), inverses));
      held = i64x2.sub(held, i64x2.eq(f64x2.add(f64x2.mul(integers, gains), offsets), wanted));
      // So many of each that have come up may have missed.
      if (!v128.any_true(i64x2.ge_s(held, i64x2.splat(<i64>i + 1 - most)))) break;
    }
    if (i < probes) continue;
    return <u32>i64x2.extract_lane(held, 0) + most >= probes ? -k : k;
  }
  return 0;
}

/** The greatest unit of which all differences to OUT[0] are multiples; 1 where there are none. Of whole numbers below 2^48. */
export function commonUnit(count: u32): f64 {
  const first = load<f64>(OUT);
  let unit: f64 = 0;
  for (let at = OUT + 8; at < OUT + 8 * count; at += 8) {
    const rest = abs(load<f64>(at) - first);
    const units = rest / unit;
    if (rest === 0 || (unit > 0 && units === floor(units))) continue;
    unit = <f64>commonDivisor(<u64>rest, <u64>unit);
    if (unit === 1) return 1;
  }
  return max<f64>(1, unit);
}

function commonDivisor(a: u64, b: u64): u64 {
  while (b > 0) {
    const rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/** True where OUT[0] to OUT[count - 1] are whole numbers. */
export function areWhole(count: u32): bool {
  let parts = i64x2.splat(0);
  let at = OUT;
  const last = OUT + 8 * (count - 1);
  for (; at < last; at += 16) parts = v128.or(parts, f64x2.ne(f64x2.nearest(v128.load(at)), v128.load(at)));
  const one = v128.load64_splat(last);
  return !v128.any_true(v128.or(parts, f64x2.ne(f64x2.nearest(one), one)));
}

/** STEPS[i] = OUT[i] - base. */
export function toSteps(count: u32, base: f64): void {
  const bases = f64x2.splat(base);
  for (let i: u32 = 0; i < count; i += 4) {
    v128.store(
      STEPS + 4 * i,
      bothToI32(f64x2.sub(v128.load(OUT + 8 * i), bases), f64x2.sub(v128.load(OUT + 8 * i, 16), bases)),
    );
  }
}

function bothToI32(low: v128, high: v128): v128 {
  return i64x2.shuffle(i32x4.trunc_sat_f64x2_s_zero(low), i32x4.trunc_sat_f64x2_s_zero(high), 0, 2);
}

/** 0, -1, 1, -2, 2 as 0, 1, 2, 3, 4. */
function zigzag(values: v128): v128 {
  return v128.xor(i32x4.shl(values, 1), i32x4.shr_s(values, 31));
}

/** BLOCK-6.4: the codes that predictions leave of STEPS, which are below 2^29; counts are of codes. */
export function leavePlain(count: u32): void {
  memory.copy(CODES, STEPS, 4 * count);
}

export function leaveDelta(count: u32, step: i32): void {
  const steps = i32x4.splat(step);
  for (let i: u32 = 0; i < count; i += 4) {
    const deltas = i32x4.sub(v128.load(STEPS + 4 * i, 4), v128.load(STEPS + 4 * i));
    v128.store(CODES + 4 * i, zigzag(i32x4.sub(deltas, steps)));
  }
}

export function leaveDelta2(count: u32): void {
  for (let i: u32 = 0; i < count; i += 4) {
    const middle = v128.load(STEPS + 4 * i, 4);
    const before = i32x4.sub(middle, v128.load(STEPS + 4 * i));
    v128.store(CODES + 4 * i, zigzag(i32x4.sub(i32x4.sub(v128.load(STEPS + 4 * i, 8), middle), before)));
  }
}

export function leaveGrid(count: u32, pitch: f64): void {
  const bases = v128.load32_splat(STEPS);
  const pitches = f64x2.splat(pitch);
  const half = f64x2.splat(0.5);
  const two = f64x2.splat(2);
  let places = f64x2(1, 2);
  for (let i: u32 = 0; i < count; i += 4) {
    const low = f64x2.floor(f64x2.add(f64x2.mul(places, pitches), half));
    places = f64x2.add(places, two);
    const high = f64x2.floor(f64x2.add(f64x2.mul(places, pitches), half));
    places = f64x2.add(places, two);
    const grown = i32x4.sub(v128.load(STEPS + 4 * i, 4), bases);
    v128.store(CODES + 4 * i, zigzag(i32x4.sub(grown, bothToI32(low, high))));
  }
}

/** Counts codes by their bytes and lengths, and tells what these take at their entropy. Returns how many differ from the one before. */
export function countCodes(count: u32): u32 {
  memory.fill(BYTES, 0, COUNTS_END - BYTES);
  // The first is held against zero.
  store<u32>(CODES - 4, 0);
  const highs = i32x4.splat(0xffff_ff00);
  let same = i32x4.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    const at = CODES + 4 * i;
    const codes = v128.load(at);
    same = i32x4.add(same, i32x4.eq(codes, v128.load(at - 4)));
    if (v128.any_true(v128.and(codes, highs))) {
      for (let k: u32 = 0; k < 4; k++) countCode(load<u32>(at + 4 * k));
    } else {
      increment(BYTES, load<u8>(at));
      increment(BYTES + 0x400, load<u8>(at, 4));
      increment(BYTES + 0x800, load<u8>(at, 8));
      increment(BYTES + 0xc00, load<u8>(at, 12));
    }
  }
  let changes = i + sumOf(same);
  for (; i < count; i++) {
    const code = load<u32>(CODES + 4 * i);
    changes += u32(code !== load<u32>(CODES + 4 * i - 4));
    countCode(code);
  }
  mergeCounts();
  store<f64>(ENTROPIES, entropyBytes(NIBBLES, 16));
  store<f64>(ENTROPIES, entropyBytes(LOWS, 256), 8);
  store<f64>(ENTROPIES, entropyBytes(BOTH, 256), 16);
  return changes;
}

function countCode(code: u32): void {
  if (code < 256) {
    increment(BYTES, code);
    return;
  }
  increment(LOWS, code & 0xff);
  increment(BOTH, (code >> 8) & 0xff);
  increment(LENGTHS, 32 - clz(code));
}

function increment(counts: usize, at: u32): void {
  store<u32>(counts + 4 * at, load<u32>(counts + 4 * at) + 1);
}

/** Adds the codes below 256 to all the other counts. */
function mergeCounts(): void {
  let total = i32x4.splat(0);
  for (let at: usize = 0; at < 0x400; at += 16) {
    const low = i32x4.add(v128.load(BYTES + at), v128.load(BYTES + at, 0x400));
    const all = i32x4.add(low, i32x4.add(v128.load(BYTES + at, 0x800), v128.load(BYTES + at, 0xc00)));
    v128.store(BYTES + at, all);
    total = i32x4.add(total, all);
    const lows = i32x4.add(v128.load(LOWS + at), all);
    v128.store(LOWS + at, lows);
    v128.store(BOTH + at, i32x4.add(v128.load(BOTH + at), lows));
    const nibbles = NIBBLES + (at & 63);
    v128.store(nibbles, i32x4.add(v128.load(nibbles), lows));
  }
  store<u32>(BOTH, load<u32>(BOTH) + sumOf(total));
  store<u32>(LENGTHS, load<u32>(BYTES));
  store<u32>(LENGTHS, load<u32>(BYTES, 4), 4);
  store<u32>(LENGTHS, load<u32>(BYTES, 8) + load<u32>(BYTES, 12), 8);
  for (let length: u32 = 3; length <= 8; length++) {
    let sum = i32x4.splat(0);
    for (let at = BYTES + (2 << length); at < BYTES + (4 << length); at += 16) sum = i32x4.add(sum, v128.load(at));
    store<u32>(LENGTHS + 4 * length, sumOf(sum));
  }
}

function sumOf(lanes: v128): u32 {
  const pairs = i32x4.add(lanes, i32x4.shuffle(lanes, lanes, 2, 3, 0, 1));
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1);
}

/** Bytes of symbols at their entropy, to a few bits, by how often each occurs. */
function entropyBytes(counts: usize, symbols: u32): f64 {
  let total = i32x4.splat(0);
  let terms = f32x4.splat(0);
  for (let at = counts; at < counts + 4 * symbols; at += 16) {
    const times = v128.load(at);
    total = i32x4.add(total, times);
    const real = f32x4.convert_i32x4_s(times);
    terms = f32x4.add(terms, f32x4.mul(real, log2(real)));
  }
  const all = <f32>sumOf(total);
  const sum =
    f32x4.extract_lane(terms, 0) +
    f32x4.extract_lane(terms, 1) +
    f32x4.extract_lane(terms, 2) +
    f32x4.extract_lane(terms, 3);
  return (all * f32x4.extract_lane(log2(f32x4.splat(all)), 0) - sum) / 8;
}

/** Binary logarithm, to a thousandth; a negative number for 0. A cubic over the mantissa, exact at powers of two. */
function log2(values: v128): v128 {
  const one = f32x4.splat(1);
  const exponent = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(values, 23), i32x4.splat(127)));
  const mantissa = v128.or(v128.and(values, i32x4.splat(0x7f_ffff)), one);
  const part = f32x4.sub(mantissa, one);
  const bend = f32x4.sub(f32x4.mul(mantissa, f32x4.splat(0.156386)), f32x4.splat(0.577251));
  const arch = f32x4.mul(f32x4.mul(part, f32x4.sub(part, one)), bend);
  return f32x4.add(exponent, f32x4.add(part, arch));
}

/** Notes at PLACES which codes are above `most`; returns how many. */
export function findAbove(count: u32, most: u32): u32 {
  const limits = i32x4.splat(most);
  let found: u32 = 0;
  for (let i: u32 = 0; i < count; i += 4) {
    const above = i32x4.bitmask(i32x4.gt_u(v128.load(CODES + 4 * i), limits));
    if (above === 0) continue;
    for (let lane: u32 = 0; lane < 4 && i + lane < count; lane++) {
      if (((above >> lane) & 1) === 0) continue;
      store<u32>(PLACES + 4 * found, i + lane);
      found++;
    }
  }
  return found;
}

/** BLOCK-6.8: the low `width` bits (0 to 31) of the codes into PLANES. Codes behind the last become 0. */
export function pack(width: u32, count: u32): void {
  memory.fill(CODES + 4 * count, 0, 64);
  const wholeBytes = width >> 3;
  for (let plane: u32 = 0; plane < wholeBytes; plane++) packBytes(8 * plane, count, PLANES + plane * count);
  const bits = width & 7;
  if (bits > 0) packTop(8 * wholeBytes, bits, count, PLANES + wholeBytes * count);
}

/** Four codes at `at`, their bits from `shift` on that `mask` has. */
function part(at: usize, shift: u32, mask: v128): v128 {
  return v128.and(i32x4.shr_u(v128.load(at), shift), mask);
}

function packBytes(shift: u32, count: u32, to: usize): void {
  const mask = i32x4.splat(0xff);
  for (let at = CODES; at < CODES + 4 * count; at += 64) {
    const low = i16x8.narrow_i32x4_s(part(at, shift, mask), part(at + 16, shift, mask));
    const high = i16x8.narrow_i32x4_s(part(at + 32, shift, mask), part(at + 48, shift, mask));
    v128.store(to, i8x16.narrow_i16x8_u(low, high));
    to += 16;
  }
}

/** Packs 1 to 7 bits of each code: two at a time into one number, then two of those, then two of those. */
function packTop(shift: u32, bits: u32, count: u32, to: usize): void {
  const mask = i32x4.splat((1 << bits) - 1);
  const pairs = i32x4.splat(1 | (0x1_0000 << bits));
  const quads = i32x4.splat(1 | (0x1_0000 << (2 * bits)));
  for (let at = CODES; at < CODES + 4 * count; at += 64) {
    const low = i16x8.narrow_i32x4_s(part(at, shift, mask), part(at + 16, shift, mask));
    const high = i16x8.narrow_i32x4_s(part(at + 32, shift, mask), part(at + 48, shift, mask));
    const both = i16x8.narrow_i32x4_s(i32x4.dot_i16x8_s(low, pairs), i32x4.dot_i16x8_s(high, pairs));
    const fours = i32x4.dot_i16x8_s(both, quads);
    storeEights(to, i32x4.extract_lane(fours, 0), i32x4.extract_lane(fours, 1), bits);
    storeEights(to + bits, i32x4.extract_lane(fours, 2), i32x4.extract_lane(fours, 3), bits);
    to += 2 * bits;
  }
}

function storeEights(to: usize, first: u32, second: u32, bits: u32): void {
  store<u64>(to, <u64>first | ((<u64>second) << (4 * bits)));
}
