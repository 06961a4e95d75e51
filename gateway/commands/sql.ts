import process from 'node:process';
import { text as textOf } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import type { TelemetryClient } from '../../sync/api/client.ts';
import { databasePlace, isDatabaseUrl } from '../../sync/central/postgres/sql-place.ts';
import { SQL_MEMORY_MIB_MAX, SQL_ROWS_MAX, SQL_SECONDS_MAX } from '../limits.ts';
import { counted } from '../quantity-text.ts';
import { runSql, type SqlLimits } from '../query/sql/run-sql.ts';
import { SQL_FUNCTIONS } from '../query/sql/sql-functions.ts';
import type { SqlPlace } from '../query/sql/sql-messages.ts';
import type { SqlRead } from '../query/sql/sql-meter.ts';
import type { SqlValue } from '../query/sql/sql-value.ts';
import { SQL_TABLES, type SqlTable } from '../query/sql/store-tables.ts';
import { CONFIG_FILE } from './config-file.ts';
import { conclude, interrupted, Output, UsageError } from './outcome.ts';
import { ProgressLine } from './progress-line.ts';
import { SQL_FORMATS, type SqlFormat, SqlText } from './sql-text.ts';
import { type StoreOption, storeDirOf } from './store-option.ts';
import { identityOption, openClient } from './telemetry-client.ts';
import { parseDuration } from './time-text.ts';

interface Options extends StoreOption {
  readonly param?: readonly string[];
  readonly timeout: string;
  readonly rows: string;
  readonly memory: string;
  readonly format?: SqlFormat;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly server?: string;
  readonly identity?: string;
}

export function registerSql(program: Command): void {
  identityOption(program.command('sql'))
    .argument('[statement]', 'one statement; without it, or with -, it is read from stdin')
    .option('--config <file>', 'config of the gateway whose store is read', CONFIG_FILE)
    .option('--store <place>', 'the store itself instead, such as the --data or the --store of a central')
    .option('--server <host:port>', 'a gateway or central that runs, here or elsewhere, which reads its store for us')
    .option('--param <name=value...>', 'values for :name in the statement; what reads as a number is one')
    .option('--timeout <duration>', 'longest that the statement may run', `${SQL_SECONDS_MAX}s`)
    .option('--rows <n>', 'most rows of the result', String(SQL_ROWS_MAX))
    .option('--memory <MiB>', 'most memory that the statement may take', String(SQL_MEMORY_MIB_MAX))
    .addOption(new Option('--format <format>', 'how rows are written (default: table)').choices(SQL_FORMATS))
    .option('--json', 'one JSON object a line')
    .option('--csv', 'CSV with a header line')
    .addHelpText('after', () => `\n${tablesText()}\n${EXAMPLES}`)
    .action((statement: string | undefined, options: Options) => conclude(() => sql(statement, options)));
}

const EXAMPLES = `
What a WHERE says of channel, gateway and time of samples is all that is read: = IN LIKE GLOB for names, = < > BETWEEN for times.

Examples:
  caisson sql "select channel, unit from channels where unit <> '' order by channel"
  caisson sql "select iso(time), value from samples where channel = 'car1/gnss/speed' and time > ago('10s')"
  caisson sql "select avg(value), max(value) from samples where channel like 'car1/%/EngineSpeed' and time between utc('2025-06-01T12:00:00') and utc('2025-06-01T12:01:30')"
  caisson sql "select iso(time) as minute, mean, max from stats('car1/gnss/speed', ago('1h'), now(), 60e6)" --csv
  caisson sql "select g.cause, s.* from gaps g, stats(g.channel, g.since - 1e6, g.since) s" --store ./central --json
  caisson sql "select gateway, count(*) from channels group by gateway" --store postgres://caisson@db.local/caisson
  caisson sql "select channel, lost from ledger where lost > 0" --server 127.0.0.1:7444
  caisson sql --param since=1748779200000000 < report.sql`;

