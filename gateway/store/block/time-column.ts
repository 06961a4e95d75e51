import { type ByteReader, ByteWriter } from '../bytes.ts';
import type { ColumnEncoding } from './column.ts';
import { decodeIntegers, encodeIntegers } from './integers.ts';
import { INTEGER_MAX } from './prediction.ts';
import { readWordPlanes, writeWordPlanes } from './words.ts';

/** Encodings of times (BLOCK-5). Times are whole microseconds of magnitude below 2^53, in any order. */

/** Times as a run of integers: on a grid, by delta, by delta of delta or plain, whichever is smallest. */
const integers: ColumnEncoding<Float64Array> = {
  id: 0,
  name: 'integers',
  encode(times: Float64Array) {
    for (const time of times) if (Math.abs(time) > INTEGER_MAX) return [];
    return encodeIntegers(times);
  },
  decode(content: ByteReader, count: number) {
    const times = new Float64Array(count);
    decodeIntegers(content, times);
    return times;
  },
};

/** Times as float64 words, for spans whose differences would not be exact. */
const words: ColumnEncoding<Float64Array> = {
  id: 1,
  name: 'words',
  encode(times: Float64Array) {
    if (times.every((time) => Math.abs(time) <= INTEGER_MAX)) return [];
    const out = new ByteWriter(times.byteLength);
    writeWordPlanes(out, times);
    return [out.toBytes()];
  },
  decode(content: ByteReader, count: number) {
    const times = readWordPlanes(content, count);
    for (const time of times) {
      if (!Number.isSafeInteger(time))
        content.fail('5.4', `time is ${time}, expected a whole number of magnitude below 2^53`);
    }
    return times;
  },
};

export const TIME_ENCODINGS: readonly ColumnEncoding<Float64Array>[] = [integers, words];
