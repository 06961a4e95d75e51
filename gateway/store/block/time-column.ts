import type { ByteReader } from '../bytes.ts';
import { type ColumnEncoding, type ColumnForm, type ColumnKind, lookAtColumn } from './column.ts';
import { formsOfIntegers } from './integer-forms.ts';
import { decodeIntegers } from './integers.ts';
import { column, extent, kernels } from './kernels/kernels.ts';
import { INTEGER_MAX } from './prediction.ts';
import { readWordPlanes, writeWordPlanes } from './words.ts';

/** Times as a run of integers: on a grid, by delta, by delta of delta or plain. */
const integers: ColumnEncoding<Float64Array> = {
  id: 0,
  name: 'integers',
  decode: decodeIntegers,
};

/** Times as float64 words, for spans whose differences would not be exact. */
const words: ColumnEncoding<Float64Array> = {
  id: 1,
  name: 'words',
  decode(content: ByteReader, count: number) {
    const times = readWordPlanes(content, count);
    for (const time of times) {
      if (!Number.isSafeInteger(time))
        content.fail('5.4', `time is ${time}, expected a whole number of magnitude below 2^53`);
    }
    return times;
  },
};

/** Columns of times (BLOCK-5), whole microseconds of magnitude below 2^53, in any order. */
export const TIME_ENCODINGS: ColumnKind<Float64Array> = {
  encodings: [integers, words],
  formsOf(times: Float64Array): ColumnForm[] {
    if (isWithin(times, INTEGER_MAX)) return formsOfIntegers(times).map((form) => ({ id: integers.id, ...form }));
    const bytes = times.byteLength;
    return [{ id: words.id, bytes, compressedBytes: bytes, write: (out) => writeWordPlanes(out, times) }];
  },
};

function isWithin(times: Float64Array, most: number): boolean {
  for (let i = 0; i < times.length; i++) if (Math.abs(times[i] ?? 0) > most) return false;
  return true;
}

/** The least and the greatest time, microseconds. */
export interface TimeSpan {
  readonly timeMin: number;
  readonly timeMax: number;
}

/** What times are counted from in their column: the least time, or 0 where differences might not be exact (BLOCK-5.2). */
export function timeOrigin({ timeMin, timeMax }: TimeSpan): number {
  return timeMax - timeMin <= INTEGER_MAX ? timeMin : 0;
}

/** Times as distances from their origin, as they stand in a column. */
export function fromOrigin(times: Float64Array, span: TimeSpan): Float64Array {
  const origin = timeOrigin(span);
  const distances = new Float64Array(times.length);
  for (let i = 0; i < times.length; i++) distances[i] = (times[i] ?? 0) - origin;
  return distances;
}

/**
 * Times from their column; all of `content` is it. Fails where they do not span what was told of them.
 * @param id number of the encoding
 * @returns scratch memory, valid until the next column is read or written
 */
export function lookAtTimes(id: number, content: ByteReader, count: number, span: TimeSpan): Float64Array {
  const distances = lookAtColumn(TIME_ENCODINGS, id, content, count);
  const times = distances.buffer === column.buffer ? distances : toKernels(distances);
  kernels.scale(count, 1, timeOrigin(span));
  kernels.measure(0, count);
  const [timeMin, timeMax] = extent;
  if (timeMin !== span.timeMin || timeMax !== span.timeMax) {
    content.fail(
      '5.3',
      `times span ${timeMin} to ${timeMax}, they are said to span ${span.timeMin} to ${span.timeMax}`,
    );
  }
  return times;
}

function toKernels(times: Float64Array): Float64Array {
  column.set(times);
  return column.subarray(0, times.length);
}
