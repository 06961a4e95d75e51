import type { Database } from 'better-sqlite3';
import { CaissonError } from '../../errors.ts';
import { QUERY_PIXELS_MAX } from '../../limits.ts';
import type { BlockSource } from '../block-source.ts';
import { requireVersion } from '../require-version.ts';
import type { KeptTelemetry, Samples, StoredChannel } from '../telemetry.ts';
import { cycleRows, cycleSumRows } from './cycle-rows.ts';
import { SAMPLES, SAMPLES_NARROWED } from './narrow-statement.ts';
import { bucketRows } from './sample-buckets.ts';
import { SAMPLES_COLUMNS, SamplesTable } from './samples-table.ts';
import { sessionRows } from './session-rows.ts';
import type { SqlMeter } from './sql-meter.ts';
import { type SqlValue, whole } from './sql-value.ts';

/** What the tables show: a store's telemetry, and what that does not tell. */
export interface SqlStore {
  readonly telemetry: KeptTelemetry;
  /** Runs of gateways, and what maps their box time to UTC. */
  readonly blocks: SqlBoots;
}

type SqlBoots = Pick<BlockSource, 'boots' | 'clockAfter'>;

/** A table as help and README list it. */
export interface SqlTable {
  readonly columns: readonly string[];
  /** Arguments, in their order; without them it is an ordinary table. */
  readonly parameters?: readonly string[];
  readonly meaning: string;
}

/** Every table that a statement can read. Times are UTC in microseconds. */
export const SQL_TABLES = {
  samples: {
    columns: SAMPLES_COLUMNS,
    meaning:
      'every sample; `text` is that of text channels and the label of enums; NaN is NULL; `late` is 1 where one with a greater time was taken in before',
  },
  stats: {
    columns: ['time', 'count', 'min', 'max', 'first', 'last', 'sum', 'mean'],
    parameters: ['channel', 'since', 'until', 'step', 'gateway', 'version'],
    meaning:
      'sums of a channel over [since, until), one row each `step` microseconds that has samples; without step, one row',
  },
  envelope: {
    columns: ['pixel', 'time', 'count', 'min', 'max', 'first', 'last'],
    parameters: ['channel', 'since', 'until', 'pixels', 'gateway', 'version'],
    meaning: 'what a chart of so many pixels draws of [since, until); read from the pyramid, not from samples',
  },
  past: {
    columns: ['time', 'value', 'text', 'late'],
    parameters: ['channel', 'since', 'until', 'version', 'gateway'],
    meaning:
      'samples of a channel over [since, until) as they were when that version of the past was the newest: 0 as they were taken in',
  },
  coverage: {
    columns: ['begins', 'ends', 'state', 'cause', 'count'],
    parameters: ['channel', 'since', 'until', 'gateway'],
    meaning:
      'what there is of a channel in [since, until), of what was taken in: full, outline (envelopes only) or missing, and why; `count` samples lack',
  },
  latest: { columns: ['gateway', 'channel', 'time', 'value', 'text'], meaning: 'the newest sample of each channel' },
  channels: {
    columns: [
      ...['gateway', 'channel', 'unit', 'type', 'class', 'residency', 'stamp', 'source', 'rate_hz', 'description'],
      'labels',
    ],
    meaning: 'what is known of each channel',
  },
  sessions: {
    columns: ['gateway', 'session', 'name', 'begins', 'ends', 'seconds', 'metadata'],
    meaning:
      'stretches of the recording that people gave a name; `ends` is NULL while one goes on, `metadata` JSON, read by `->>`',
  },
  cycles: {
    columns: ['gateway', 'cycle', 'number', 'label', 'begins', 'ends', 'seconds', 'state', 'cause', 'late'],
    meaning: 'laps, hauls, batches; `ends` is NULL while one is open, `cause` why one is not complete',
  },
  cycle_sums: {
    columns: [
      ...['gateway', 'cycle', 'number', 'label', 'begins', 'ends', 'state', 'channel', 'unit', 'count', 'min', 'max'],
      ...['mean', 'first', 'last'],
    ],
    parameters: ['of_cycle', 'of_gateway'],
    meaning:
      'what each channel came to in every cycle that has ended, of all kinds without an argument; made seconds after it, at a central there before the samples are',
  },
  gaps: {
    columns: ['gateway', 'channel', 'boot', 'first_sequence', 'count', 'since', 'until', 'cause'],
    meaning: 'stretches that are missing, and why',
  },
  ledger: {
    columns: ['gateway', 'channel', 'taken', 'kept', 'lost'],
    meaning: 'samples of each channel: taken in = kept + lost',
  },
  versions: {
    columns: ['gateway', 'boot', 'version', 'made', 'channels', 'recipe'],
    meaning: 'what was made anew of the past, of which boot, and how; `channels` and `recipe` are JSON',
  },
  boots: { columns: ['gateway', 'boot', 'started', 'ended'], meaning: 'runs of gateways, in box time' },
  clock: {
    columns: ['gateway', 'boot', 'time', 'offset', 'error', 'source'],
    meaning: 'what maps box time to UTC, microseconds',
  },
} as const satisfies Readonly<Record<string, SqlTable>>;

