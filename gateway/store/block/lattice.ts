import { INTEGER_MAX } from './prediction.ts';

/**
 * A lattice that numbers lie on: in units of some decimal they are whole, and their differences have a common divisor,
 * which is the gain of a scale, or a multiple of it.
 */
export interface Lattice {
  /** Decimals of the values, and units in 1. */
  readonly places: number;
  readonly unit: number;
  /** Of all differences, and the first value; in units. */
  readonly divisor: number;
  readonly first: number;
}

/** Decimals looked for. */
const DECIMALS_MAX = 9;

/** Offsets looked for: so many units of a power of ten. */
const OFFSET_ROUND_UNITS_MAX = 400;

/** A gain found as the greatest common divisor is a multiple of the true one where the data skips integers. */
const GAIN_PARTS = [1, 3, 5, 7, 9];

/** The lattice of `values`; undefined where they have too many decimals, or are all the same. */
export function latticeOf(values: Float64Array): Lattice | undefined {
  const places = decimalPlaces(values);
  if (places === undefined) return undefined;
  const unit = 10 ** places;
  const divisor = latticeDivisor(values, unit);
  return divisor === 0 ? undefined : { places, unit, divisor, first: Math.round((values[0] ?? 0) * unit) };
}

/** Gains and round offsets on which the values may lie. */
export function* roundScales({ places, unit, divisor, first }: Lattice): Generator<{ gain: number; offset: number }> {
  for (const part of GAIN_PARTS) {
    if (divisor % part !== 0) continue;
    const gain = divisor / part;
    for (const offset of roundOffsets(first, gain, places)) yield { gain: gain / unit, offset: offset / unit };
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
