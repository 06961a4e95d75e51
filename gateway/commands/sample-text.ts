import type { Envelope, StoredChannel } from '../query/telemetry.ts';
import { formatTime } from './time-text.ts';

/** Digits behind the point that are printed at most, whatever a source says. */
const DECIMALS_MAX = 12;

/** Digits of a number of which nobody said how many mean something. */
const SIGNIFICANT_DIGITS = 9;

/** Width of the numbers of an envelope. */
const NUMBER_WIDTH = 12;

/** How samples are written: columns for people, who see the digits that mean something; one JSON object a line, or CSV, both exact. */
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
    if (this.#format === 'csv') return 'time,channel,value,late\n';
    return `${'TIME (UTC)'.padEnd(27)}  ${'CHANNEL'.padEnd(this.#width)}  VALUE\n`;
  }

  /** @param isLate a sample with a greater time was taken in before it */
  sample(index: number, time: number, value: number | string, isLate = false): string {
    const name = this.#names[index] ?? '';
    if (this.#format === 'json') {
      const late = isLate ? { late: true } : {};
      return `${JSON.stringify({ time, channel: name, value: jsonValue(value), ...late })}\n`;
    }
    if (this.#format === 'csv') {
      return `${formatTime(time)},${csvField(name)},${csvField(String(value))},${isLate ? 1 : 0}\n`;
    }
    const late = isLate ? '  (late)' : '';
    return `${formatTime(time)}  ${name.padEnd(this.#width)}  ${this.#valueText(index, value)}${late}\n`;
  }

  /** First line of envelopes; empty where the format has none. */
  envelopeHead(): string {
    if (this.#format === 'json') return '';
    if (this.#format === 'csv') return 'time,channel,count,min,max,first,last\n';
    const columns = ['MIN', 'MAX', 'FIRST', 'LAST'].map((name) => name.padStart(NUMBER_WIDTH));
    return `${'TIME (UTC)'.padEnd(27)}  ${'CHANNEL'.padEnd(this.#width)}  ${'COUNT'.padStart(8)}${columns.join('')}\n`;
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
        const unit = this.#channels[index]?.unit ?? '';
        const numbers = values.map((value) => ` ${this.#numberText(index, value)}`.padStart(NUMBER_WIDTH)).join('');
        yield `${`${formatTime(time)}  ${name.padEnd(this.#width)}  ${String(count).padStart(8)}${numbers} ${unit}`.trimEnd()}\n`;
      }
    }
  }

  #valueText(index: number, value: number | string): string {
    if (typeof value === 'string') return JSON.stringify(value);
    const channel = this.#channels[index];
    const label = channel?.labels?.[String(value)];
    const number = this.#numberText(index, value);
    const text = label === undefined ? number : `${label} (${number})`;
    return channel === undefined || channel.unit === '' ? text : `${text} ${channel.unit}`;
  }

  #numberText(index: number, value: number): string {
    const channel = this.#channels[index];
    if (channel?.type === 'bool' || channel?.type === 'enum') return exactText(value);
    const { scale } = channel ?? {};
    const decimals =
      channel?.decimals ?? (scale === undefined ? undefined : Math.max(digitsOf(scale.gain), digitsOf(scale.offset)));
    return numberText(value, decimals);
  }
}

/** JSON has no NaN and no infinities: they become text. */
function jsonValue(value: number | string): number | string {
  if (typeof value === 'string') return value;
  return Number.isFinite(value) ? value : String(value);
}

/** A number with so many digits behind the point, or with those that mean something where nobody said how many. */
function numberText(value: number, decimals: number | undefined): string {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e15) return exactText(value);
  if (decimals !== undefined) return value.toFixed(Math.min(decimals, DECIMALS_MAX)).replace(/^-(?=[0.]*$)/, '');
  return Number.isInteger(value) ? exactText(value) : String(Number(value.toPrecision(SIGNIFICANT_DIGITS)));
}

function exactText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Digits behind the point that a number has as a person writes it. */
function digitsOf(value: number): number {
  const [digits = '', exponent = '0'] = String(value).split('e');
  return Math.max(0, (digits.split('.')[1] ?? '').length - Number(exponent));
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
