import { codes, entropies, kernels, lengthCounts, WIDTH_MAX } from './kernels/kernels.ts';

/** What the residuals of a run tell of the size of its forms, before one is written. Valid until the next is made. */
export interface ResidualStatistics {
  readonly count: number;
  /** Bits of the greatest. */
  readonly widest: number;
  /** How many need more bits than the index. */
  readonly wider: Uint16Array;
  /** About how many bytes zstd makes of planes of up to 4 bits, of up to 8, and of more. */
  readonly nibbleBytes: number;
  readonly lowBytes: number;
  readonly pairBytes: number;
}

const BYTE_VALUES = 256;
const WORD_BYTES = 8;

/** Bytes of a zstd frame and of its table of symbols, about. */
const FRAME_BYTES = 20;

/** Bytes that zstd takes for one repetition, about. */
const SEQUENCE_BYTES = 2.5;

/** Statistics of the `count` codes that the kernels hold. */
export function statisticsOf(count: number): ResidualStatistics {
  return statistics(count, kernels.countCodes(count), lengthCounts);
}

/** Statistics of residuals that 32 bits need not hold. */
export function wideStatisticsOf(residuals: Float64Array): ResidualStatistics {
  const lengths = new Uint32Array(WIDTH_MAX + 1);
  for (let i = 0; i < residuals.length; i++) {
    const residual = residuals[i] ?? 0;
    const length = residual < 2 ** 32 ? 32 - Math.clz32(residual) : 64 - Math.clz32(residual / 2 ** 32);
    lengths[length] = (lengths[length] ?? 0) + 1;
    codes[i] = Math.min(residual, 2 ** 32 - 1);
  }
  return statistics(residuals.length, kernels.countCodes(residuals.length), lengths);
}

/** What zstd takes for bytes, over their entropy, about: a table of many symbols, and whole bits for each. */
const HUFFMAN_SHARE = 1.08;

const wider = new Uint16Array(WIDTH_MAX + 1);

/** @param lengths how many residuals have each length in bits */
function statistics(count: number, changes: number, lengths: Uint32Array): ResidualStatistics {
  let widest = 0;
  let above = 0;
  wider.fill(0);
  for (let width = lengths.length - 1; width > 0; width--) {
    const length = lengths[width] ?? 0;
    if (above === 0 && length > 0) widest = width;
    above += length;
    wider[width - 1] = above;
  }
  const most = changes * SEQUENCE_BYTES;
  const nibbleBytes = FRAME_BYTES + Math.min(most, entropies[0] ?? 0);
  const lowBytes = widest <= 4 ? nibbleBytes : FRAME_BYTES + Math.min(most, (entropies[1] ?? 0) * HUFFMAN_SHARE);
  const pairBytes = widest <= 8 ? lowBytes : FRAME_BYTES + Math.min(most, entropies[2] ?? 0);
  return { count, widest, wider, nibbleBytes, lowBytes, pairBytes };
}

/** About how many bytes zstd makes of planes of the bytes of words of 8, repetitions left out of account. */
export function compressedWordsOf(bytes: Uint8Array): number {
  const counts = new Uint32Array(WORD_BYTES * BYTE_VALUES);
  for (let i = 0; i < bytes.length; i++) {
    const at = (i % WORD_BYTES) * BYTE_VALUES + (bytes[i] ?? 0);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  let bits = bytes.length * Math.log2(bytes.length / WORD_BYTES);
  for (const times of counts) if (times > 0) bits -= times * Math.log2(times);
  return FRAME_BYTES + bits / 8;
}
