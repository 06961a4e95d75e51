// AssemblyScript, compiled to embedded.ts by `npm run kernels`; tsc does not read it.

import { CODES, CORNERS, CUTS, EXTENT, OUT, PLANES } from './areas.as';

export * from './signed-runs.as';
export * from './writing.as';

/**
 * The hot loops of reading columns, 128 bits at a time; those of writing stand in writing.as and signed-runs.as, and where the
 * memory is in areas.as. Nothing is checked here; kernels.ts does that.
 */

/** For each number of bits from 1 to 7: the bytes in which eight integers begin, and what moves each to the top of 16 bits. */
const SPREADS: usize = memory.data(8 * 32, 16);

function prepareSpreads(): void {
  for (let bits: u32 = 1; bits < 8; bits++) {
    for (let i: u32 = 0; i < 8; i++) {
      const first = (i * bits) >> 3;
      const place = SPREADS + bits * 32 + 2 * i;
      store<u8>(place, <u8>first);
      store<u8>(place + 1, <u8>(first + 1));
      store<u16>(place + 16, <u16>((<u32>1) << (16 - bits - ((i * bits) & 7))));
    }
  }
}
prepareSpreads();

/** BLOCK-6.8: `count` integers of `width` bits (0 to 31) from the planes at PLANES to CODES, 32 bits each. */
export function unpack(width: u32, count: u32): void {
  const wholeBytes = width >> 3;
  const bits = width & 7;
  const top = PLANES + wholeBytes * count;
  const bytes = v128.load(SPREADS + bits * 32);
  const factors = v128.load(SPREADS + bits * 32 + 16);
  for (let i: u32 = 0; i < count; i += 8) {
    let low = i32x4.splat(0);
    let high = i32x4.splat(0);
    if (bits > 0) {
      const pairs = i8x16.swizzle(v128.load(top + ((i * bits) >> 3)), bytes);
      const integers = i16x8.shr_u(i16x8.mul(pairs, factors), 16 - bits);
      low = i32x4.extend_low_i16x8_u(integers);
      high = i32x4.extend_high_i16x8_u(integers);
    }
    for (let plane = wholeBytes; plane > 0; plane--) {
      const next = v128.load8x8_u(PLANES + (plane - 1) * count + i);
      low = v128.or(i32x4.shl(low, 8), i32x4.extend_low_i16x8_u(next));
      high = v128.or(i32x4.shl(high, 8), i32x4.extend_high_i16x8_u(next));
    }
    v128.store(CODES + 4 * i, low);
    v128.store(CODES + 4 * i, high, 16);
  }
}

/** s(r) of BLOCK-6.4. */
function unzigzag(codes: v128): v128 {
  return v128.xor(i32x4.shr_u(codes, 1), i32x4.neg(v128.and(codes, i32x4.splat(1))));
}

/** Each lane with those before it added. Lanes that follow one another are shuffled in one instruction. */
function prefixSum(lanes: v128): v128 {
  const none = i32x4.splat(0);
  const pairs = i32x4.add(lanes, i32x4.shuffle(none, lanes, 3, 4, 5, 6));
  return i32x4.add(pairs, i32x4.shuffle(none, pairs, 2, 3, 4, 5));
}

function lowToF64(lanes: v128): v128 {
  return f64x2.convert_low_i32x4_s(lanes);
}

function highToF64(lanes: v128): v128 {
  return f64x2.convert_low_i32x4_s(i32x4.shuffle(lanes, lanes, 2, 3, 2, 3));
}

/** Plain: OUT[i] = base + code[i]. */
export function restorePlain(count: u32, base: f64): void {
  const bases = f64x2.splat(base);
  for (let i: u32 = 0; i < count; i += 4) {
    const codes = v128.load(CODES + 4 * i);
    v128.store(OUT + 8 * i, f64x2.add(bases, lowToF64(codes)));
    v128.store(OUT + 8 * i, f64x2.add(bases, highToF64(codes)), 16);
  }
}

/** Delta: `count` codes of at most 27 bits make count + 1 integers. */
export function restoreDelta(count: u32, base: f64, step: f64): void {
  store<f64>(OUT, base);
  const steps = f64x2(step, 2 * step);
  const moreSteps = f64x2(3 * step, 4 * step);
  let last = f64x2.splat(base);
  for (let i: u32 = 0; i < count; i += 4) {
    const sums = prefixSum(unzigzag(v128.load(CODES + 4 * i)));
    const low = f64x2.add(last, f64x2.add(steps, lowToF64(sums)));
    const high = f64x2.add(last, f64x2.add(moreSteps, highToF64(sums)));
    v128.store(OUT + 8 * i, low, 8);
    v128.store(OUT + 8 * i, high, 24);
    last = i64x2.shuffle(high, high, 1, 1);
  }
}

