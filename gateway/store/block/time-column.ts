import type { ByteReader } from '../bytes.ts';
import {
  type ColumnEncoding,
  type ColumnForm,
  type ColumnKind,
  type EncodedColumn,
  encodeColumn,
  expectAllRead,
  lookAtColumn,
} from './column.ts';
import { formsOfIntegers } from './integer-forms.ts';
import { ascendingIntegers, decodeIntegers } from './integers.ts';
import { column, extent, kernels } from './kernels/kernels.ts';
import { INTEGER_MAX } from './prediction.ts';
import { addReference, type EarlierTimes, RELATIVE, referenceOf, relativeForms } from './relative-times.ts';
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

/** What times miss those of another column by; what says which one stands before it, and is read before. */
const relative: ColumnEncoding<Float64Array> = {
  id: RELATIVE,
  name: 'relative',
  decode: decodeIntegers,
};

/** A reference is taken only where it leaves at most this share: another column is then read for this one. */
const RELATIVE_SHARE = 0.9;

/** Columns of times (BLOCK-5), whole microseconds of magnitude below 2^53, in any order. */
export const TIME_ENCODINGS: ColumnKind<Float64Array> = {
  encodings: [integers, words, relative],
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
function timeOrigin({ timeMin, timeMax }: TimeSpan): number {
  return timeMax - timeMin <= INTEGER_MAX ? timeMin : 0;
}

/** How many bytes the smallest of `forms` takes, about. */
function leastOf(forms: readonly ColumnForm[]): number {
  return forms.reduce((least, form) => Math.min(least, form.bytes, form.compressedBytes), Number.POSITIVE_INFINITY);
}

/**
 * Times as a column.
 * @param earlier the columns that stand before it, all of them
 */
export function encodeTimes(
  times: Float64Array,
  span: TimeSpan,
  earlier: readonly EarlierTimes[],
  contentBytesMax: number,
): EncodedColumn {
  const own = TIME_ENCODINGS.formsOf(fromOrigin(times, span));
  const reference = referenceOf(times, earlier);
  const referred = earlier[earlier.length - (reference?.back ?? 0)];
  const forms =
    reference === undefined || referred === undefined
      ? []
      : relativeForms(times, referred.times, reference, INTEGER_MAX);
  const isWorth = leastOf(forms) <= RELATIVE_SHARE * leastOf(own);
  return encodeColumn(
    { ...TIME_ENCODINGS, formsOf: () => (isWorth ? [...own, ...forms] : own) },
    times,
    contentBytesMax,
  );
}

/** Times as distances from their origin, as they stand in a column. */
function fromOrigin(times: Float64Array, span: TimeSpan): Float64Array {
  const origin = timeOrigin(span);
  const distances = new Float64Array(times.length);
  for (let i = 0; i < times.length; i++) distances[i] = (times[i] ?? 0) - origin;
  return distances;
}

/** The times of another column, and by how many places they stand on. */
export interface ReferredTimes {
  readonly times: Float64Array;
  readonly shift: number;
}

/**
 * Times from their column; all of `content` is it. Fails where they do not span what was told of them.
 * @param id number of the encoding
 * @param referred only with {@link RELATIVE}; `content` is then what stands behind the reference
 * @returns scratch memory, valid until the next column is read or written
 */
export function lookAtTimes(
  id: number,
  content: ByteReader,
  count: number,
  span: TimeSpan,
  referred?: ReferredTimes,
): Float64Array {
  const distances = lookAtColumn(TIME_ENCODINGS, id, content, count);
  const times = distances.buffer === column.buffer ? distances : toKernels(distances);
  if (referred === undefined) kernels.scale(count, 1, timeOrigin(span));
  else addReference(times, referred.times, referred.shift);
  kernels.measure(0, count);
  const [timeMin = 0, timeMax = 0] = extent;
  expectSpan(content, { timeMin, timeMax }, span);
  return times;
}

/** Times that ascend, to be told one by one. */
export interface AscendingTimes {
  readonly length: number;
  /** Bytes held besides the content. */
  readonly heldBytes: number;
  at(index: number): number;
}

/**
 * Times from their column, of which none is restored before it is asked for; undefined where the column does not tell by its
 * form that they ascend. All of `content` is it. Fails as {@link lookAtTimes} does.
 * @returns valid while `content` is
 */
export function ascendingTimes(
  id: number,
  content: ByteReader,
  count: number,
  span: TimeSpan,
): AscendingTimes | undefined {
  if (id !== integers.id) return undefined;
  const distances = ascendingIntegers(content, count);
  if (distances === undefined) return undefined;
  expectAllRead(content, integers);
  const origin = timeOrigin(span);
  const at = (index: number) => origin + distances.at(index);
  expectSpan(content, { timeMin: at(0), timeMax: at(count - 1) }, span);
  return { length: count, heldBytes: distances.heldBytes, at };
}

function expectSpan(content: ByteReader, { timeMin, timeMax }: TimeSpan, said: TimeSpan): void {
  if (timeMin === said.timeMin && timeMax === said.timeMax) return;
  content.fail('5.3', `times span ${timeMin} to ${timeMax}, they are said to span ${said.timeMin} to ${said.timeMax}`);
}

function toKernels(times: Float64Array): Float64Array {
  column.set(times);
  return column.subarray(0, times.length);
}
