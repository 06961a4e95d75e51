import { FOLD_STRETCHES_MAX } from '../limits.ts';
import type { AscendingTimes } from '../store/block/time-column.ts';
import { lowerBoundOf } from './lower-bound.ts';

/** Runs of samples of a block that lie side by side in one pixel, or on one side of the chart. Memory that may be used again. */
export class Stretches {
  /** How many there are; together they are all of the block. What stands behind them in the columns is of no meaning. */
  count = 0;
  /** One past the last sample of each. */
  readonly ends: Uint32Array;
  /** Pixel of each, {@link OUTSIDE} where it is none of the chart's. */
  readonly pixels: Int32Array;
  /** Time of the first and of the last sample of each, UTC, microseconds. */
  readonly timesFirst: Float64Array;
  readonly timesLast: Float64Array;

  /** @param room stretches that there may be */
  constructor(room: number = FOLD_STRETCHES_MAX) {
    this.ends = new Uint32Array(room);
    this.pixels = new Int32Array(room);
    this.timesFirst = new Float64Array(room);
    this.timesLast = new Float64Array(room);
  }

  copy(): Stretches {
    const { count } = this;
    const copy = new Stretches(count);
    copy.count = count;
    copy.ends.set(this.ends.subarray(0, count));
    copy.pixels.set(this.pixels.subarray(0, count));
    copy.timesFirst.set(this.timesFirst.subarray(0, count));
    copy.timesLast.set(this.timesLast.subarray(0, count));
    return copy;
  }
}

export const OUTSIDE = -1;

/** The pixels of a chart: [from, to) UTC, microseconds, in equal parts. */
export class PixelGrid {
  readonly from: number;
  readonly to: number;
  readonly pixels: number;
  readonly #perMicrosecond: number;

  constructor(from: number, to: number, pixels: number) {
    this.from = from;
    this.to = to;
    this.pixels = pixels;
    this.#perMicrosecond = pixels / (to - from);
  }

  /** The pixel that `time` falls into; meaningful for times in [from, to). */
  pixelOf(time: number): number {
    return Math.min(this.place(time), this.pixels - 1);
  }

  /** The same for any time: negative before the chart, and beyond its last pixel after it. */
  place(time: number): number {
    return Math.floor((time - this.from) * this.#perMicrosecond);
  }

  holds(time: number): boolean {
    return time >= this.from && time < this.to;
  }

  /** True when [timeMin, timeMax] lies in one pixel. */
  holdsWhole(timeMin: number, timeMax: number): boolean {
    return timeMin >= this.from && timeMax < this.to && this.pixelOf(timeMin) === this.pixelOf(timeMax);
  }

  /** Bounds of a pixel, UTC, microseconds, a little wider than it is: its samples are those with that {@link pixelOf}. */
  boundsOf(pixel: number): { from: number; to: number } {
    const start = this.from + pixel / this.#perMicrosecond;
    const end = this.from + (pixel + 1) / this.#perMicrosecond;
    return { from: Math.max(this.from, Math.floor(start) - 1), to: Math.min(this.to, Math.ceil(end) + 1) };
  }

  isSameAs({ from, to, pixels }: PixelGrid): boolean {
    return from === this.from && to === this.to && pixels === this.pixels;
  }

  /**
   * Where ascending times, at least one, pass from pixel to pixel once `shift` is added.
   * @param into takes the stretches
   * @returns false where they are more than it has room for
   */
  findStretches({ length, at }: Pick<AscendingTimes, 'length' | 'at'>, shift: number, into: Stretches): boolean {
    const begin = at(0) + shift >= this.from ? 0 : lowerBoundOf(at, length, this.from, shift);
    const end = at(length - 1) + shift < this.to ? length : lowerBoundOf(at, length, this.to, shift);
    const { ends, pixels, timesFirst, timesLast } = into;
    into.count = 0;
    for (let start = 0; start < length; ) {
      const { count } = into;
      if (count === ends.length) return false;
      const isIn = start >= begin && start < end;
      const pixel = isIn ? this.pixelOf(at(start) + shift) : OUTSIDE;
      const next = isIn ? this.endOfPixel(at, start, end, shift, pixel) : start < begin ? begin : length;
      ends[count] = next;
      pixels[count] = pixel;
      timesFirst[count] = at(start) + shift;
      timesLast[count] = at(next - 1) + shift;
      into.count += 1;
      start = next;
    }
    return true;
  }

  /**
   * Index of the first of ascending times in [start + 1, end) that is beyond the pixel. It is looked for where it would be
   * if times were regular, and around there in steps that grow.
   */
  endOfPixel(timeAt: (i: number) => number, start: number, end: number, shift: number, pixel: number): number {
    const isIn = (index: number) => this.pixelOf(timeAt(index) + shift) === pixel;
    if (isIn(end - 1)) return end;
    const first = timeAt(start);
    const edge = this.from + (pixel + 1) / this.#perMicrosecond - shift;
    const part = (edge - first) / (timeAt(end - 1) - first);
    // All before low are in, high is not.
    let low = start + 1;
    let high = end - 1;
    const guess = Math.min(Math.max(start + Math.ceil(part * (high - start)), low), high);
    let step = 1;
    if (guess < high && isIn(guess)) {
      low = guess + 1;
      while (low + step <= high && isIn(low + step - 1)) {
        low += step;
        step *= 2;
      }
      high = Math.min(high, low + step - 1);
    } else {
      high = guess;
      while (high - step >= low && !isIn(high - step)) {
        high -= step;
        step *= 2;
      }
      low = Math.max(low, high - step + 1);
    }
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isIn(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
