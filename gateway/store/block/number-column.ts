import { type ByteReader, ByteWriter } from '../bytes.ts';
import type { ColumnEncoding } from './column.ts';
import { readWordPlanes, undoXorWithPrevious, writeWordPlanes, xorWithPrevious } from './words.ts';

const words: ColumnEncoding<Float64Array> = {
  id: 0,
  name: 'words',
  encode(values: Float64Array) {
    const out = new ByteWriter(values.byteLength);
    writeWordPlanes(out, values);
    return [out.toBytes()];
  },
  decode: readWordPlanes,
};

const xor: ColumnEncoding<Float64Array> = {
  id: 1,
  name: 'xor',
  encode(values: Float64Array) {
    const out = new ByteWriter(values.byteLength);
    writeWordPlanes(out, xorWithPrevious(values));
    return [out.toBytes()];
  },
  decode(content: ByteReader, count: number) {
    const values = readWordPlanes(content, count);
    undoXorWithPrevious(values);
    return values;
  },
};

/** Encodings of numbers, in the order they are tried (BLOCK-7). */
export const NUMBER_ENCODINGS: readonly ColumnEncoding<Float64Array>[] = [words, xor];
