import type { ByteReader } from '../bytes.ts';
import { type ColumnForm, type ColumnKind, encodingOf, expectAllRead, lookAtColumn, type ScaleHint } from './column.ts';
import { column, corners, cuts, kernels } from './kernels/kernels.ts';
import { constant, constantForms } from './number-constant.ts';
import { dictionary, dictionaryForms } from './number-dictionary.ts';
import { float32, float32Forms } from './number-float32.ts';
import { scaled, scaledForms } from './number-scaled.ts';
import { words, wordsForms, xor } from './number-words.ts';

/** Columns of numbers (BLOCK-7). All encodings keep every bit of every float64. */
export const NUMBER_ENCODINGS: ColumnKind<Float64Array> = {
  encodings: [constant, scaled, dictionary, float32, words, xor],
  formsOf,
};

/** Most channels count, so integers come first; where they fit, what is for true floats is not weighed. */
function formsOf(values: Float64Array, hint?: ScaleHint): ColumnForm[] {
  const integers = scaledForms(values, hint);
  if (integers !== undefined) return integers.sparse ? [...integers.forms, ...dictionaryForms(values)] : integers.forms;
  const same = constantForms(values);
  if (same.length > 0) return same;
  const few = dictionaryForms(values);
  const narrow = float32Forms(values);
  return narrow.length > 0 ? [...few, ...narrow] : [...few, ...wordsForms(values)];
}

/**
 * Reads a column of `count` numbers to the corners of its stretches: of each the least value, the greatest, the first and
 * the last. NaN is neither least nor greatest, but where nothing else is there; of zeros of both signs the first is told.
 * All of `content` is the column.
 * @param ends where each stretch ends, ascending; the first begins at 0, the last ends at `count`
 * @param stretches how many, at most FOLD_STRETCHES_MAX
 * @returns begins with four numbers a stretch; scratch memory, valid until the next column is read or written
 */
export function foldNumbers(
  id: number,
  content: ByteReader,
  count: number,
  ends: Uint32Array,
  stretches: number = ends.length,
): Float64Array {
  cuts[0] = 0;
  for (let i = 0; i < stretches; i += 1) cuts[i + 1] = ends[i] as number;
  const encoding = encodingOf(NUMBER_ENCODINGS, id, content);
  const folded = encoding.fold?.(content, count, stretches);
  if (folded !== undefined) {
    expectAllRead(content, encoding);
    return folded;
  }
  content.rewind();
  const values = lookAtColumn(NUMBER_ENCODINGS, id, content, count);
  if (values.buffer !== column.buffer) column.set(values);
  kernels.foldValues(stretches);
  return corners;
}
