import type { Codes } from './planes.ts';

/** Predictions of the next integer of a run (BLOCK-6.4 and 6.5), and back from what they left over. */

/** Greatest magnitude of an integer of a run: residuals of every prediction then stay exact in a float64. */
export const INTEGER_MAX = 2 ** 49;

/** How the next integer is predicted; the place in the list is its number in the form byte (BLOCK-6.2). */
export const PREDICTIONS = ['plain', 'delta', 'delta2', 'grid'] as const;
export type Prediction = (typeof PREDICTIONS)[number];

/** Values that are looked at to find the middle one. */
const MEDIAN_PROBES = 255;

export interface Predicted {
  /** The least integer for `plain`, otherwise the first. */
  readonly base: number;
  /** Usual step of `delta`, first step of `delta2`, pitch of `grid`; 0 for `plain`. */
  readonly step: number;
  /** Whole numbers from 0 to 2^53 - 1; {@link skippedBy} fewer than integers. */
  readonly residuals: Float64Array;
}

/** Integers at the start of a run that have no residual. */
export function skippedBy(prediction: Prediction): number {
  return prediction === 'plain' ? 0 : prediction === 'delta2' ? 2 : 1;
}

/** What is left of `integers` (magnitude at most {@link INTEGER_MAX}, at least one). */
export function predict(integers: Float64Array, prediction: Prediction): Predicted {
  switch (prediction) {
    case 'plain':
      return predictPlain(integers);
    case 'delta':
      return predictDelta(integers);
    case 'delta2':
      return predictDelta2(integers);
    case 'grid':
      return predictGrid(integers);
  }
}

function predictPlain(integers: Float64Array): Predicted {
  let base = integers[0] ?? 0;
  for (let i = 1; i < integers.length; i++) base = Math.min(base, integers[i] ?? 0);
  const residuals = new Float64Array(integers.length);
  for (let i = 0; i < residuals.length; i++) residuals[i] = (integers[i] ?? 0) - base;
  return { base, step: 0, residuals };
}

function predictDelta(integers: Float64Array): Predicted {
  const residuals = differences(integers);
  const step = median(residuals);
  for (let i = 0; i < residuals.length; i++) residuals[i] = zigzag((residuals[i] ?? 0) - step);
  return { base: integers[0] ?? 0, step, residuals };
}

function predictDelta2(integers: Float64Array): Predicted {
  const deltas = differences(integers);
  const residuals = differences(deltas);
  for (let i = 0; i < residuals.length; i++) residuals[i] = zigzag(residuals[i] ?? 0);
  return { base: integers[0] ?? 0, step: deltas[0] ?? 0, residuals };
}

function predictGrid(integers: Float64Array): Predicted {
  const base = integers[0] ?? 0;
  const last = integers.length - 1;
  const pitch = last === 0 ? 0 : ((integers[last] ?? 0) - base) / last;
  const residuals = new Float64Array(last);
  for (let i = 1; i <= last; i++) residuals[i - 1] = zigzag((integers[i] ?? 0) - base - Math.floor(i * pitch + 0.5));
  return { base, step: pitch, residuals };
}

/** Writes the integers that left `codes` into `out`. */
export function restore(prediction: Prediction, base: number, step: number, codes: Codes, out: Float64Array): void {
  if (prediction === 'plain') {
    for (let i = 0; i < out.length; i++) out[i] = base + (codes[i] ?? 0);
    return;
  }
  out[0] = base;
  if (codes instanceof Uint32Array) restoreNarrow(prediction, base, step, codes, out);
  else restoreWide(prediction, base, step, codes, out);
}

function restoreNarrow(
  prediction: Prediction,
  base: number,
  step: number,
  codes: Uint32Array,
  out: Float64Array,
): void {
  const count = out.length;
  let value = base;
  if (prediction === 'delta') {
    for (let i = 1; i < count; i++) {
      const code = codes[i - 1] ?? 0;
      value += step + ((code >>> 1) ^ -(code & 1));
      out[i] = value;
    }
  } else if (prediction === 'grid') {
    for (let i = 1; i < count; i++) {
      const code = codes[i - 1] ?? 0;
      out[i] = base + Math.floor(i * step + 0.5) + ((code >>> 1) ^ -(code & 1));
    }
  } else if (count > 1) {
    let delta = step;
    value += delta;
    out[1] = value;
    for (let i = 2; i < count; i++) {
      const code = codes[i - 2] ?? 0;
      delta += (code >>> 1) ^ -(code & 1);
      value += delta;
      out[i] = value;
    }
  }
}

function restoreWide(prediction: Prediction, base: number, step: number, codes: Float64Array, out: Float64Array): void {
  const count = out.length;
  let value = base;
  if (prediction === 'delta') {
    for (let i = 1; i < count; i++) {
      value += step + unzigzag(codes[i - 1] ?? 0);
      out[i] = value;
    }
  } else if (prediction === 'grid') {
    for (let i = 1; i < count; i++) out[i] = base + Math.floor(i * step + 0.5) + unzigzag(codes[i - 1] ?? 0);
  } else if (count > 1) {
    let delta = step;
    value += delta;
    out[1] = value;
    for (let i = 2; i < count; i++) {
      delta += unzigzag(codes[i - 2] ?? 0);
      value += delta;
      out[i] = value;
    }
  }
}

function differences(integers: Float64Array): Float64Array {
  const deltas = new Float64Array(Math.max(0, integers.length - 1));
  for (let i = 0; i < deltas.length; i++) deltas[i] = (integers[i + 1] ?? 0) - (integers[i] ?? 0);
  return deltas;
}

/** The middle one of values from all over; any value would do, this one makes most residuals small. */
function median(values: Float64Array): number {
  const count = Math.min(values.length, MEDIAN_PROBES);
  const probes = new Float64Array(count);
  for (let i = 0; i < count; i++) probes[i] = values[Math.floor((i * values.length) / count)] ?? 0;
  return (probes.sort()[count >> 1] ?? 0) + 0;
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function unzigzag(code: number): number {
  return code % 2 === 0 ? code / 2 : -(code + 1) / 2;
}
