import { BLOCK_SAMPLES_MAX } from '../limits.ts';
import { column, extent, kernels } from './block/kernels/kernels.ts';
import type { NumberSamples } from './pack/pack-info.ts';

/**
 * What a chart needs of a run of samples. `first` and `last` are by time (ties: by sequence), so runs that overlap in
 * time merge right; min, max and sum leave NaN out, and min and max are NaN where nothing else is there.
 */
export interface EnvelopeNode {
  readonly count: number;
  /** Least and greatest time of the run, microseconds. */
  readonly timeMin: number;
  readonly timeMax: number;
  readonly min: number;
  readonly max: number;
  readonly first: number;
  readonly last: number;
  readonly sum: number;
}

/** What values are without their times; min and max are NaN where nothing but NaN is there. */
export type Envelope = Pick<EnvelopeNode, 'min' | 'max' | 'sum'>;

/** Fewer samples than this are gone through one by one: handing them to the kernels takes longer. */
const KERNEL_SAMPLES_MIN = 48;

/** The node of samples [start, end); at least one. */
export function nodeOf(times: Float64Array, values: Float64Array, start: number, end: number): EnvelopeNode {
  const count = end - start;
  if (count < KERNEL_SAMPLES_MIN || count > BLOCK_SAMPLES_MAX) return nodeOneByOne(times, values, start, end);
  column.set(times.subarray(start, end));
  kernels.measure(0, count);
  const [timeMin = 0, timeMax = 0] = extent;
  const first = values[times.indexOf(timeMin, start)] ?? Number.NaN;
  const last = values[times.lastIndexOf(timeMax, end - 1)] ?? Number.NaN;
  return { count, timeMin, timeMax, first, last, ...envelopeOf(values, start, end) };
}

/** The node of a block as `Pack.look` gives it: columns that stand in the kernels' memory are not copied. */
export function nodeOfLook({ times, values, ascends }: NumberSamples): EnvelopeNode {
  const count = times.length;
  // What follows takes the memory in which the values may stand.
  if (!ascends || count < KERNEL_SAMPLES_MIN) return nodeOf(times, values.slice(), 0, count);
  const [timeMin = 0, first = Number.NaN] = [times[0], values[0]];
  const [timeMax = 0, last = Number.NaN] = [times[count - 1], values[count - 1]];
  return { count, timeMin, timeMax, first, last, ...envelopeOf(values, 0, count) };
}

/** The envelope of values [start, end), at most BLOCK_SAMPLES_MAX. Of zeros of both signs, the first is told. */
export function envelopeOf(values: Float64Array, start: number, end: number): Envelope {
  const at = staged(values, start, end);
  const to = at + end - start;
  kernels.measure(at, to);
  const [least = 0, greatest = 0] = extent;
  return { ...told(least, greatest, values, start), sum: kernels.sum(at, to) };
}

/** Where values [start, end) stand in the memory of the kernels, into which they are copied where they are elsewhere. */
function staged(values: Float64Array, start: number, end: number): number {
  if (values.buffer === column.buffer) return (values.byteOffset - column.byteOffset) / 8 + start;
  column.set(values.subarray(start, end));
  return 0;
}

/** What the kernels measured of values from `start` on, as an envelope tells it. */
function told(least: number, greatest: number, values: Float64Array, start: number): Pick<Envelope, 'min' | 'max'> {
  if (least > greatest) return { min: Number.NaN, max: Number.NaN };
  return { min: zeroAsMet(least, values, start), max: zeroAsMet(greatest, values, start) };
}

/** The kernels take zeros as they come by; what is told is the first. */
function zeroAsMet(value: number, values: Float64Array, start: number): number {
  return value === 0 ? (values[values.indexOf(0, start)] ?? 0) : value;
}

function nodeOneByOne(times: Float64Array, values: Float64Array, start: number, end: number): EnvelopeNode {
  let timeMin = Number.POSITIVE_INFINITY;
  let timeMax = Number.NEGATIVE_INFINITY;
  let min = Number.NaN;
  let max = Number.NaN;
  let first = Number.NaN;
  let last = Number.NaN;
  let sum = 0;
  for (let i = start; i < end; i += 1) {
    const time = times[i] as number;
    const value = values[i] as number;
    if (time < timeMin) {
      timeMin = time;
      first = value;
    }
    if (time >= timeMax) {
      timeMax = time;
      last = value;
    }
    if (!(value >= min)) min = Number.isNaN(value) ? min : value;
    if (!(value <= max)) max = Number.isNaN(value) ? max : value;
    if (!Number.isNaN(value)) sum += value;
  }
  return { count: end - start, timeMin, timeMax, min, max, first, last, sum };
}

/** Least and greatest of values [start, end), NaN left out; NaN where nothing else is there. Of zeros of both signs, the first. */
export function extremesOf(values: Float64Array, start: number, end: number): Pick<Envelope, 'min' | 'max'> {
  const count = end - start;
  if (count >= KERNEL_SAMPLES_MIN && count <= BLOCK_SAMPLES_MAX) {
    const at = staged(values, start, end);
    kernels.measure(at, at + count);
    const [least = 0, greatest = 0] = extent;
    return told(least, greatest, values, start);
  }
  let i = start;
  while (i < end && Number.isNaN(values[i])) i += 1;
  if (i === end) return { min: Number.NaN, max: Number.NaN };
  let min = values[i] as number;
  let max = min;
  for (; i < end; i += 1) {
    const value = values[i] as number;
    if (value < min) min = value;
    else if (value > max) max = value;
  }
  return { min, max };
}

/** The node of two runs, `a` before `b` by sequence. */
export function mergeNodes(a: EnvelopeNode, b: EnvelopeNode): EnvelopeNode {
  return {
    count: a.count + b.count,
    timeMin: Math.min(a.timeMin, b.timeMin),
    timeMax: Math.max(a.timeMax, b.timeMax),
    min: least(a.min, b.min),
    max: greatest(a.max, b.max),
    first: b.timeMin < a.timeMin ? b.first : a.first,
    last: b.timeMax >= a.timeMax ? b.last : a.last,
    sum: a.sum + b.sum,
  };
}

/** The lesser of two values; NaN only where both are. */
export function least(a: number, b: number): number {
  return b < a || Number.isNaN(a) ? b : a;
}

/** The greater of two values; NaN only where both are. */
export function greatest(a: number, b: number): number {
  return b > a || Number.isNaN(a) ? b : a;
}
