import { column, kernels, values as kernelValues, places } from './kernels/kernels.ts';
import { type Lattice, latticeOf, roundScales } from './lattice.ts';
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

/** Offsets looked for: so many gains from the nearest to 0. They are tried on so many numbers. */
const OFFSET_GAINS_MAX = 65_536;
const OFFSET_PROBES = 64;

/** A wrong offset gives back many numbers by chance: looked for is one that gives back all, then nearly all, and then most. */
const EXACT: Tolerance = { share: Number.POSITIVE_INFINITY, probes: 0, offsetProbes: 0 };
const STRICT: Tolerance = { share: 64, probes: 0, offsetProbes: 2 };
const LOOSE: Tolerance = {
  share: EXCEPTION_SHARE,
  probes: PROBES / EXCEPTION_SHARE,
  offsetProbes: OFFSET_PROBES / EXCEPTION_SHARE,
};

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
  const lattice = latticeOf(values);
  if (lattice === undefined) return undefined;
  for (const tolerance of [EXACT, STRICT, LOOSE]) {
    const scaled = onLattice(count, probes, lattice, tolerance);
    if (scaled !== undefined) return scaled;
  }
  return undefined;
}

/** How many exceptions a scale may have, and which numbers that it is tried on may miss before. */
interface Tolerance {
  /** One number in so many may be an exception. */
  readonly share: number;
  readonly probes: number;
  readonly offsetProbes: number;
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

function tryScale(count: number, probes: Float64Array, scale: Scale, tolerance = LOOSE): Scaled | undefined {
  return holds(probes, scale, tolerance.probes) ? scaleAll(count, scale, tolerance) : undefined;
}

/** True where all but so many of the probes come back; false at the first that are too many. */
function holds(probes: Float64Array, scale: Scale, mostMisses: number): boolean {
  let misses = 0;
  for (const value of probes) {
    const integer = integerOf(value, scale);
    const back = scale.divide ? integer / scale.gain : integer * scale.gain + scale.offset;
    if (back !== value && ++misses > mostMisses) return false;
  }
  return true;
}

/** The `count` values that the kernels hold. */
function scaleAll(count: number, scale: Scale, { share } = LOOSE): Scaled | undefined {
  const most = Math.floor(count / share);
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

/** A scale of the lattice: with a round offset, or else one that is a number of gains away, the nearest to 0 first. */
function onLattice(count: number, probes: Float64Array, lattice: Lattice, tolerance: Tolerance): Scaled | undefined {
  for (const { gain, offset } of roundScales(lattice)) {
    const scaled = tryScale(count, probes, { gain, offset, divide: false }, tolerance);
    if (scaled !== undefined) return scaled;
  }
  const { unit, divisor, first } = lattice;
  const offsetProbes = Math.min(count, OFFSET_PROBES);
  const stride = Math.floor(count / offsetProbes);
  const nearest = first % divisor;
  const most = tolerance.offsetProbes;
  for (let gains = 0; gains < OFFSET_GAINS_MAX; ) {
    const found = kernels.findOffset(offsetProbes, stride, nearest, divisor, unit, gains + 1, OFFSET_GAINS_MAX, most);
    if (found === 0) break;
    gains = Math.abs(found);
    const offset = (nearest + found * divisor) / unit;
    const scaled = scaleAll(count, { gain: divisor / unit, offset, divide: false }, tolerance);
    if (scaled !== undefined) return scaled;
  }
  return undefined;
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}
