import { Buffer } from 'node:buffer';
import { foldNumbers } from '../../../../gateway/store/block/number-column.ts';
import type { ByteReader } from '../../../../gateway/store/bytes.ts';

/** The corners that folding a column gives, and nothing of the scratch memory behind them. */
export function fold(id: number, content: ByteReader, count: number, ends: readonly number[]): Float64Array {
  return foldNumbers(id, content, count, Uint32Array.from(ends)).subarray(0, 4 * ends.length);
}

/**
 * The corners of stretches of a column, a value at a time: what folding is held against. Values are the 8 bytes of each, least
 * first, as hex; so are the corners: of each stretch the least, the greatest, the first and the last.
 */
export function referenceCorners(values: readonly string[], ends: readonly number[]): string[] {
  return ends.flatMap((end, i) => {
    const stretch = values.slice(ends[i - 1] ?? 0, end);
    const numbers = stretch.filter((value) => !Number.isNaN(numberOf(value)));
    const best = (isBetter: (a: number, b: number) => boolean) =>
      numbers.reduce((best, each) => (isBetter(numberOf(each), numberOf(best)) ? each : best), numbers[0] ?? NAN);
    return [best((a, b) => a < b), best((a, b) => a > b), stretch[0] ?? '', stretch.at(-1) ?? ''];
  });
}

/** Corners as they are compared: which NaN the least and the greatest are where nothing else is there, nobody says. */
export function cornersToCompare(corners: readonly string[]): string[] {
  return corners.map((corner, i) => (i % 4 < 2 && Number.isNaN(numberOf(corner)) ? NAN : corner));
}

/** Numbers as {@link referenceCorners} takes them. */
export function hexWords(values: Float64Array): string[] {
  const hex = Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex');
  return hex.match(/.{16}/g) ?? [];
}

const NAN = '000000000000f87f';

function numberOf(word: string): number {
  return Buffer.from(word, 'hex').readDoubleLE();
}
