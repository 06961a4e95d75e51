import { signal } from '@preact/signals';
import type { WireChannel } from '../../wire.ts';
import { formatAge, formatValue } from '../model/format.ts';
import type { Series } from '../model/series.ts';

/** Seconds after which a channel is stale: so many times its interval, within bounds; the last where the interval is unknown. */
const STALE_INTERVALS = 5;
const STALE_LEAST = 2;
const STALE_UNKNOWN = 10;

/** Times the usual interval that samples may be apart on average while none counts as missing. */
const COMPLETE_INTERVALS = 1.5;

/** Seconds from which on the age of a sample is worth telling. */
const SHOWN_AGE = 1.5;

/** A channel as the page shows it: definition, latest sample, and what is drawn of it while it is charted. */
export class LiveChannel {
  definition: WireChannel;
  /** Segments of the tree; unique among all channels. */
  readonly path: string;
  /** Newest sample: UTC, microseconds; NaN before the first. */
  time = Number.NaN;
  value: number | string | undefined;
  series: Series | undefined;
  readonly text = signal('');
  readonly isStale = signal(true);
  /** Age of the newest sample; empty where it is fresh. */
  readonly age = signal('');
  /** Gateway's UTC when news last came, microseconds. */
  #newsAt = Number.NaN;
  #interval = Number.NaN;
  #digits = 0;
  #isDirty = false;

  constructor(definition: WireChannel, path: string) {
    this.definition = definition;
    this.path = path;
  }

  get isChartable(): boolean {
    return this.definition.type !== 'text';
  }

  /** Bool and enum hold their value until the next sample. */
  get isStepped(): boolean {
    return this.definition.type === 'bool' || this.definition.type === 'enum';
  }

  /** Digits behind the point to print: the source's, else as many as the values seen so far need. */
  get decimals(): number {
    return this.definition.decimals ?? this.#digits;
  }

  /** Takes the newest sample; `count` samples came since the last time. `now` is the gateway's UTC, microseconds. */
  update(time: number, value: number | string, count: number, now: number): void {
    if (count > 0) {
      const interval = (time - this.time) / 1e6 / count;
      if (interval > 0)
        this.#interval = Number.isNaN(this.#interval) ? interval : this.#interval * 0.9 + interval * 0.1;
      this.#newsAt = now;
    }
    this.time = time;
    this.value = value;
    if (typeof value === 'number' && this.definition.decimals === undefined) {
      this.#digits = Math.max(this.#digits, digitsOf(value));
    }
    this.#isDirty = true;
  }

  /** Brings the text up to the latest sample, where it is not. */
  showValue(): void {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    this.text.value = formatValue({ ...this.definition, decimals: this.decimals }, this.value);
  }

  /** Brings staleness and age up to `now`, the gateway's UTC in microseconds. A lost connection makes everything stale. */
  showAge(now: number, isConnected: boolean): void {
    const sampleAge = (now - this.time) / 1e6;
    const newsAge = Math.min(Math.abs(sampleAge), Number.isNaN(this.#newsAt) ? sampleAge : (now - this.#newsAt) / 1e6);
    const isStale = !isConnected || !(newsAge < this.staleAfter);
    this.isStale.value = isStale;
    this.age.value = isStale || sampleAge > SHOWN_AGE ? formatAge(sampleAge) : '';
  }

  /** True when `count` samples up to `time` (UTC, microseconds) leave nothing out since the newest one known. */
  isComplete(time: number, count: number): boolean {
    const expected = this.definition.rateHz > 0 ? 1 / this.definition.rateHz : this.#interval;
    return (time - this.time) / 1e6 / count <= expected * COMPLETE_INTERVALS;
  }

  /** Seconds of silence after which it counts as stale. */
  get staleAfter(): number {
    const interval = this.definition.rateHz > 0 ? 1 / this.definition.rateHz : this.#interval;
    return Number.isNaN(interval) ? STALE_UNKNOWN : Math.max(STALE_LEAST, interval * STALE_INTERVALS);
  }

  /** Seconds between two columns from which on nothing is drawn between them. */
  gapAfter(series: Series): number {
    const column = (series.columnUs / 1e6) * 3;
    if (this.definition.rateHz > 0) return Math.max(column, 4 / this.definition.rateHz);
    if (this.isStepped) return Number.POSITIVE_INFINITY;
    return Math.max(column, 0.25, 4 * (series.typicalInterval() || 0));
  }
}

/** About five digits that mean something, fewer where the value has fewer. */
function digitsOf(value: number): number {
  const magnitude = Math.abs(value);
  if (!Number.isFinite(value) || Number.isInteger(value)) return 0;
  const most = magnitude >= 1000 ? 1 : magnitude >= 100 ? 2 : magnitude >= 1 ? 3 : 5;
  for (let digits = 1; digits < most; digits++) {
    if (Math.abs(value - Number(value.toFixed(digits))) < 1e-9) return digits;
  }
  return most;
}