/** Tables that a statement which refers to several holds, instead of reading them again and again. */
export const READ_ONCE: ReadonlySet<string> = new Set(Object.keys(SQL_TABLES).filter((name) => name !== SAMPLES));

type Rows = Generator<SqlValue[]>;

/** Adds every table to `db`. Returns what lets go of what they hold. */
export function addStoreTables(db: Database, store: SqlStore, meter: SqlMeter): () => void {
  const { telemetry, blocks } = store;
  const samples = new SamplesTable(telemetry, meter);
  const ordinary = (name: keyof typeof SQL_TABLES, read: () => Iterable<SqlValue[]>) => {
    db.table(name, {
      columns: [...SQL_TABLES[name].columns],
      *rows() {
        yield* read();
      },
    });
  };
  const columns = [...SAMPLES_COLUMNS];
  db.table(SAMPLES, { columns, parameters: [], rows: samples.rows() });
  db.table(SAMPLES_NARROWED, { columns, parameters: ['$names', '$from', '$to'], rows: samples.rows() });
  ordinary('latest', () => latestRows(telemetry));
  ordinary('channels', () => telemetry.channels().map(channelRow));
  ordinary('sessions', () => sessionRows(telemetry));
  ordinary('cycles', () => cycleRows(telemetry));
  ordinary('gaps', () => gapRows(telemetry));
  ordinary('ledger', () => ledgerRows(telemetry));
  ordinary('versions', () => versionRows(telemetry));
  ordinary('boots', () => bootRows(blocks));
  ordinary('clock', () => clockRows(blocks));
  db.table('stats', {
    columns: [...SQL_TABLES.stats.columns],
    parameters: [...SQL_TABLES.stats.parameters],
    *rows(...args: unknown[]) {
      yield* statsRows(telemetry, meter, args);
    },
  });
  db.table('envelope', {
    columns: [...SQL_TABLES.envelope.columns],
    parameters: [...SQL_TABLES.envelope.parameters],
    *rows(...args: unknown[]) {
      yield* envelopeRows(telemetry, args);
    },
  });
  db.table('coverage', {
    columns: [...SQL_TABLES.coverage.columns],
    parameters: [...SQL_TABLES.coverage.parameters],
    *rows(...args: unknown[]) {
      yield* coverageRows(telemetry, args);
    },
  });
  db.table('cycle_sums', {
    columns: [...SQL_TABLES.cycle_sums.columns],
    parameters: [...SQL_TABLES.cycle_sums.parameters],
    *rows(...args: unknown[]) {
      yield* cycleSumRows(telemetry, args);
    },
  });
  db.table('past', {
    columns: [...SQL_TABLES.past.columns],
    parameters: [...SQL_TABLES.past.parameters],
    *rows(...args: unknown[]) {
      yield* pastRows(telemetry, meter, args);
    },
  });
  return () => samples.close();
}