function tablesText(): string {
  const rows = Object.entries<SqlTable>(SQL_TABLES).map(([name, { columns, parameters, meaning }]) => {
    const call = parameters === undefined ? name : `${name}(${parameters.join(', ')})`;
    return `  ${call}\n      ${columns.join(', ')}\n      ${meaning}`;
  });
  const functions = Object.entries(SQL_FUNCTIONS).map(([call, meaning]) => `  ${call.padEnd(30)}${meaning}`);
  return ['Tables; times are UTC in microseconds:', ...rows, '\nFunctions, beside all of SQLite:', ...functions].join(
    '\n',
  );
}

async function sql(argument: string | undefined, options: Options): Promise<void> {
  const format = formatOf(options);
  const limits = limitsOf(options);
  const parameters = parametersOf(options.param ?? []);
  const statement = await statementOf(argument);
  const output = new Output();
  const stop = AbortSignal.any([output.closed, interrupted()]);
  const progress = new ProgressLine();
  const listener = {
    notice: (text: string) => progress.say(text),
    progress: (read: SqlRead) => progress.show((seconds) => readText(read, seconds)),
  };
  const client = await clientOf(options);
  try {
    const run =
      client === undefined
        ? await runSql({ ...placeOf(options), sql: statement, parameters, now: Date.now() * 1e3 }, limits, listener)
        : await client.sql({ sql: statement, parameters }, limits, listener);
    stop.addEventListener('abort', () => run.stop());
    const text = new SqlText(format, run.columns);
    let isEmpty = true;
    for await (const batch of run.batches) {
      if (stop.aborted) break;
      progress.clear();
      isEmpty = false;
      await output.write(text.lines(batch));
    }
    if (isEmpty && !stop.aborted) await output.write(text.lines([]));
  } finally {
    progress.clear();
    client?.close();
  }
}

/** A folder, or a database. */
function placeOf(options: Options): SqlPlace {
  const { store } = options;
  return store !== undefined && isDatabaseUrl(store) ? databasePlace(store) : { place: storeDirOf(options) };
}

/** Of the server that is asked; undefined where the store is read here. */
function clientOf({ server, store, ...options }: Options): Promise<TelemetryClient> | undefined {
  if (server !== undefined && store !== undefined) throw new UsageError('give --store or --server, not both');
  return server === undefined ? undefined : openClient({ server, ...options });
}

async function statementOf(argument: string | undefined): Promise<string> {
  if (argument !== undefined && argument !== '-') return argument;
  if (process.stdin.isTTY === true) throw new UsageError('there is no statement, neither as argument nor on stdin');
  return textOf(process.stdin);
}

function formatOf({ format, json, csv }: Options): SqlFormat {
  const asked: SqlFormat[] = [
    ...(format === undefined ? [] : [format]),
    ...(json === true ? (['json'] as const) : []),
    ...(csv === true ? (['csv'] as const) : []),
  ];
  if (new Set(asked).size > 1) throw new UsageError('give one of --format, --json and --csv');
  return asked[0] ?? 'table';
}

function limitsOf({ timeout, rows, memory }: Options): SqlLimits {
  const whole = (text: string, name: string) => {
    const count = Number(text);
    if (Number.isSafeInteger(count) && count >= 1) return count;
    throw new UsageError(`${name} is '${text}', expected a whole number from 1`);
  };
  return {
    seconds: parseDuration(timeout, '--timeout: ') / 1e6,
    rows: whole(rows, '--rows'),
    memoryMib: whole(memory, '--memory'),
  };
}

function parametersOf(params: readonly string[]): Record<string, SqlValue> {
  return Object.fromEntries(
    params.map((param) => {
      const [, name = '', value = ''] = /^:?(\w+)=([\s\S]*)$/.exec(param) ?? [];
      if (name === '') throw new UsageError(`--param is '${param}', expected name=value`);
      const number = value.trim() === '' ? Number.NaN : Number(value);
      return [name, Number.isNaN(number) ? value : number];
    }),
  );
}

function readText({ samples, channels }: SqlRead, seconds: number): string {
  return `${(samples / 1e6).toFixed(1)} M samples of ${counted(channels, 'channel')} read, ${seconds} s`;
}
