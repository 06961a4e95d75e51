import type { ColumnEncoding } from './column.ts';
import { constant } from './number-constant.ts';
import { dictionary } from './number-dictionary.ts';
import { float32 } from './number-float32.ts';
import { scaled } from './number-scaled.ts';
import { words, xor } from './number-words.ts';

/**
 * Encodings of numbers (BLOCK-7), in the order in which they are tried: what fits most channels and is fast to read
 * comes first, and where it fits, what is for true floats is not tried. All keep every bit of every float64.
 */
export const NUMBER_ENCODINGS: readonly ColumnEncoding<Float64Array>[] = [
  dictionary,
  scaled,
  constant,
  float32,
  words,
  xor,
];
