import { type ByteReader, ByteWriter } from '../bytes.ts';
import type { ColumnEncoding } from './column.ts';
import { readWordPlanes, undoXorWithPrevious, writeWordPlanes, xorWithPrevious } from './words.ts';

/** BLOCK-7.6: the words as they are. Fits everything. */
export const words: ColumnEncoding<Float64Array> = {
  id: 4,
  name: 'words',
  encode: (values: Float64Array) => [planesOf(values)],
  decode: readWordPlanes,
};

/** BLOCK-7.7: every word XOR the one before, for values that move slowly but are no integers of any scale. */
export const xor: ColumnEncoding<Float64Array> = {
  id: 5,
  name: 'xor',
  encode: (values: Float64Array) => [planesOf(xorWithPrevious(values))],
  decode(content: ByteReader, count: number) {
    const values = readWordPlanes(content, count);
    undoXorWithPrevious(values);
    return values;
  },
};

function planesOf(values: Float64Array): Uint8Array {
  const out = new ByteWriter(values.byteLength);
  writeWordPlanes(out, values);
  return out.toBytes();
}
