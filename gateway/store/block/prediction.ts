import { column, kernels } from './kernels/kernels.ts';

/** Predictions of the next integer of a run (BLOCK-6.4), and what they leave. */

/** Greatest magnitude of an integer of a run: residuals of every prediction then stay exact in a float64 (BLOCK-6.1). */
export const INTEGER_MAX = 2 ** 47;

/** How the next integer is predicted; the place in the list is its number in the form byte (BLOCK-6.2). */
export const PREDICTIONS = ['plain', 'delta', 'delta2', 'grid'] as const;
export type Prediction = (typeof PREDICTIONS)[number];

/** Steps that are looked at to find the middle one. */
const MEDIAN_PROBES = 31;
const probes = new Float64Array(MEDIAN_PROBES);

/** What a run is predicted from. */
export interface Start {
  readonly prediction: Prediction;
  /** The least integer for `plain`, otherwise the first. */
  readonly base: number;
  /** Usual step of `delta`, first step of `delta2`, pitch of `grid`; 0 for `plain`. */
  readonly step: number;
}

/** Integers at the start of a run that have no residual. */
export function skippedBy(prediction: Prediction): number {
  return prediction === 'plain' ? 0 : prediction === 'delta2' ? 2 : 1;
}

/**
 * How `prediction` begins for `integers`, at least one.
 * @param least the least of them
 */
export function startOf(prediction: Prediction, integers: Int32Array | Float64Array, least: number): Start {
  const base = integers[0] ?? 0;
  const last = integers.length - 1;
  switch (prediction) {
    case 'plain':
      return { prediction, base: least, step: 0 };
    case 'delta':
      return { prediction, base, step: usualStep(integers) };
    case 'delta2':
      return { prediction, base, step: last === 0 ? 0 : (integers[1] ?? 0) - base };
    case 'grid':
      return { prediction, base, step: last === 0 ? 0 : ((integers[last] ?? 0) - base) / last };
  }
}

/** Leaves the codes of the `count` steps that the kernels hold; returns how many: {@link skippedBy} fewer. */
export function leaveCodes({ prediction, step }: Start, count: number): number {
  const left = Math.max(0, count - skippedBy(prediction));
  if (prediction === 'plain') kernels.leavePlain(left);
  else if (prediction === 'delta') kernels.leaveDelta(left, step);
  else if (prediction === 'delta2') kernels.leaveDelta2(left);
  else kernels.leaveGrid(left, step);
  return left;
}

/** The residuals of `integers` of any magnitude. */
export function residualsOf({ prediction, base, step }: Start, integers: Float64Array): Float64Array {
  const skipped = skippedBy(prediction);
  const residuals = new Float64Array(Math.max(0, integers.length - skipped));
  for (let i = 0; i < residuals.length; i++) {
    const integer = integers[i + skipped] ?? 0;
    const before = integers[i + skipped - 1] ?? 0;
    if (prediction === 'plain') residuals[i] = integer - base;
    else if (prediction === 'delta') residuals[i] = zigzag(integer - before - step);
    else if (prediction === 'grid') residuals[i] = zigzag(integer - base - Math.floor((i + 1) * step + 0.5));
    else residuals[i] = zigzag(integer - before - (before - (integers[i] ?? 0)));
  }
  return residuals;
}

/** Restores the integers that left `count` codes, of at most SUMMED_WIDTH_MAX bits, to the column. */
export function restoreIntegers({ prediction, base, step }: Start, count: number): void {
  if (prediction === 'plain') kernels.restorePlain(count, base);
  else if (prediction === 'delta') kernels.restoreDelta(count, base, step);
  else if (prediction === 'delta2') kernels.restoreDelta2(count, base, step);
  else kernels.restoreGrid(count, base, step);
}

/** Restores the integers that left `residuals`, of any width, to the column. */
export function restoreWide({ prediction, base, step }: Start, residuals: Float64Array): void {
  const count = residuals.length;
  let value = base;
  column[0] = base;
  if (prediction === 'plain') {
    for (let i = 0; i < count; i++) column[i] = base + (residuals[i] ?? 0);
  } else if (prediction === 'delta') {
    for (let i = 0; i < count; i++) {
      value += step + unzigzag(residuals[i] ?? 0);
      column[i + 1] = value;
    }
  } else if (prediction === 'grid') {
    for (let i = 0; i < count; i++)
      column[i + 1] = base + Math.floor((i + 1) * step + 0.5) + unzigzag(residuals[i] ?? 0);
  } else {
    let delta = step;
    value += delta;
    column[1] = value;
    for (let i = 0; i < count; i++) {
      delta += unzigzag(residuals[i] ?? 0);
      value += delta;
      column[i + 2] = value;
    }
  }
}

/** The middle one of steps from all over; any number would do, this one makes most residuals small. */
function usualStep(integers: Int32Array | Float64Array): number {
  const steps = integers.length - 1;
  const count = Math.min(steps, MEDIAN_PROBES);
  for (let i = 0; i < count; i++) {
    const at = Math.floor((i * steps) / count);
    probes[i] = (integers[at + 1] ?? 0) - (integers[at] ?? 0);
  }
  return (probes.subarray(0, count).sort()[count >> 1] ?? 0) + 0;
}

/** 0, -1, 1, -2, 2 as 0, 1, 2, 3, 4; and back. */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

/** s(r) of BLOCK-6.4. */
export function unzigzag(code: number): number {
  return code % 2 === 0 ? code / 2 : -(code + 1) / 2;
}
