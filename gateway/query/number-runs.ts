import type { NumberRun } from './telemetry.ts';

/** Runs in order, those that follow one another or overlap as one. */
export function joinedRuns(runs: readonly NumberRun[]): NumberRun[] {
  const out: { first: number; end: number }[] = [];
  for (const { first, end } of runs.toSorted((a, b) => a.first - b.first)) {
    const last = out.at(-1);
    if (last !== undefined && first <= last.end) last.end = Math.max(last.end, end);
    else out.push({ first, end });
  }
  return out;
}
