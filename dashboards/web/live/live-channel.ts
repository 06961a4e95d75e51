import { signal } from '@preact/signals';
import type { WireChannel } from '../../wire.ts';
import { formatAge } from '../model/format.ts';
import { Precision } from '../model/precision.ts';
import { exactText, quantityOf, writtenUnit } from '../model/quantity.ts';
import type { Series } from '../model/series.ts';

/** Times the usual interval that samples may be apart on average while none counts as missing. */
const COMPLETE_INTERVALS = 1.5;

/** Seconds from which on the age of a sample is worth telling. */
const SHOWN_AGE = 1.5;

/** Seconds that arrivals may be apart without a gap: wires deliver in bunches. */
const GAP_LEAST = 0.25;

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
  /** Unit that the text is in. */
  readonly unit = signal('');
  readonly isStale = signal(true);
  /** As the server last told it. */
  isToldStale = true;
  /** Age of the newest sample; empty where it is fresh. */
  readonly age = signal('');
  #interval = Number.NaN;
  readonly #precision = new Precision();
  #isDirty = false;

  constructor(definition: WireChannel, path: string) {
    this.definition = definition;
    this.path = path;
    this.unit.value = writtenUnit(definition.unit);
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
    return this.definition.decimals ?? this.#precision.decimals;
  }

  /** Takes the newest sample; `count` samples came since the last time. */
  update(time: number, value: number | string, count: number): void {
    if (count > 0) {
      const interval = (time - this.time) / 1e6 / count;
      if (interval > 0)
        this.#interval = Number.isNaN(this.#interval) ? interval : this.#interval * 0.9 + interval * 0.1;
    }
    this.time = time;
    this.value = value;
    if (typeof value === 'number') this.#precision.observe(value);
    this.#isDirty = true;
  }

  /** Takes least and greatest value of a stretch, so that all values of a chart are written with the same digits. */
  observeSpread(spread: { readonly min: number; readonly max: number } | undefined): void {
    if (spread === undefined) return;
    this.#precision.observe(spread.min);
    this.#precision.observe(spread.max);
  }

  /** Brings the text up to the latest sample, where it is not. */
  showValue(): void {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    const { text, unit } = quantityOf(this.definition, this.decimals, this.value);
    this.text.value = text;
    this.unit.value = unit;
  }

  /** Everything known of it, one thing a line; the value with every digit. */
  details(): string {
    const { description, source, rateHz } = this.definition;
    const rate = rateHz > 0 ? `, ${rateHz} samples a second` : '';
    return [this.path, exactText(this.definition, this.value), description, `source ${source}${rate}`]
      .filter((line) => line !== '')
      .join('\n');
  }

  /** Brings staleness and age up to `now`, the server's UTC in microseconds. A lost connection makes everything stale. */
  showAge(now: number, isConnected: boolean): void {
    const sampleAge = (now - this.time) / 1e6;
    const isStale = !isConnected || this.isToldStale;
    this.isStale.value = isStale;
    this.age.value = isStale || sampleAge > SHOWN_AGE ? formatAge(sampleAge) : '';
  }

  /** True when `count` samples up to `time` (UTC, microseconds) leave nothing out since the newest one known. */
  isComplete(time: number, count: number): boolean {
    const expected = this.definition.rateHz > 0 ? 1 / this.definition.rateHz : this.#interval;
    return (time - this.time) / 1e6 / count <= expected * COMPLETE_INTERVALS;
  }

  /** Seconds between two columns from which on nothing is drawn between them. */
  gapAfter(series: Series): number {
    const column = (series.columnUs / 1e6) * 3;
    if (this.definition.rateHz > 0) return Math.max(column, GAP_LEAST, 4 / this.definition.rateHz);
    if (this.isStepped) return Number.POSITIVE_INFINITY;
    return Math.max(column, GAP_LEAST, 4 * (series.typicalInterval() || 0));
  }
}
