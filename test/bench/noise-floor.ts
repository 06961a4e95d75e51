/*
 * How few bytes a drive could take, were every column coded by a coder that knows the column's own distribution beforehand:
 * - values: the raw integers of the sensor (value = integer * gain + offset), of a channel without such integers the values
 *   themselves. Empirical order-0 entropy, in bits, of the integers, of their differences or of the differences of those,
 *   whichever is least for the channel, times the number of samples.
 * - times: the same over the microseconds of each column of times, once for all channels that have equal ones. A regular
 *   column has differences that are all alike, and costs nothing.
 * What is left is what those predictors leave of the quantised noise. It is no bound for a coder that predicts better, and
 * out of reach of one that has to send the distributions along.
 */
import type { Columns } from './drive.ts';

export interface NoiseFloor {
  readonly valueBytes: number;
  readonly timeBytes: number;
}

/** A channel's samples with the scale of its values, where there is one. */
export interface ScaledColumns extends Columns {
  readonly scale: { readonly gain: number; readonly offset: number } | undefined;
}

export function noiseFloor(channels: readonly ScaledColumns[]): NoiseFloor {
  let valueBits = 0;
  const timeBits = new Map<string, number>();
  for (const { times, values, scale } of channels) {
    valueBits += leastBits(integersOf(values, scale) ?? ranked(values));
    const key = fingerprint(times);
    if (!timeBits.has(key)) timeBits.set(key, leastBits(times));
  }
  return { valueBytes: valueBits / 8, timeBytes: [...timeBits.values()].reduce((sum, bits) => sum + bits, 0) / 8 };
}

/** Bits of the column by the best of the predictors. */
function leastBits(column: Float64Array): number {
  const once = differences(column);
  return Math.min(entropyBits(column), entropyBits(once), entropyBits(differences(once)));
}

/** Empirical order-0 entropy of the whole column, bits. */
export function entropyBits(column: Float64Array): number {
  const counts = new Map<number, number>();
  for (const symbol of column) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= count * Math.log2(count / column.length);
  return bits;
}

function differences(column: Float64Array): Float64Array {
  return Float64Array.from({ length: Math.max(0, column.length - 1) }, (_, i) => {
    return (column[i + 1] as number) - (column[i] as number);
  });
}

/** The raw integers; undefined where there is a value that none gives back, bit by bit. */
function integersOf(values: Float64Array, scale: ScaledColumns['scale']): Float64Array | undefined {
  const { gain, offset } = scale ?? { gain: 1, offset: 0 };
  const integers = values.map((value) => Math.round((value - offset) / gain));
  return integers.every((integer, i) => integer * gain + offset === values[i]) ? integers : undefined;
}

/** Each value as its rank among those that occur: a difference of ranks is exact where one of doubles is not. */
function ranked(values: Float64Array): Float64Array {
  const ranks = new Map([...new Set(values)].sort((a, b) => a - b).map((value, rank) => [value, rank]));
  return values.map((value) => ranks.get(value) ?? 0);
}

/** Equal for columns that are equal, and for others as good as never. */
function fingerprint(times: Float64Array): string {
  let hash = 0;
  for (const time of times) hash = (Math.imul(hash, 0x01000193) ^ (time % 0x7fffffff)) >>> 0;
  return `${times.length} ${times[0]} ${times.at(-1)} ${hash}`;
}
