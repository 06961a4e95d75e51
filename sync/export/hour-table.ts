import { cutSamples } from '../../gateway/query/cut-samples.ts';
import { Lateness } from '../../gateway/query/lateness.ts';
import type { Samples } from '../../gateway/query/telemetry.ts';
import type { ColumnRows, ColumnTable, TableBatch, TableColumn } from '../../gateway/table/column-table.ts';
import { type ExportHour, type ExportSource, type ExportView, HOUR_US } from './hours.ts';

/** The same in every file, so that tools read them together. Gateway, day and boot stand in the path. */
const COLUMNS: readonly TableColumn[] = [
  { name: 'channel', kind: 'text' },
  { name: 'time', kind: 'time' },
  { name: 'value', kind: 'number', isNullable: true },
  { name: 'text', kind: 'text', isNullable: true },
  { name: 'late', kind: 'flag' },
  { name: 'version', kind: 'integer' },
];

const NONE: ColumnRows = { kind: 'none' };

/** The samples of one boot in one hour: channel after channel, each in the order in which they were taken in. */
export function hourTable(source: ExportSource, view: ExportView, hour: ExportHour): ColumnTable {
  const columns = COLUMNS.map((column) => (column.name === 'channel' ? channelColumn(view) : column));
  return { columns, about: {}, batches: batchesOf(source, view, hour) };
}

function channelColumn({ channels }: ExportView): TableColumn {
  return { name: 'channel', kind: 'name', names: channels.map(({ name }) => name) };
}

function* batchesOf(
  { blocks, contents }: ExportSource,
  view: ExportView,
  { boot, hour }: ExportHour,
): Generator<TableBatch> {
  const [from, to] = [hour * HOUR_US, (hour + 1) * HOUR_US];
  const version = BigInt(view.versions.get(boot) ?? 0);
  const { gateway } = view.boots.get(boot) ?? {};
  for (const channel of view.channels) {
    if (channel.gateway !== gateway) continue;
    const lateness = new Lateness((of, sequence) => blocks.reachBefore(channel.id, of, sequence));
    for (const extent of view.blocksOf(channel, boot, from, to)) {
      const stored = contents.of(extent);
      if (stored === undefined) continue;
      const late = lateness.of(stored.times, boot, extent.firstSequence);
      const map = view.mapOf(boot, extent.stamp);
      const times = stored.times.map((time) => time + map.offsetAt(time));
      for (const piece of cutSamples(within({ ...stored, times, late }, from, to))) {
        yield batchOf(channel.name, version, piece);
      }
    }
  }
}

function batchOf(name: string, version: bigint, { times, values, late }: Samples): TableBatch {
  const isNumber = values instanceof Float64Array;
  const rows = times.length;
  return {
    rows,
    columns: [
      { kind: 'name', value: name },
      { kind: 'time', values: times },
      isNumber ? { kind: 'number', values } : NONE,
      isNumber ? NONE : { kind: 'text', values },
      { kind: 'flag', values: late ?? new Uint8Array(rows) },
      { kind: 'integer', values: new BigInt64Array(rows).fill(version) },
    ],
  };
}

/** The samples of [from, to), bit for bit. */
function within({ times, values, late }: Samples, from: number, to: number): Samples {
  const taken = Uint32Array.from(times.keys()).filter((i) => (times[i] as number) >= from && (times[i] as number) < to);
  if (taken.length === times.length) return { times, values, late };
  const first = taken[0] ?? 0;
  const end = (taken.at(-1) ?? -1) + 1;
  if (end - first === taken.length) {
    return { times: times.subarray(first, end), values: values.slice(first, end), late: late?.subarray(first, end) };
  }
  return {
    times: Float64Array.from(taken, (i) => times[i] as number),
    values: picked(values, taken),
    late: late && Uint8Array.from(taken, (i) => late[i] as number),
  };
}

function picked(values: Float64Array | readonly string[], indexes: Uint32Array): Float64Array | readonly string[] {
  if (!(values instanceof Float64Array)) return Array.from(indexes, (i) => values[i] as string);
  // Moved as bit patterns: a NaN's payload must not pass through a number.
  const bits = new BigUint64Array(values.slice().buffer);
  return new Float64Array(BigUint64Array.from(indexes, (i) => bits[i] as bigint).buffer);
}