/** Delta of delta: `count` codes of at most 27 bits make count + 2 integers. */
export function restoreDelta2(count: u32, base: f64, step: f64): void {
  store<f64>(OUT, base);
  store<f64>(OUT, base + step, 8);
  let last = f64x2.splat(base + step);
  let delta = f64x2.splat(step);
  for (let i: u32 = 0; i < count; i += 4) {
    const deltas = prefixSum(unzigzag(v128.load(CODES + 4 * i)));
    const sums = prefixSum(deltas);
    const low = f64x2.add(f64x2.add(last, f64x2.mul(delta, f64x2(1, 2))), lowToF64(sums));
    const high = f64x2.add(f64x2.add(last, f64x2.mul(delta, f64x2(3, 4))), highToF64(sums));
    v128.store(OUT + 8 * i, low, 16);
    v128.store(OUT + 8 * i, high, 32);
    last = i64x2.shuffle(high, high, 1, 1);
    const grown = highToF64(deltas);
    delta = f64x2.add(delta, i64x2.shuffle(grown, grown, 1, 1));
  }
}

/** Grid: `count` codes make count + 1 integers. */
export function restoreGrid(count: u32, base: f64, pitch: f64): void {
  store<f64>(OUT, base);
  const bases = f64x2.splat(base);
  const pitches = f64x2.splat(pitch);
  const half = f64x2.splat(0.5);
  let places = f64x2(1, 2);
  for (let i: u32 = 0; i < count; i += 4) {
    const misses = unzigzag(v128.load(CODES + 4 * i));
    const low = f64x2.floor(f64x2.add(f64x2.mul(places, pitches), half));
    places = f64x2.add(places, f64x2.splat(2));
    const high = f64x2.floor(f64x2.add(f64x2.mul(places, pitches), half));
    places = f64x2.add(places, f64x2.splat(2));
    v128.store(OUT + 8 * i, f64x2.add(f64x2.add(bases, low), lowToF64(misses)), 8);
    v128.store(OUT + 8 * i, f64x2.add(f64x2.add(bases, high), highToF64(misses)), 24);
  }
}

/**
 * Integers less the first one, in 32 bits. They take the places of their codes, so that the first stands one place before
 * CODES for delta, two for delta of delta.
 */
export function sumDelta(count: u32, step: i32): void {
  store<i32>(CODES - 4, 0);
  const steps = i32x4(step, 2 * step, 3 * step, 4 * step);
  let last = i32x4.splat(0);
  for (let at = CODES; at < CODES + 4 * count; at += 16) {
    const sums = i32x4.add(i32x4.add(last, steps), prefixSum(unzigzag(v128.load(at))));
    v128.store(at, sums);
    last = i32x4.shuffle(sums, sums, 3, 3, 3, 3);
  }
}

export function sumDelta2(count: u32, step: i32): void {
  store<i32>(CODES - 8, 0);
  store<i32>(CODES - 4, step);
  let last = i32x4.splat(step);
  let delta = last;
  for (let at = CODES; at < CODES + 4 * count; at += 16) {
    const deltas = prefixSum(unzigzag(v128.load(at)));
    const sums = i32x4.add(i32x4.add(last, i32x4.mul(delta, i32x4(1, 2, 3, 4))), prefixSum(deltas));
    v128.store(at, sums);
    last = i32x4.shuffle(sums, sums, 3, 3, 3, 3);
    delta = i32x4.add(delta, i32x4.shuffle(deltas, deltas, 3, 3, 3, 3));
  }
}

/** Each of eight lanes with those before it added. */
function prefixSum8(lanes: v128): v128 {
  const none = i16x8.splat(0);
  const twos = i16x8.add(lanes, i16x8.shuffle(none, lanes, 7, 8, 9, 10, 11, 12, 13, 14));
  const fours = i16x8.add(twos, i16x8.shuffle(none, twos, 6, 7, 8, 9, 10, 11, 12, 13));
  return i16x8.add(fours, i16x8.shuffle(none, fours, 4, 5, 6, 7, 8, 9, 10, 11));
}

/**
 * Unpacks codes of `width` bits (0 to 15) and does as sumDelta, at once: eight residuals with their steps must have a sum
 * of 16 bits.
 */
