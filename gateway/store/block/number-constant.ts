import type { ByteReader } from '../bytes.ts';
import type { ColumnEncoding } from './column.ts';
import { halfWords, wordBytes } from './words.ts';

/** BLOCK-7.2: one value for all samples. */
export const constant: ColumnEncoding<Float64Array> = {
  id: 0,
  name: 'constant',
  decisive: true,
  encode(values: Float64Array) {
    const halves = halfWords(values);
    for (let i = 2; i < halves.length; i++) if (halves[i] !== halves[i & 1]) return [];
    return [wordBytes(values).slice(0, 8)];
  },
  decode(content: ByteReader, count: number) {
    const values = new Float64Array(count);
    wordBytes(values).set(content.take(8));
    const halves = halfWords(values);
    for (let i = 2; i < halves.length; i++) halves[i] = halves[i & 1] ?? 0;
    return values;
  },
};
