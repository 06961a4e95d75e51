import { CaissonError } from '../errors.ts';
import type { Coverage } from '../query/coverage/coverage.ts';
import { cutSamples } from '../query/cut-samples.ts';
import { type AskedTelemetry, NEWEST_VERSION, type Samples, type StoredChannel } from '../query/telemetry.ts';
import type { ColumnRows, ColumnTable, TableBatch, TableColumn } from './column-table.ts';
import { int64Of } from './int64.ts';

/** What a table of samples shows. */
export interface SampleQuery {
  readonly channels: readonly StoredChannel[];
  /** UTC, microseconds, inclusive. */
  readonly from: number;
  /** UTC, microseconds, exclusive. */
  readonly to: number;
  /** Undefined: every sample. */
  readonly pixels?: number | undefined;
  /** Of a past that was made anew: 0 what was taken in; undefined: the newest. */
  readonly version?: number | undefined;
  /** What there is of each channel, as {@link withCoverage} gives it; undefined: nothing is said of it. */
  readonly coverage?: readonly Coverage[] | undefined;
}

/** The same with what there is of each channel, asked before the samples are: more may come to be here meanwhile, not less. */
export async function withCoverage<Query extends SampleQuery>(telemetry: AskedTelemetry, query: Query) {
  const { channels, from, to } = query;
  const coverage = await Promise.all(channels.map(async ({ id }) => telemetry.coverage(id, from, to)));
  return { ...query, coverage };
}

const NONE: ColumnRows = { kind: 'none' };

/**
 * Samples, or what a chart of so many pixels draws of them, as a table: channel after channel, each in the order of its times,
 * read from the store as it is written. Columns of samples are those of SQL: `value` is there where a channel has numbers, `text`
 * where one has text or labels.
 *
 * @throws CaissonError `query-invalid` for pixels of a text channel; as it is read, for more pixels than may be asked for
 */
export function sampleTable(telemetry: AskedTelemetry, query: SampleQuery): ColumnTable {
  const { pixels } = query;
  const about = aboutOf(query);
  if (pixels !== undefined) {
    const text = query.channels.find(({ type }) => type === 'text');
    if (text !== undefined) throw new CaissonError('query-invalid', `${text.name} is text, which has no envelope`);
    return { columns: envelopeColumns(query.channels), about, batches: envelopeBatches(telemetry, query, pixels) };
  }
  const columns = sampleColumns(query.channels);
  return { columns, about, batches: sampleBatches(telemetry, query, columns) };
}

/** Columns of the samples of some channels. */
export function sampleColumns(channels: readonly StoredChannel[]): TableColumn[] {
  const texts = channels.filter(hasTexts);
  const numbers = channels.filter(({ type }) => type !== 'text');
  const columns: TableColumn[] = [...namingColumns(channels), { name: 'time', kind: 'time' }];
  if (numbers.length > 0) columns.push({ name: 'value', kind: 'number', isNullable: numbers.length < channels.length });
  if (texts.length > 0) columns.push({ name: 'text', kind: 'text', isNullable: true });
  return [...columns, { name: 'late', kind: 'flag' }];
}

function envelopeColumns(channels: readonly StoredChannel[]): TableColumn[] {
  const extremes = ['min', 'max', 'first', 'last'].map((name) => ({ name, kind: 'number' as const }));
  return [...namingColumns(channels), { name: 'time', kind: 'time' }, { name: 'count', kind: 'integer' }, ...extremes];
}

function namingColumns(channels: readonly StoredChannel[]): TableColumn[] {
  return [
    { name: 'gateway', kind: 'name', names: [...new Set(channels.map(({ gateway }) => gateway))] },
    { name: 'channel', kind: 'name', names: [...new Set(channels.map(({ name }) => name))] },
  ];
}

/** What a reader of the file wants to know of the channels in it. */
function aboutOf({ channels, version, coverage }: SampleQuery): Record<string, string> {
  const described = channels.map(({ gateway, name, unit, type, labels }) => ({ gateway, name, unit, type, labels }));
  return {
    'caisson.channels': JSON.stringify(described),
    'caisson.version': version === undefined || version === NEWEST_VERSION ? 'newest' : String(version),
    ...(coverage !== undefined && { 'caisson.coverage': JSON.stringify(lacksOf(channels, coverage)) }),
  };
}

/** What is not full, channel by channel. */
function lacksOf(channels: readonly StoredChannel[], coverage: readonly Coverage[]): object[] {
  return coverage.flatMap(({ stretches, waits }, i) => {
    const lacks = stretches.filter(({ state }) => state !== 'full');
    const { gateway, name } = channels[i] ?? {};
    return lacks.length === 0 ? [] : [{ gateway, name, stretches: lacks, waits }];
  });
}

async function* sampleBatches(
  telemetry: AskedTelemetry,
  { channels, from, to, version }: SampleQuery,
  columns: readonly TableColumn[],
): AsyncGenerator<TableBatch, void, undefined> {
  for (const channel of channels) {
    for await (const piece of telemetry.raw(channel.id, from, to, version)) {
      for (const samples of cutSamples(piece)) {
        const rows = samples.times.length;
        yield { rows, columns: columns.map(({ name }) => sampleRows(name, channel, samples)) };
      }
    }
  }
}

function sampleRows(column: string, channel: StoredChannel, { times, values, late }: Samples): ColumnRows {
  const isNumber = values instanceof Float64Array;
  if (column === 'gateway') return { kind: 'name', value: channel.gateway };
  if (column === 'channel') return { kind: 'name', value: channel.name };
  if (column === 'time') return { kind: 'time', values: times };
  if (column === 'late') return { kind: 'flag', values: late ?? new Uint8Array(times.length) };
  if (column === 'value') return isNumber ? { kind: 'number', values } : NONE;
  if (!isNumber) return { kind: 'text', values };
  return channel.labels === undefined ? NONE : labelRows(channel.labels, values);
}

/** The label of each value; none where a value has no label. */
function labelRows(labels: Readonly<Record<string, string>>, values: Float64Array): ColumnRows {
  const valid = new Uint8Array(values.length);
  const texts = Array.from(values, (value, i) => {
    const label = labels[String(value)];
    if (label !== undefined) valid[i] = 1;
    return label ?? '';
  });
  return { kind: 'text', values: texts, valid };
}

async function* envelopeBatches(
  telemetry: AskedTelemetry,
  { channels, from, to, version }: SampleQuery,
  pixels: number,
): AsyncGenerator<TableBatch, void, undefined> {
  for (const { id, gateway, name } of channels) {
    const { count, min, max, first, last } = await telemetry.envelope(id, from, to, pixels, version);
    const filled = Uint32Array.from(count.keys()).filter((pixel) => (count[pixel] as number) > 0);
    if (filled.length === 0) continue;
    const taken = (column: Float64Array) => Float64Array.from(filled, (pixel) => column[pixel] as number);
    const times = Float64Array.from(filled, (pixel) => Math.round(from + ((to - from) * pixel) / pixels));
    const extremes = [min, max, first, last].map((column) => ({ kind: 'number' as const, values: taken(column) }));
    yield {
      rows: filled.length,
      columns: [
        { kind: 'name', value: gateway },
        { kind: 'name', value: name },
        { kind: 'time', values: times },
        { kind: 'integer', values: int64Of(taken(count)) },
        ...extremes,
      ],
    };
  }
}

function hasTexts({ type, labels }: StoredChannel): boolean {
  return type === 'text' || labels !== undefined;
}