function* statsRows(telemetry: KeptTelemetry, meter: SqlMeter, args: readonly unknown[]): Rows {
  const channel = channelArgument('stats', telemetry, args, 4);
  const version = versionArgument('stats', telemetry, channel, args[5]);
  const since = timeArgument('stats', 'since', args[1]) ?? Number.NEGATIVE_INFINITY;
  const until = timeArgument('stats', 'until', args[2]) ?? Number.POSITIVE_INFINITY;
  const step = timeArgument('stats', 'step', args[3]) ?? Number.POSITIVE_INFINITY;
  if (!(step >= 1))
    throw new CaissonError('query-invalid', `stats: a step of ${step}, expected microseconds, 1 or more`);
  if (channel.type === 'text') throw new CaissonError('query-invalid', `stats: ${channel.name} is text`);
  meter.countChannel();
  const counted = function* (): IterableIterator<Samples> {
    for (const samples of telemetry.raw(channel.id, since, until, version)) {
      meter.countSamples(samples.times.length);
      yield samples;
    }
  };
  for (const { time, count, min, max, first, last, sum, numbers } of bucketRows(counted(), step)) {
    yield [whole(time), whole(count), min, max, first, last, sum, numbers === 0 ? null : sum / numbers];
  }
}

function* envelopeRows(telemetry: KeptTelemetry, args: readonly unknown[]): Rows {
  const channel = channelArgument('envelope', telemetry, args, 4);
  const version = versionArgument('envelope', telemetry, channel, args[5]);
  const since = timeArgument('envelope', 'since', args[1]);
  const until = timeArgument('envelope', 'until', args[2]);
  const pixels = Number(args[3]);
  if (since === undefined || until === undefined || args[3] === undefined) {
    throw new CaissonError('query-invalid', 'envelope needs since, until and pixels', { hint: ENVELOPE_HINT });
  }
  if (!Number.isInteger(pixels) || pixels < 1 || pixels > QUERY_PIXELS_MAX) {
    throw new CaissonError('query-invalid', `envelope: ${pixels} pixels, expected 1 to ${QUERY_PIXELS_MAX}`);
  }
  const { count, min, max, first, last } = telemetry.envelope(channel.id, since, until, pixels, version);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const samples = count[pixel] ?? 0;
    if (samples === 0) continue;
    const time = Math.round(since + ((until - since) * pixel) / pixels);
    const values = [min, max, first, last].map((column) => column[pixel] ?? Number.NaN);
    yield [whole(pixel), whole(time), whole(samples), ...values];
  }
}

const ENVELOPE_HINT = "such as envelope('car7/engine/rpm', ago('1h'), now(), 600)";

function channelArgument(table: string, telemetry: KeptTelemetry, args: readonly unknown[], at: number): StoredChannel {
  const [name] = args;
  const gateway = args[at];
  if (typeof name === 'string') return telemetry.channel(name, typeof gateway === 'string' ? gateway : undefined);
  throw new CaissonError('query-invalid', `${table} needs a channel`, {
    hint: table === 'envelope' ? ENVELOPE_HINT : `such as ${table}('car7/engine/rpm', ago('1h'), now())`,
  });
}

function timeArgument(table: string, name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  throw new CaissonError(
    'query-invalid',
    `${table}: ${name} is ${JSON.stringify(value)}, expected UTC in microseconds`,
    {
      hint: `write utc('2025-06-01T12:00:00Z'), or ago('5m')`,
    },
  );
}

/** Undefined: the newest. */
function versionArgument(
  table: string,
  telemetry: KeptTelemetry,
  channel: StoredChannel,
  value: unknown,
): number | undefined {
  if (value === undefined) return undefined;
  const version = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(version) && version >= 0) {
    if (version > 0) requireVersion([channel], version, telemetry.versions());
    return version;
  }
  throw new CaissonError('query-invalid', `${table}: version is ${String(value)}, expected a whole number from 0`, {
    hint: 'select version from versions lists them; 0 is what was taken in',
  });
}