export function unpackAndSumDelta(width: u32, count: u32, step: i32): void {
  const bits = width & 7;
  const hasLowByte = width > 7;
  const bytes = v128.load(SPREADS + bits * 32);
  const factors = v128.load(SPREADS + bits * 32 + 16);
  const steps = i16x8.splat(<i16>step);
  let top = hasLowByte ? PLANES + count : PLANES;
  let to = CODES;
  let last = i32x4.splat(0);
  store<i32>(CODES - 4, 0);
  for (let low = PLANES; low < PLANES + count; low += 8) {
    // Without bits, factors are 0.
    let codes = i16x8.shr_u(i16x8.mul(i8x16.swizzle(v128.load(top), bytes), factors), 16 - bits);
    top += bits;
    if (hasLowByte) codes = v128.or(i16x8.shl(codes, 8), v128.load8x8_u(low));
    const signs = i16x8.shr_s(i16x8.shl(codes, 15), 15);
    const sums = prefixSum8(i16x8.add(v128.xor(i16x8.shr_u(codes, 1), signs), steps));
    v128.store(to, i32x4.add(last, i32x4.extend_low_i16x8_s(sums)));
    const high = i32x4.add(last, i32x4.extend_high_i16x8_s(sums));
    v128.store(to, high, 16);
    to += 32;
    last = i32x4.shuffle(high, high, 3, 3, 3, 3);
  }
}

/**
 * The corners of `stretches` of the integers of 32 bits that begin `skipped` places before CODES, as `base` plus each: to
 * OUT, four a stretch.
 */
export function foldIntegers(stretches: u32, skipped: u32, base: f64): void {
  const start = CODES - 4 * skipped;
  let at = start + 4 * load<u32>(CUTS);
  for (let stretch: u32 = 0; stretch < stretches; stretch++) {
    const end = start + 4 * load<u32>(CUTS + 4 * stretch, 4);
    const out = OUT + 32 * stretch;
    store<f64>(out, base + f64(load<i32>(at)), 16);
    store<f64>(out, base + f64(load<i32>(end - 4)), 24);
    let leastA = v128.load32_splat(at);
    let greatestA = leastA;
    let leastB = leastA;
    let greatestB = leastA;
    for (; at + 32 <= end; at += 32) {
      const a = v128.load(at);
      const b = v128.load(at, 16);
      leastA = i32x4.min_s(leastA, a);
      greatestA = i32x4.max_s(greatestA, a);
      leastB = i32x4.min_s(leastB, b);
      greatestB = i32x4.max_s(greatestB, b);
    }
    for (; at < end; at += 4) {
      const one = v128.load32_splat(at);
      leastA = i32x4.min_s(leastA, one);
      greatestA = i32x4.max_s(greatestA, one);
    }
    const fours = i32x4.min_s(leastA, leastB);
    const twos = i32x4.min_s(fours, i32x4.shuffle(fours, fours, 2, 3, 0, 1));
    store<f64>(out, base + f64(i32x4.extract_lane(i32x4.min_s(twos, i32x4.shuffle(twos, twos, 1, 0, 3, 2)), 0)));
    const upFours = i32x4.max_s(greatestA, greatestB);
    const upTwos = i32x4.max_s(upFours, i32x4.shuffle(upFours, upFours, 2, 3, 0, 1));
    store<f64>(
      out,
      base + f64(i32x4.extract_lane(i32x4.max_s(upTwos, i32x4.shuffle(upTwos, upTwos, 1, 0, 3, 2)), 0)),
      8,
    );
  }
}

/** The corners of `stretches` of OUT, to CORNERS: NaN is neither least nor greatest, and of zeros of both signs the first is told. */
export function foldValues(stretches: u32): void {
  for (let stretch: u32 = 0; stretch < stretches; stretch++) {
    const from = load<u32>(CUTS + 4 * stretch);
    const to = load<u32>(CUTS + 4 * stretch, 4);
    const out = CORNERS + 32 * stretch;
    measure(from, to);
    const least = load<f64>(EXTENT);
    const greatest = load<f64>(EXTENT, 8);
    const isEmpty = least > greatest;
    store<f64>(out, isEmpty ? NaN : least === 0 ? firstZero(from) : least);
    store<f64>(out, isEmpty ? NaN : greatest === 0 ? firstZero(from) : greatest, 8);
    // As words: the payload of a NaN must not pass through arithmetic.
    store<u64>(out, load<u64>(OUT + 8 * from), 16);
    store<u64>(out, load<u64>(OUT + 8 * to - 8), 24);
  }
}

