import type { LatestSample, LiveBatch } from '../../../gateway/query/telemetry.ts';
import { type ChartNews, type RowNews, shownText, type TextNews } from '../../wire.ts';

/** What came of one channel for one viewer since the viewer was last told. Bounded: however slow the viewer, one of these a channel. */
export class Watch {
  readonly channel: number;
  /** Newest time and value ever seen; a late sample does not replace them. */
  #time = Number.NEGATIVE_INFINITY;
  #last: number | string = Number.NaN;
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #untold = false;

  constructor(channel: number) {
    this.channel = channel;
  }

  /** Learns the newest sample of the store, which what came since may have left behind. */
  learn(latest: LatestSample | undefined): void {
    if (latest === undefined || latest.time < this.#time) return;
    this.#time = latest.time;
    this.#last = latest.value;
    this.#untold = true;
  }

  get hasNews(): boolean {
    return this.#untold;
  }

  /** Takes in a summary of a batch; text channels have no min and max. */
  add(batch: BatchSummary): void {
    this.#count += batch.count;
    if (batch.min < this.#min) this.#min = batch.min;
    if (batch.max > this.#max) this.#max = batch.max;
    if (batch.time >= this.#time) {
      this.#time = batch.time;
      this.#last = batch.last;
    }
    this.#untold = true;
  }

  /** Forgets what a history already tells; the latest value stays to be told. */
  dropSpread(): void {
    this.#count = 0;
    this.#min = Number.POSITIVE_INFINITY;
    this.#max = Number.NEGATIVE_INFINITY;
  }

  takeChart(): ChartNews {
    const hasSpread = this.#min <= this.#max;
    const news: ChartNews = {
      channel: this.channel,
      count: this.#count,
      time: this.#time,
      min: hasSpread ? this.#min : Number.NaN,
      max: hasSpread ? this.#max : Number.NaN,
      last: typeof this.#last === 'number' ? this.#last : Number.NaN,
    };
    this.#told();
    return news;
  }

  /** The latest value as a row, or as a text row where it is text. */
  takeRow(rows: RowNews[], texts: TextNews[]): void {
    const { channel } = this;
    const count = this.#count;
    const time = this.#time;
    if (typeof this.#last === 'number') rows.push({ channel, count, time, last: this.#last });
    else texts.push({ channel, count, time, text: shownText(this.#last) });
    this.#told();
  }

  #told(): void {
    this.dropSpread();
    this.#untold = false;
  }
}

/** A batch in the few numbers that viewers need; made once a batch, however many viewers watch. */
export interface BatchSummary {
  readonly count: number;
  /** Greatest UTC of the batch, microseconds. */
  readonly time: number;
  readonly last: number | string;
  /** Infinity where the batch has no number. */
  readonly min: number;
  /** -Infinity where the batch has no number. */
  readonly max: number;
}

export function summarise(batch: LiveBatch): BatchSummary {
  const { times, values, start, end, utcOffset } = batch;
  let time = Number.NEGATIVE_INFINITY;
  let at = start;
  for (let i = start; i < end; i++) {
    const sampleTime = times[i] ?? Number.NaN;
    if (sampleTime >= time) {
      time = sampleTime;
      at = i;
    }
  }
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  if (values instanceof Float64Array) {
    for (let i = start; i < end; i++) {
      const value = values[i] ?? Number.NaN;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return { count: end - start, time: time + utcOffset, last: values[at] ?? Number.NaN, min, max };
}
