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

/** The node of samples [start, end); at least one. */
export function nodeOf(times: Float64Array, values: Float64Array, start: number, end: number): EnvelopeNode {
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

/** Least and greatest of values [start, end), NaN left out; NaN where nothing else is there. */
export function extremesOf(values: Float64Array, start: number, end: number): { min: number; max: number } {
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

/** min, max, first, last and sum as 40 bytes: SQLite's REAL would lose NaN and the sign of zero. */
export function encodeNodeValues(node: EnvelopeNode): Uint8Array {
  return new Uint8Array(Float64Array.of(node.min, node.max, node.first, node.last, node.sum).buffer);
}

/** The values of a node from its 40 bytes, as {@link encodeNodeValues} made them. */
export function decodeNodeValues(bytes: Uint8Array): Pick<EnvelopeNode, 'min' | 'max' | 'first' | 'last' | 'sum'> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    min: view.getFloat64(0, true),
    max: view.getFloat64(8, true),
    first: view.getFloat64(16, true),
    last: view.getFloat64(24, true),
    sum: view.getFloat64(32, true),
  };
}
