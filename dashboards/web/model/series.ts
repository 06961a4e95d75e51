import type { History } from '../../wire.ts';

/**
 * What a chart draws of one channel: min, max and last per column, on a grid of whole multiples of the column's width,
 * columns without samples left out. Holds twice a window, then forgets the older half; memory is bounded by that.
 */
export class Series {
  /** Middle of each column, UTC, seconds. Elements beyond `length` are meaningless; so in every array here. */
  readonly times: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly last: Float64Array;
  /** 1 where samples came all the way from the column before, however far it is: a late tick is no gap. */
  readonly joined: Uint8Array;
  length = 0;
  /** Stretches known to be missing: from and to in pairs, UTC, seconds. */
  gaps: readonly number[] = [];
  readonly columnUs: number;
  readonly #columns: number;
  #typicalInterval = Number.NaN;
  #typicalAt = 0;

  constructor(columnUs: number, columns: number) {
    this.columnUs = columnUs;
    this.#columns = columns;
    const capacity = columns * 2;
    this.times = new Float64Array(capacity);
    this.min = new Float64Array(capacity);
    this.max = new Float64Array(capacity);
    this.last = new Float64Array(capacity);
    this.joined = new Uint8Array(capacity);
  }

  static fromHistory(history: History): Series {
    const series = new Series(history.columnUs, history.columns);
    for (let i = 0; i < history.index.length; i++) {
      const middle = history.from + ((history.index[i] ?? 0) + 0.5) * history.columnUs;
      series.#set(i, middle / 1e6, history.min[i], history.max[i], history.last[i]);
    }
    series.length = history.index.length;
    series.gaps = Array.from(history.gaps, (time) => time / 1e6);
    return series;
  }

  /**
   * Merges what came in one tick into the column of its newest sample (`time` UTC, microseconds). `isJoined` says that
   * nothing is missing since the tick before.
   */
  add(time: number, min: number, max: number, last: number, isJoined = false): void {
    const middle = ((Math.floor(time / this.columnUs) + 0.5) * this.columnUs) / 1e6;
    const at = this.indexAfter(middle - this.columnUs / 4e6);
    if (at < this.length && (this.times[at] ?? 0) < middle + this.columnUs / 4e6) {
      if (!((this.min[at] ?? Number.NaN) <= min)) this.min[at] = min;
      if (!((this.max[at] ?? Number.NaN) >= max)) this.max[at] = max;
      this.last[at] = last;
      return;
    }
    if (this.length === this.times.length) {
      if (at < this.#columns) return;
      this.#forgetOlderHalf();
      this.add(time, min, max, last, isJoined);
      return;
    }
    if (at < this.length) {
      for (const column of this.#arrays()) column.copyWithin(at + 1, at, this.length);
    }
    this.#set(at, middle, min, max, last);
    this.joined[at] = isJoined ? 1 : 0;
    this.length += 1;
  }

  /** First index whose time is at or after `seconds`. */
  indexAfter(seconds: number): number {
    const { length, times } = this;
    if (length === 0 || (times[length - 1] ?? 0) < seconds) return length;
    let low = 0;
    let high = length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((times[middle] ?? 0) < seconds) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index of the column drawn at `seconds`: the last one at or before; -1 where there is none or it is across a gap. */
  indexAt(seconds: number, gapSeconds: number): number {
    const at = this.indexAfter(seconds + this.columnUs / 2e6) - 1;
    const time = this.times[at];
    if (time === undefined) return -1;
    return seconds - time <= gapSeconds || (at + 1 < this.length && this.joined[at + 1] === 1) ? at : -1;
  }

  /** Median distance of the newest columns, seconds; NaN below three columns. Looked at anew when 64 columns are new. */
  typicalInterval(): number {
    if (Math.abs(this.length - this.#typicalAt) < 64 && !Number.isNaN(this.#typicalInterval))
      return this.#typicalInterval;
    this.#typicalAt = this.length;
    const from = Math.max(1, this.length - 128);
    const steps: number[] = [];
    for (let i = from; i < this.length; i++) steps.push((this.times[i] ?? 0) - (this.times[i - 1] ?? 0));
    steps.sort((a, b) => a - b);
    this.#typicalInterval = steps.length < 2 ? Number.NaN : (steps[steps.length >> 1] ?? Number.NaN);
    return this.#typicalInterval;
  }

  /** Least and greatest value of the columns within [from, to], seconds; undefined where there is none. */
  spread(from: number, to: number): { min: number; max: number } | undefined {
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    for (let i = this.indexAfter(from); i < this.length && (this.times[i] ?? 0) <= to; i++) {
      const low = this.min[i] ?? Number.NaN;
      const high = this.max[i] ?? Number.NaN;
      if (low < min && low > Number.NEGATIVE_INFINITY) min = low;
      if (high > max && high < Number.POSITIVE_INFINITY) max = high;
    }
    return min <= max ? { min, max } : undefined;
  }

  /** A copy that stays as it is now. */
  frozen(): Series {
    const copy = new Series(this.columnUs, this.#columns);
    copy.times.set(this.times);
    copy.min.set(this.min);
    copy.max.set(this.max);
    copy.last.set(this.last);
    copy.joined.set(this.joined);
    copy.length = this.length;
    copy.gaps = this.gaps;
    return copy;
  }

  #set(at: number, time: number, min = Number.NaN, max = Number.NaN, last = Number.NaN): void {
    this.times[at] = time;
    this.min[at] = min;
    this.max[at] = max;
    this.last[at] = last;
  }

  #arrays() {
    return [this.times, this.min, this.max, this.last, this.joined];
  }

  #forgetOlderHalf(): void {
    for (const column of this.#arrays()) column.copyWithin(0, this.#columns);
    this.length -= this.#columns;
  }
}
