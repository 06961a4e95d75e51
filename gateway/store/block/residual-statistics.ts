import { BLOCK_SAMPLES_MAX } from '../../limits.ts';
import { bothCounts, kernels, lengthCounts, lowCounts, nibbleCounts, residuals, WIDTH_MAX } from './kernels/kernels.ts';

/** What the residuals of a run tell of the size of its forms, before one is written. */
export interface ResidualStatistics {
  readonly count: number;
  /** Bits of the greatest. */
  readonly widest: number;
  /** How many need more bits than the index. */
  readonly wider: Uint16Array;
  /** About how many bytes zstd makes of planes of the width at the same place in {@link WHOLE_WIDTHS}. */
  readonly compressed: readonly number[];
}

/** Widths whose values do not straddle bytes, and that zstd makes something of. */
export const WHOLE_WIDTHS = [0, 1, 2, 4, 8, 16] as const;

const BYTE_VALUES = 256;

/** Bytes of a zstd frame and of its table of symbols, about. */
const FRAME_BYTES = 20;

/** Bytes that zstd takes for one repetition, about. */
const SEQUENCE_BYTES = 2.5;

/** `n * log2(n)` for as many symbols as two planes have. */
const LOG_TERMS = Float64Array.from({ length: 2 * BLOCK_SAMPLES_MAX + 1 }, (_, n) => (n === 0 ? 0 : n * Math.log2(n)));

/** Statistics of the `count` residuals that the kernels hold. */
export function statisticsOf(count: number): ResidualStatistics {
  const changes = kernels.countCodes(count);
  const lengths = lengthCounts[32] === 0 ? lengthCounts : wideLengths(count);
  const wider = new Uint16Array(WIDTH_MAX + 1);
  let widest = 0;
  for (let width = lengths.length - 1; width > 0; width--) {
    const above = (wider[width] ?? 0) + (lengths[width] ?? 0);
    wider[width - 1] = above;
    if (widest === 0 && above > 0) widest = width;
  }
  const repeated = changes * SEQUENCE_BYTES;
  const nibbles = FRAME_BYTES + Math.min(repeated, entropyBytes(nibbleCounts));
  const bytes = widest <= 4 ? nibbles : FRAME_BYTES + Math.min(repeated, entropyBytes(lowCounts));
  const pairs = widest <= 8 ? bytes : FRAME_BYTES + Math.min(repeated, entropyBytes(bothCounts));
  return { count, widest, wider, compressed: [0, nibbles, nibbles, nibbles, bytes, pairs] };
}

/** About how many bytes zstd makes of `bytes`, repetitions left out of account. */
export function compressedBytesOf(bytes: Uint8Array): number {
  const counts = new Uint32Array(BYTE_VALUES);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + 1;
  }
  let bits = bytes.length * Math.log2(bytes.length);
  for (const times of counts) if (times > 0) bits -= times * Math.log2(times);
  return FRAME_BYTES + bits / 8;
}

/** How many residuals have each length in bits, where 32 bits do not hold all. */
function wideLengths(count: number): Uint32Array {
  const lengths = new Uint32Array(WIDTH_MAX + 1);
  for (let i = 0; i < count; i++) {
    const residual = residuals[i] ?? 0;
    const length = residual < 2 ** 32 ? 32 - Math.clz32(residual) : 64 - Math.clz32(residual / 2 ** 32);
    lengths[length] = (lengths[length] ?? 0) + 1;
  }
  return lengths;
}

/** Bytes of symbols at their entropy, by how often each occurs. */
function entropyBytes(counts: Uint32Array): number {
  let total = 0;
  let bits = 0;
  for (let symbol = 0; symbol < counts.length; symbol++) {
    const times = counts[symbol] ?? 0;
    total += times;
    bits -= LOG_TERMS[times] ?? 0;
  }
  return (bits + (LOG_TERMS[total] ?? 0)) / 8;
}
