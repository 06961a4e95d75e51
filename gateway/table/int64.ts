import { endianness } from 'node:os';

const WORD = 2 ** 32;
/** Which half of eight bytes is the high one. */
const HIGH = endianness() === 'LE' ? 1 : 0;

/**
 * Whole numbers of at most 2^53 as int64. Made of two halves of 32 bits: a bigint a number would be allocated and thrown away.
 * @param numbers what is no whole number is rounded down, NaN becomes 0
 */
export function int64Of(numbers: Float64Array): BigInt64Array {
  const column = new BigInt64Array(numbers.length);
  const halves = new Uint32Array(column.buffer);
  for (let i = 0; i < numbers.length; i += 1) {
    const number = Math.floor(numbers[i] as number);
    const high = Math.floor(number / WORD);
    halves[2 * i + HIGH] = high;
    halves[2 * i + 1 - HIGH] = number - high * WORD;
  }
  return column;
}
