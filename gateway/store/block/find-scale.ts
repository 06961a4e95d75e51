import { column, kernels, values as kernelValues, places } from './kernels/kernels.ts';
import { INTEGER_MAX } from './prediction.ts';

/**
 * Finds the integers behind a run of numbers: sensors count, and what arrives is the count times a gain plus an offset,
 * or a decimal. Nothing here needs to be certain, since every value is compared bit by bit before a scale is used.
 */

/** How a number comes from an integer: `divide` as integer / gain, otherwise integer * gain + offset, in float64. */
export interface Scale {
  readonly gain: number;
  readonly offset: number;
  readonly divide: boolean;
}

/** Numbers as integers of a scale. */
export interface Scaled {
  readonly scale: Scale;
  /** One for every number; at an exception that of the number before. Scratch memory, valid until the next column. */
  readonly integers: Float64Array;
  /** Places, ascending, of numbers that the scale does not give back bit by bit. */
  readonly exceptions: Uint32Array;
}

const NO_EXCEPTIONS = new Uint32Array(0);

const IDENTITY: Scale = { gain: 1, offset: 0, divide: false };

/** One number in so many may be an exception; with more, another encoding is better. */
const EXCEPTION_SHARE = 8;

/** Numbers that a scale is tried on before all are. */
const PROBES = 16;
const probeValues = new Float64Array(PROBES);

/** Decimals looked for, and powers of two below one. */
const DECIMALS_MAX = 9;
const BINARY_PLACES_MAX = 16;

/** Offsets looked for: so many units of a power of ten, and so many gains from the first value. */
const OFFSET_ROUND_UNITS_MAX = 400;
const OFFSET_GAINS_MAX = 40_000;

/** A gain found as the greatest common divisor is a multiple of the true one where the data skips integers. */
const GAIN_PARTS = [1, 3, 5, 7, 9];

/** Decimal fractions first, since that is what text payloads carry; then binary fractions and plain decimal gains. */
const COMMON_SCALES: readonly Scale[] = [
  IDENTITY,
  ...upTo(DECIMALS_MAX).map((places) => ({ gain: 10 ** places, offset: 0, divide: true })),
  ...upTo(BINARY_PLACES_MAX).map((places) => ({ gain: 2 ** -places, offset: 0, divide: false })),
  ...upTo(DECIMALS_MAX).map((places) => ({ gain: Number(`1e-${places}`), offset: 0, divide: false })),
];

/**
 * The integers of `values` (at least one); undefined where there are none to be found.
 * @param hint gain and offset that the source knows, tried first
 */
export function findScale(values: Float64Array, hint?: { gain: number; offset: number }): Scaled | undefined {
  const count = values.length;
  const probes = probesOf(values);
  kernelValues.set(values);
  if (hint !== undefined && hint.gain !== 0) {
    const scaled = tryScale(count, probes, { gain: hint.gain, offset: hint.offset, divide: false });
    if (scaled !== undefined) return scaled;
  }
  for (const scale of COMMON_SCALES) {
    const scaled = tryScale(count, probes, scale);
    if (scaled !== undefined) return scale.divide ? orMultiplied(count, probes, scaled) : scaled;
  }
  // Thousands of scales would be tried in vain on numbers of which no scale gives back enough.
  if (neverWhole(values) > Math.floor(values.length / EXCEPTION_SHARE)) return undefined;
  for (const scale of latticeScales(values)) {
    const scaled = tryScale(count, probes, scale);
    if (scaled !== undefined) return scaled;
  }
  return undefined;
}

/** How many of the values are of no scale: -0, NaN and infinite ones. */
function neverWhole(values: Float64Array): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value) || Object.is(value, -0)) count++;
  }
  return count;
}

/**
 * What a source multiplied by a decimal gain, such as 0.01, has another last bit than the quotient for a tenth of all
 * integers: few enough to be exceptions, though the gain needs none.
 */
function orMultiplied(count: number, probes: Float64Array, divided: Scaled): Scaled | undefined {
  if (divided.exceptions.length === 0) return divided;
  const multiplied = tryScale(count, probes, { gain: 1 / divided.scale.gain, offset: 0, divide: false });
  const isBetter = multiplied !== undefined && multiplied.exceptions.length < divided.exceptions.length;
  return isBetter ? multiplied : scaleAll(count, divided.scale);
}

function tryScale(count: number, probes: Float64Array, scale: Scale): Scaled | undefined {
  return holds(probes, scale) ? scaleAll(count, scale) : undefined;
}

/** True where all but an eighth of the probes come back; false at the first that are too many. */
function holds(probes: Float64Array, scale: Scale): boolean {
  let misses = 0;
  for (const value of probes) {
    const integer = integerOf(value, scale);
    const back = scale.divide ? integer / scale.gain : integer * scale.gain + scale.offset;
    if (back !== value && ++misses > PROBES / EXCEPTION_SHARE) return false;
  }
  return true;
}

