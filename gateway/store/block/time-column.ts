import type { ByteReader } from '../bytes.ts';
import type { ColumnEncoding, ColumnForm, ColumnKind } from './column.ts';
import { formsOfIntegers } from './integer-forms.ts';
import { decodeIntegers } from './integers.ts';
import { INTEGER_MAX } from './prediction.ts';
import { readWordPlanes, writeWordPlanes } from './words.ts';

/** Times as a run of integers: on a grid, by delta, by delta of delta or plain. */
const integers: ColumnEncoding<Float64Array> = {
  id: 0,
  name: 'integers',
  decode: (content: ByteReader, count: number) => decodeIntegers(content, count).slice(),
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
    if (isWithin(times, INTEGER_MAX)) {
      return formsOfIntegers(times).map((form) => ({ id: integers.id, ...form }));
    }
    const bytes = times.byteLength;
    return [{ id: words.id, bytes, compressedBytes: bytes, write: (out) => writeWordPlanes(out, times) }];
  },
};

function isWithin(times: Float64Array, most: number): boolean {
  for (let i = 0; i < times.length; i++) if (Math.abs(times[i] ?? 0) > most) return false;
  return true;
}
