import { BLOCK_TEXT_BYTES_MAX, TEXT_SAMPLE_BYTES_MAX } from '../../limits.ts';

/** Most bytes of a column of numbers or times before zstd, by samples: far above what any sensible encoding takes (BLOCK-4.3). */
export function numberContentMax(count: number): number {
  return 64 + 32 * count;
}

/** Most bytes of a column of text before zstd: all its text, and the lengths. The last text may overshoot (BLOCK-4.3). */
export function textContentMax(count: number): number {
  return BLOCK_TEXT_BYTES_MAX + TEXT_SAMPLE_BYTES_MAX + numberContentMax(count);
}

/** True where [first, first + count) are sequence numbers (BLOCK-3.3). */
export function isSequence(first: number, count: number): boolean {
  return Number.isSafeInteger(first) && first >= 0 && Number.isSafeInteger(first + (count - 1));
}
