import type { ByteReader } from '../bytes.ts';
import type { ColumnEncoding, ColumnForm } from './column.ts';
import { halfWords, wordBytes } from './words.ts';

/** BLOCK-7.2: one value for all samples. */
export const constant: ColumnEncoding<Float64Array> = {
  id: 0,
  name: 'constant',
  decode(content: ByteReader, count: number) {
    const values = new Float64Array(count);
    wordBytes(values).set(content.take(8));
    const halves = halfWords(values);
    for (let i = 2; i < halves.length; i++) halves[i] = halves[i & 1] ?? 0;
    return values;
  },
};

/** The constant, where all values have the same bits. */
export function constantForms(values: Float64Array): ColumnForm[] {
  const halves = halfWords(values);
  for (let i = 2; i < halves.length; i++) if (halves[i] !== halves[i & 1]) return [];
  const write: ColumnForm['write'] = (out) => out.bytes(wordBytes(values).subarray(0, 8));
  return [{ id: constant.id, bytes: 8, compressedBytes: 8, write }];
}
