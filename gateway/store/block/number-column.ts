import type { ColumnForm, ColumnKind, ScaleHint } from './column.ts';
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
