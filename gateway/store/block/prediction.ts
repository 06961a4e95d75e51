import { column, extent, kernels } from './kernels/kernels.ts';

/** Predictions of the next integer of a run (BLOCK-6.4), and what they leave. */

/** Greatest magnitude of an integer of a run: residuals of every prediction then stay exact in a float64 (BLOCK-6.1). */
export const INTEGER_MAX = 2 ** 47;

/** How the next integer is predicted; the place in the list is its number in the form byte (BLOCK-6.2). */
export const PREDICTIONS = ['plain', 'delta', 'delta2', 'grid'] as const;
export type Prediction = (typeof PREDICTIONS)[number];

/** Steps that are looked at to find the middle one. */
const MEDIAN_PROBES = 31;

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

/** How `prediction` begins for the `count` integers in the kernels' column; at least one. */
export function startOf(prediction: Prediction, count: number): Start {
  const base = column[0] ?? 0;
  const last = count - 1;
  switch (prediction) {
    case 'plain':
      kernels.measure(0, count);
      return { prediction, base: (extent[0] ?? 0) + 0, step: 0 };
    case 'delta':
      return { prediction, base, step: usualStep(last) };
    case 'delta2':
      return { prediction, base, step: last === 0 ? 0 : (column[1] ?? 0) - base };
    case 'grid':
      return { prediction, base, step: last === 0 ? 0 : ((column[last] ?? 0) - base) / last };
  }
}

/** Leaves the residuals of the `count` integers in the column; returns how many: {@link skippedBy} fewer. */
export function leaveResiduals({ prediction, base, step }: Start, count: number): number {
  const left = Math.max(0, count - skippedBy(prediction));
  if (prediction === 'plain') kernels.leavePlain(left, base);
  else if (prediction === 'delta') kernels.leaveDelta(left, step);
  else if (prediction === 'delta2') kernels.leaveDelta2(left);
  else kernels.leaveGrid(left, base, step);
  return left;
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
function usualStep(steps: number): number {
  const probes = new Float64Array(Math.min(steps, MEDIAN_PROBES));
  for (let i = 0; i < probes.length; i++) {
    const at = Math.floor((i * steps) / probes.length);
    probes[i] = (column[at + 1] ?? 0) - (column[at] ?? 0);
  }
  return (probes.sort()[probes.length >> 1] ?? 0) + 0;
}

function unzigzag(code: number): number {
  return code % 2 === 0 ? code / 2 : -(code + 1) / 2;
}
