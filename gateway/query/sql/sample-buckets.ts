import { type EnvelopeNode, mergeNodes, nodeOf } from '../../store/envelope-node.ts';
import { lowerBound } from '../lower-bound.ts';
import type { Samples } from '../telemetry.ts';

/** Sums over the samples of one step. NaN counts as a sample, and in nothing else. */
export interface SampleBucket extends EnvelopeNode {
  /** Where the step begins, or the first sample where all is one step; UTC, microseconds. */
  readonly time: number;
  /** Samples that are numbers. */
  readonly numbers: number;
}

/**
 * One bucket for each step that has samples, in the order of time. Works on whole columns: some nanoseconds a sample.
 *
 * @param pieces in the order of time
 * @param step microseconds, counted from 1970; infinite for one bucket
 */
export function* bucketRows(pieces: Iterable<Samples>, step: number): IterableIterator<SampleBucket> {
  let bucket: SampleBucket | undefined;
  for (const { times, values } of pieces) {
    if (!(values instanceof Float64Array)) continue;
    let start = 0;
    while (start < times.length) {
      const index = Math.floor((times[start] as number) / step);
      const end = Number.isFinite(step) ? lowerBound(times, (index + 1) * step) : times.length;
      const time = Number.isFinite(step) ? index * step : (bucket?.time ?? (times[start] as number));
      const added = { ...nodeOf(times, values, start, end), time, numbers: numbersIn(values, start, end) };
      if (bucket?.time === time) bucket = merged(bucket, added);
      else {
        if (bucket !== undefined) yield bucket;
        bucket = added;
      }
      start = end;
    }
  }
  if (bucket !== undefined) yield bucket;
}

function merged(a: SampleBucket, b: SampleBucket): SampleBucket {
  return { ...mergeNodes(a, b), time: a.time, numbers: a.numbers + b.numbers };
}

function numbersIn(values: Float64Array, start: number, end: number): number {
  let numbers = 0;
  for (let i = start; i < end; i += 1) if (!Number.isNaN(values[i])) numbers += 1;
  return numbers;
}