function* pastRows(telemetry: KeptTelemetry, meter: SqlMeter, args: readonly unknown[]): Rows {
  const channel = channelArgument('past', telemetry, args, 4);
  const version = versionArgument('past', telemetry, channel, args[3]);
  const since = timeArgument('past', 'since', args[1]) ?? Number.NEGATIVE_INFINITY;
  const until = timeArgument('past', 'until', args[2]) ?? Number.POSITIVE_INFINITY;
  meter.countChannel();
  for (const { times, values, late } of telemetry.raw(channel.id, since, until, version)) {
    meter.countSamples(times.length);
    for (let i = 0; i < times.length; i += 1) {
      const value = values[i] as number | string;
      const isText = typeof value === 'string';
      const text = isText ? value : (channel.labels?.[String(value)] ?? null);
      yield [whole(times[i] as number), isText ? null : value, text, late?.[i] === 1 ? 1n : 0n];
    }
  }
}

function* coverageRows(telemetry: KeptTelemetry, args: readonly unknown[]): Rows {
  const channel = channelArgument('coverage', telemetry, args, 3);
  const since = timeArgument('coverage', 'since', args[1]);
  const until = timeArgument('coverage', 'until', args[2]);
  if (since === undefined || until === undefined) {
    throw new CaissonError('query-invalid', 'coverage needs since and until', {
      hint: "such as coverage('car7/engine/rpm', ago('1h'), now())",
    });
  }
  for (const { from, to, state, cause, count } of telemetry.coverage(channel.id, since, until).stretches) {
    yield [whole(from), whole(to), state, cause, whole(count)];
  }
}

function* versionRows(telemetry: KeptTelemetry): Rows {
  const names = new Map(telemetry.channels().map(({ id, name }) => [id, name]));
  for (const { gateway, boot, version, made, channels, recipe } of telemetry.versions()) {
    const shown = channels.map((id) => names.get(id) ?? null);
    yield [gateway, boot, whole(version), whole(made), JSON.stringify(shown), JSON.stringify(recipe)];
  }
}

function* latestRows(telemetry: KeptTelemetry): Rows {
  for (const { id, gateway, name, labels } of telemetry.channels()) {
    const latest = telemetry.latest(id);
    if (latest === undefined) continue;
    const { time, value } = latest;
    if (typeof value === 'string') yield [gateway, name, whole(time), null, value];
    else yield [gateway, name, whole(time), value, labels?.[String(value)] ?? null];
  }
}

function channelRow(channel: StoredChannel): SqlValue[] {
  const { gateway, name, unit, type, residency, stamp, source, rateHz, description, labels } = channel;
  return [
    ...[gateway, name, unit, type, channel.class, typeof residency === 'string' ? residency : residency.join(' ')],
    ...[stamp, source, rateHz ?? null, description ?? null],
    labels === undefined ? null : JSON.stringify(labels),
  ];
}

function* gapRows(telemetry: KeptTelemetry): Rows {
  for (const { id, gateway, name } of telemetry.channels()) {
    const gaps = telemetry.gaps(id, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    for (const { boot, firstSequence, count, from, to, cause } of gaps) {
      yield [gateway, name, boot, whole(firstSequence), whole(count), whole(from), whole(to), cause];
    }
  }
}

function* ledgerRows(telemetry: KeptTelemetry): Rows {
  const channels = new Map(telemetry.channels().map((channel) => [channel.id, channel]));
  for (const { channel, taken, kept, lost } of telemetry.ledger()) {
    const { gateway = null, name = null } = channels.get(channel) ?? {};
    yield [gateway, name, whole(taken), whole(kept), whole(lost)];
  }
}

function* bootRows(blocks: SqlBoots): Rows {
  for (const { gateway, boot, started, ended } of blocks.boots()) {
    yield [gateway, boot, whole(started), ended === undefined ? null : whole(ended)];
  }
}

function* clockRows(blocks: SqlBoots): Rows {
  const boots = new Map(blocks.boots().map((boot) => [boot.id, boot]));
  for (const { boot, reading } of blocks.clockAfter(0).rows) {
    const { gateway = null, boot: name = null } = boots.get(boot) ?? {};
    const error = Number.isFinite(reading.error) ? whole(reading.error) : null;
    yield [gateway, name, whole(reading.time), whole(reading.offset), error, reading.source];
  }
}

/** A whole number that SQLite has as INTEGER. */