/** The first zero of either sign from OUT[at] on, where there is one. */
function firstZero(at: u32): f64 {
  while (load<f64>(OUT + 8 * at) !== 0) at++;
  return load<f64>(OUT + 8 * at);
}

/** OUT[i] = OUT[i] * gain + offset, rounded twice. */
export function scale(count: u32, gain: f64, offset: f64): void {
  const gains = f64x2.splat(gain);
  const offsets = f64x2.splat(offset);
  for (let at = OUT; at < OUT + 8 * count; at += 32) {
    v128.store(at, f64x2.add(f64x2.mul(v128.load(at), gains), offsets));
    v128.store(at, f64x2.add(f64x2.mul(v128.load(at, 16), gains), offsets), 16);
  }
}

/** OUT[i] = OUT[i] * gain: without an offset, since adding 0 would make -0 positive. */
export function multiply(count: u32, gain: f64): void {
  const gains = f64x2.splat(gain);
  for (let at = OUT; at < OUT + 8 * count; at += 32) {
    v128.store(at, f64x2.mul(v128.load(at), gains));
    v128.store(at, f64x2.mul(v128.load(at, 16), gains), 16);
  }
}

/** OUT[i] = OUT[i] / divisor. */
export function divide(count: u32, divisor: f64): void {
  const divisors = f64x2.splat(divisor);
  for (let at = OUT; at < OUT + 8 * count; at += 32) {
    v128.store(at, f64x2.div(v128.load(at), divisors));
    v128.store(at, f64x2.div(v128.load(at, 16), divisors), 16);
  }
}

/**
 * The least and the greatest of OUT[from] to OUT[to - 1], to EXTENT; NaN is left out, and +Infinity and -Infinity are what
 * is left of nothing.
 */
export function measure(from: u32, to: u32): void {
  let leastA = f64x2.splat(Infinity);
  let leastB = leastA;
  let greatestA = f64x2.splat(-Infinity);
  let greatestB = greatestA;
  let at = OUT + 8 * from;
  const end = OUT + 8 * to;
  for (; at + 32 <= end; at += 32) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    leastA = f64x2.pmin(leastA, a);
    leastB = f64x2.pmin(leastB, b);
    greatestA = f64x2.pmax(greatestA, a);
    greatestB = f64x2.pmax(greatestB, b);
  }
  for (; at < end; at += 8) {
    const one = v128.load64_splat(at);
    leastA = f64x2.pmin(leastA, one);
    greatestA = f64x2.pmax(greatestA, one);
  }
  const least = f64x2.pmin(leastA, leastB);
  const greatest = f64x2.pmax(greatestA, greatestB);
  store<f64>(EXTENT, lesser(f64x2.extract_lane(least, 0), f64x2.extract_lane(least, 1)));
  store<f64>(EXTENT, -lesser(-f64x2.extract_lane(greatest, 0), -f64x2.extract_lane(greatest, 1)), 8);
}

/** True where none of OUT[0] to OUT[count - 1] is less than the one before. */
export function ascends(count: u32): bool {
  let falls = i64x2.splat(0);
  let at = OUT;
  const last = OUT + 8 * (count - 1);
  for (; at + 16 <= last; at += 16) falls = v128.or(falls, f64x2.lt(v128.load(at, 8), v128.load(at)));
  if (at < last) falls = v128.or(falls, f64x2.lt(v128.load64_splat(at, 8), v128.load64_splat(at)));
  return !v128.any_true(falls);
}

/** The sum of OUT[from] to OUT[to - 1], NaN left out, in four interleaved parts. */
export function sum(from: u32, to: u32): f64 {
  let sumsA = f64x2.splat(0);
  let sumsB = sumsA;
  let at = OUT + 8 * from;
  const end = OUT + 8 * to;
  for (; at + 32 <= end; at += 32) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    sumsA = f64x2.add(sumsA, v128.and(a, f64x2.eq(a, a)));
    sumsB = f64x2.add(sumsB, v128.and(b, f64x2.eq(b, b)));
  }
  const sums = f64x2.add(sumsA, sumsB);
  let total = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
  for (; at < end; at += 8) {
    const one = v128.load64_splat(at);
    total += f64x2.extract_lane(v128.and(one, f64x2.eq(one, one)), 0);
  }
  return total;
}

function lesser(a: f64, b: f64): f64 {
  return b < a ? b : a;
}
