import type { ByteReader } from '../bytes.ts';
import type { ColumnEncoding, ColumnForm } from './column.ts';
import { corners } from './kernels/kernels.ts';
import { halfWords, wordBytes } from './words.ts';

/** BLOCK-7.2: one value for all samples. */
export const constant: ColumnEncoding<Float64Array> = {
  id: 0,
  name: 'constant',
  decode(content: ByteReader, count: number) {
    return filled(new Float64Array(count), content.take(8));
  },
  fold(content: ByteReader, _count: number, stretches: number) {
    filled(corners.subarray(0, 4 * stretches), content.take(8));
    return corners;
  },
};

function filled(values: Float64Array, word: Uint8Array): Float64Array {
  wordBytes(values).set(word);
  const halves = halfWords(values);
  for (let i = 2; i < halves.length; i++) halves[i] = halves[i & 1] ?? 0;
  return values;
}

/** The constant, where all values have the same bits. */
export function constantForms(values: Float64Array): ColumnForm[] {
  const halves = halfWords(values);
  for (let i = 2; i < halves.length; i++) if (halves[i] !== halves[i & 1]) return [];
  const write: ColumnForm['write'] = (out) => out.bytes(wordBytes(values).subarray(0, 8));
  return [{ id: constant.id, bytes: 8, compressedBytes: 8, write }];
}