/** The `count` values that the kernels hold. */
function scaleAll(count: number, scale: Scale): Scaled | undefined {
  const most = Math.floor(count / EXCEPTION_SHARE);
  const { gain, offset, divide } = scale;
  const noted = divide
    ? kernels.integersByDivisor(count, gain, most)
    : kernels.integersByGain(count, gain, offset, most);
  const misses = noted > 0 && places[noted - 1] === count ? noted - 1 : noted;
  if (misses > most) return undefined;
  const integers = column.subarray(0, count);
  const exceptions = misses === 0 ? NO_EXCEPTIONS : places.slice(0, misses);
  for (const place of exceptions) integers[place] = integers[place - 1] ?? 0;
  if (exceptions[0] === 0) fillFront(integers, exceptions);
  return { scale, integers, exceptions };
}

/** Gives exceptions at the very front the integer of the first number that is none. */
function fillFront(integers: Float64Array, exceptions: Uint32Array): void {
  let regular = 0;
  while (exceptions[regular] === regular) regular++;
  integers.fill(integers[regular] ?? 0, 0, regular);
}

/** The integer nearest to what a value stands for; 0 where that is none an encoding can hold. */
function integerOf(value: number, { gain, offset, divide }: Scale): number {
  const integer = Math.round(divide ? value * gain : (value - offset) / gain);
  return Math.abs(integer) <= INTEGER_MAX ? integer + 0 : 0;
}

/** Finite values from all over the run. */
function probesOf(values: Float64Array): Float64Array {
  const stride = Math.max(1, Math.floor(values.length / PROBES));
  let count = 0;
  for (let i = 0; i < values.length && count < PROBES; i += stride) {
    const value = values[i] ?? 0;
    if (Number.isFinite(value) && !Object.is(value, -0)) probeValues[count++] = value;
  }
  return probeValues.subarray(0, count);
}

/**
 * Scales of a lattice that the values lie on: in units of some decimal they are whole, their differences have a common
 * divisor, which is the gain, and the offset is a round number.
 */
function* latticeScales(values: Float64Array): Generator<Scale> {
  const places = decimalPlaces(values);
  if (places === undefined) return;
  const unit = 10 ** places;
  const divisor = latticeDivisor(values, unit);
  if (divisor === 0) return;
  const first = Math.round((values[0] ?? 0) * unit);
  for (const part of GAIN_PARTS) {
    if (divisor % part !== 0) continue;
    const gain = divisor / part;
    for (const offset of roundOffsets(first, gain, places)) {
      yield { gain: gain / unit, offset: offset / unit, divide: false };
    }
  }
  for (const offset of nearOffsets(first, divisor)) {
    yield { gain: divisor / unit, offset: offset / unit, divide: false };
  }
}

/** Fewest decimals that all values have, but for what float64 rounds; undefined where they have more than we look for. */
function decimalPlaces(values: Float64Array): number | undefined {
  let places = 0;
  let unit = 1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (!Number.isFinite(value)) return undefined;
    while (!isNearInteger(value * unit)) {
      places++;
      unit = 10 ** places;
      if (places > DECIMALS_MAX) return undefined;
    }
  }
  return places;
}

function isNearInteger(value: number): boolean {
  const distance = Math.abs(value - Math.round(value));
  return Math.abs(value) < INTEGER_MAX && distance <= Math.max(1e-9, Math.abs(value) * 2 ** -48);
}

function latticeDivisor(values: Float64Array, unit: number): number {
  const first = Math.round((values[0] ?? 0) * unit);
  let divisor = 0;
  for (let i = 1; i < values.length; i++) {
    let rest = Math.abs(Math.round((values[i] ?? 0) * unit) - first);
    while (rest > 0) [divisor, rest] = [rest, divisor % rest];
    if (divisor === 1) return 1;
  }
  return divisor;
}

/** Offsets, in the lattice's unit, on which `first` lies by whole gains: 0, then the roundest. */
function* roundOffsets(first: number, gain: number, places: number): Generator<number> {
  if (first % gain === 0) yield 0;
  for (let power = places + 1; power >= 0; power--) {
    for (let units = 1; units <= OFFSET_ROUND_UNITS_MAX; units++) {
      const offset = units * 10 ** power;
      if ((first + offset) % gain === 0) yield -offset;
      if ((first - offset) % gain === 0) yield offset;
    }
  }
}

/** Offsets that `first` is a not too large number of gains away from, those nearest to 0 first. */
function* nearOffsets(first: number, gain: number): Generator<number> {
  const nearest = first % gain;
  for (let gains = 1; gains <= OFFSET_GAINS_MAX; gains++) {
    yield nearest - gains * gain;
    yield nearest + gains * gain;
  }
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}
