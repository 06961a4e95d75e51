import { CHANNELS_MAX } from '../../limits.ts';
import { INTEGER_MAX } from './row.ts';

/** How a number comes from an integer: `divide` as integer / gain, otherwise integer * gain + offset, in float64. */
export interface RowScale {
  readonly gain: number;
  readonly offset: number;
  readonly divide: boolean;
}

/** What a source knows of the integers behind a channel's numbers. */
export type ScaleHintOf = (channel: number) => { readonly gain: number; readonly offset: number } | undefined;

const DECIMALS_MAX = 6;
const BINARY_PLACES_MAX = 16;

/** Tried where a source knows of no scale, coarse ones first: text payloads carry decimals, converters gains. */
const COMMON_SCALES: readonly RowScale[] = [
  { gain: 1, offset: 0, divide: false },
  ...upTo(DECIMALS_MAX).flatMap((places) => [
    { gain: 10 ** places, offset: 0, divide: true },
    { gain: Number(`1e-${places}`), offset: 0, divide: false },
  ]),
  ...upTo(BINARY_PLACES_MAX).map((places) => ({ gain: 2 ** -places, offset: 0, divide: false })),
];

/** Scales known at a time, over all channels. Beyond: channels that would need another are written as floats. */
const SCALES_MAX = 4096;

/** A search that found nothing is repeated when the channel has had twice as many groups as at the last one. */
const MISSES_FIRST = 4;

const UNKNOWN = -1;

/**
 * Remembers of each channel in which scale its numbers were whole the last time: that is tried first, and nearly always
 * holds. What is written does not depend on the memory being right.
 */
export class RowScales {
  readonly #hintOf: ScaleHintOf;
  readonly #scales: RowScale[] = [];
  /** By channel, up to CHANNELS_MAX: index of its scale, or UNKNOWN. */
  readonly #ofChannel: number[] = [];
  /** By channel: groups without a scale until the next search. */
  readonly #rest: number[] = [];
  readonly #pauses: number[] = [];

  constructor(hintOf: ScaleHintOf) {
    this.#hintOf = hintOf;
  }

  /** Index of the scale to try first for a channel; negative where none is known. */
  of(channel: number): number {
    return this.#ofChannel[channel] ?? UNKNOWN;
  }

  at(index: number): RowScale | undefined {
    return this.#scales[index];
  }

  /** Finds another scale in which all of `values` are whole, and remembers it; negative where there is none. */
  search(channel: number, values: Float64Array): number {
    if (channel > CHANNELS_MAX) return this.#find(channel, values);
    if (channel >= this.#ofChannel.length) this.#reach(channel);
    const rest = this.#rest[channel] ?? 0;
    if (rest > 0) {
      this.#rest[channel] = rest - 1;
      return UNKNOWN;
    }
    const index = this.#find(channel, values);
    if (index === UNKNOWN) {
      const pause = Math.max(MISSES_FIRST, 2 * (this.#pauses[channel] ?? 0));
      this.#rest[channel] = pause;
      this.#pauses[channel] = pause;
    } else this.#ofChannel[channel] = index;
    return index;
  }

  #find(channel: number, values: Float64Array): number {
    const hint = this.#hintOf(channel);
    const hinted = hint === undefined || hint.gain === 0 ? [] : [{ ...hint, divide: false }];
    const found = [...hinted, ...COMMON_SCALES].find((scale) => holds(scale, values));
    return found === undefined ? UNKNOWN : this.#indexOf(found);
  }

  #reach(channel: number): void {
    for (let id = this.#ofChannel.length; id <= channel; id += 1) {
      this.#ofChannel.push(UNKNOWN);
      this.#rest.push(0);
      this.#pauses.push(0);
    }
  }

  #indexOf({ gain, offset, divide }: RowScale): number {
    const known = this.#scales.findIndex(
      (each) => each.gain === gain && each.offset === offset && each.divide === divide,
    );
    if (known >= 0) return known;
    if (this.#scales.length === SCALES_MAX) return UNKNOWN;
    return this.#scales.push({ gain, offset, divide }) - 1;
  }
}

function holds({ gain, offset, divide }: RowScale, values: Float64Array): boolean {
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? 0;
    const integer = Math.round(divide ? value * gain : (value - offset) / gain);
    const back = divide ? integer / gain : integer * gain + offset;
    if (back !== value || Object.is(value, -0) || Math.abs(integer) >= INTEGER_MAX) return false;
  }
  return true;
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}
