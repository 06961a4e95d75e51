import type { Envelope, StoredChannel } from '../query/telemetry.ts';
import { formatTime } from './time-text.ts';

/** How samples are written: columns for people, one JSON object a line, or CSV. */
export type SampleFormat = 'table' | 'json' | 'csv';

/** The channels of one output, with what is needed to write their values. */
export class SampleText {
  readonly #format: SampleFormat;
  readonly #names: readonly string[];
  readonly #channels: readonly (StoredChannel | undefined)[];
  readonly #width: number;

  /** @param channels by index; undefined where the definition is not known */
  constructor(format: SampleFormat, names: readonly string[], channels: readonly (StoredChannel | undefined)[]) {
    this.#format = format;
    this.#names = names;
    this.#channels = channels;
    this.#width = Math.max('CHANNEL'.length, ...names.map((name) => name.length));
  }

  /** First line of raw samples; empty where the format has none. */
  sampleHead(): string {
    if (this.#format === 'json') return '';
    if (this.#format === 'csv') return 'time,channel,value\n';
    return `${'TIME (UTC)'.padEnd(27)}  ${'CHANNEL'.padEnd(this.#width)}  VALUE\n`;
  }

  sample(index: number, time: number, value: number | string): string {
    const name = this.#names[index] ?? '';
    if (this.#format === 'json') return `${JSON.stringify({ time, channel: name, value: jsonValue(value) })}\n`;
    if (this.#format === 'csv') return `${formatTime(time)},${csvField(name)},${csvField(String(value))}\n`;
    return `${formatTime(time)}  ${name.padEnd(this.#width)}  ${this.#valueText(index, value)}\n`;
  }

  /** First line of envelopes; empty where the format has none. */
  envelopeHead(): string {
    if (this.#format === 'json') return '';
    if (this.#format === 'csv') return 'time,channel,count,min,max,first,last\n';
    return `${'TIME (UTC)'.padEnd(27)}  ${'CHANNEL'.padEnd(this.#width)}  COUNT  MIN  MAX  FIRST  LAST\n`;
  }

  /** One line for each column that has samples; its time is where the column begins. */
  *envelope(index: number, envelope: Envelope): IterableIterator<string> {
    const name = this.#names[index] ?? '';
    const { from, to, pixels } = envelope;
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      const count = envelope.count[pixel] ?? 0;
      if (count === 0) continue;
      const time = Math.round(from + ((to - from) * pixel) / pixels);
      const values = [envelope.min, envelope.max, envelope.first, envelope.last].map(
        (column) => column[pixel] ?? Number.NaN,
      );
      const [min = 0, max = 0, first = 0, last = 0] = values;
      if (this.#format === 'json') {
        const [least, greatest, head, tail] = [min, max, first, last].map(jsonValue);
        yield `${JSON.stringify({ time, channel: name, count, min: least, max: greatest, first: head, last: tail })}\n`;
      } else if (this.#format === 'csv') {
        yield `${[formatTime(time), csvField(name), count, ...values].join(',')}\n`;
      } else {
        yield `${formatTime(time)}  ${name.padEnd(this.#width)}  ${[count, ...values].join('  ')}\n`;
      }
    }
  }

  #valueText(index: number, value: number | string): string {
    if (typeof value === 'string') return JSON.stringify(value);
    const channel = this.#channels[index];
    const label = channel?.labels?.[String(value)];
    const text = label === undefined ? numberText(value) : `${label} (${numberText(value)})`;
    return channel === undefined || channel.unit === '' ? text : `${text} ${channel.unit}`;
  }
}

/** JSON has no NaN and no infinities: they become text. */
function jsonValue(value: number | string): number | string {
  if (typeof value === 'string') return value;
  return Number.isFinite(value) ? value : String(value);
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
