import type { ByteReader } from '../bytes.ts';
import type { ColumnEncoding, ColumnForm } from './column.ts';
import { compressedWordsOf } from './residual-statistics.ts';
import { readWordPlanes, undoXorWithPrevious, wordBytes, writeWordPlanes, xorWithPrevious } from './words.ts';

/** BLOCK-7.6: the words as they are. Fits everything. */
export const words: ColumnEncoding<Float64Array> = {
  id: 4,
  name: 'words',
  decode: readWordPlanes,
};

/** BLOCK-7.7: every word XOR the one before, for values that move slowly but are no integers of any scale. */
export const xor: ColumnEncoding<Float64Array> = {
  id: 5,
  name: 'xor',
  decode(content: ByteReader, count: number) {
    const values = readWordPlanes(content, count);
    undoXorWithPrevious(values);
    return values;
  },
};

/** Both ways to write words. */
export function wordsForms(values: Float64Array): ColumnForm[] {
  return [formOf(words.id, values), formOf(xor.id, xorWithPrevious(values))];
}

function formOf(id: number, written: Float64Array): ColumnForm {
  return {
    id,
    bytes: written.byteLength,
    compressedBytes: compressedWordsOf(wordBytes(written)),
    write: (out) => writeWordPlanes(out, written),
  };
}
