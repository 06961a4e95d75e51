import process from 'node:process';
import { setImmediate as turn } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { FolderDestination } from '../../sync/export/folder-destination.ts';
import { S3Destination } from '../../sync/export/s3-destination.ts';
import { type ExportReport, exportStore } from '../../sync/export/store-export.ts';
import { sleep } from '../../sync/line/sleep.ts';
import { CaissonError, messageOf } from '../errors.ts';
import { QUERY_PIXELS_MAX } from '../limits.ts';
import { bytesText, counted } from '../quantity-text.ts';
import { requireVersion } from '../query/require-version.ts';
import { StoreTelemetry } from '../query/store-telemetry.ts';
import type { Telemetry } from '../query/telemetry.ts';
import { type ColumnTable, type TableBatch, writtenTable } from '../table/column-table.ts';
import { sampleTable } from '../table/sample-table.ts';
import { isTableFormat, TABLE_FORMAT_NAMES, TABLE_FORMATS, type TableFormatName } from '../table/table-formats.ts';
import { CONFIG_FILE } from './config-file.ts';
import { FileSink, StdoutSink } from './export-sink.ts';
import { conclude, interrupted, Output, UsageError } from './outcome.ts';
import { ProgressLine } from './progress-line.ts';
import { type StoreOption, storeDirOf } from './store-option.ts';
import { parseDuration, parseTime } from './time-text.ts';

interface Options extends StoreOption {
  readonly output?: string;
  readonly format?: TableFormatName;
  readonly from?: string;
  readonly to?: string;
  readonly pixels?: string;
  readonly version?: string;
  readonly gateway?: string;
  readonly into?: string;
  readonly every?: string;
  readonly keep?: string;
  readonly json?: boolean;
}

export function registerExport(program: Command): void {
  program
    .command('export')
    .argument('[channel...]', 'names of channels; without them, all (only with --output)')
    .option('--config <file>', 'config of the gateway whose store is read', CONFIG_FILE)
    .option('--store <dir>', 'the store itself instead, such as the --data of a central')
    .option('--output <file>', 'one file; its ending says the format, unless --format does; - is stdout')
    .addOption(new Option('--format <format>', 'of that file').choices(TABLE_FORMAT_NAMES))
    .option('--from <time>', 'begin, inclusive: ISO 8601 (UTC without a zone) or microseconds since 1970')
    .option('--to <time>', 'end, exclusive')
    .option('--pixels <n>', 'min, max, first and last of n equal columns instead of samples')
    .option('--version <n>', 'of a past that was made anew: 0 as it was taken in, 1 ... (default: the newest)')
    .option('--gateway <id>', 'whose channels')
    .option(
      '--into <place>',
      'a folder, or s3://bucket/prefix: what is new there, as Parquet, source/date/session(boot)/hour',
    )
    .option('--every <duration>', 'go on with --into, so often')
    .option('--keep <duration>', 'remove days of --into that are older, such as 90d')
    .option('--json', 'print what was written as JSON')
    .addHelpText('after', EXAMPLES)
    .action((channels: string[], options: Options) => conclude(() => run(channels, options)));
}

const EXAMPLES = `
A file is there when it is whole. A bucket is reached with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and
AWS_ENDPOINT_URL.

Examples:
  caisson export car1/gnss/speed --from 2025-06-01 --to 2025-06-02 --output speed.parquet
  caisson export --output - --format csv --store ./central | gzip > all.csv.gz
  caisson export --into /data/lake --store ./central
  caisson export --into s3://telemetry/pit --store ./central --every 5m --keep 90d`;

async function run(channels: readonly string[], options: Options): Promise<void> {
  if ((options.output === undefined) === (options.into === undefined)) throw new UsageError('give --output or --into');
  if (options.into === undefined) return exportOnce(channels, options);
  const single = ['from', 'to', 'pixels', 'version', 'gateway', 'format'] as const;
  const misplaced = channels.length > 0 ? 'channels' : single.find((name) => options[name] !== undefined);
  if (misplaced !== undefined) throw new UsageError(`${misplaced} cannot be chosen with --into, which has everything`);
  return exportInto(options.into, options);
}

async function exportInto(place: string, options: Options): Promise<void> {
  const dir = storeDirOf(options);
  const every = options.every === undefined ? undefined : parseDuration(options.every, '--every: ');
  const keepUs = options.keep === undefined ? undefined : parseDuration(options.keep, '--keep: ');
  const stop = interrupted();
  const progress = new ProgressLine();
  const output = new Output();
  for (;;) {
    try {
      const report = await exportStore(
        {
          dir,
          keepUs,
          destination: destinationOf(place),
          now: () => Date.now() * 1e3,
          onProblem: (text) => progress.say(text),
          onProgress: (left, path) => progress.show((seconds) => `${path}, ${left} files left, ${seconds} s`),
        },
        stop,
      );
      progress.clear();
      if (every === undefined || report.files + report.removed > 0)
        await output.write(reportText(report, options.json));
    } catch (error) {
      progress.clear();
      if (every === undefined || !(error instanceof CaissonError && error.retryable)) throw error;
      progress.say(messageOf(error));
    }
    if (every === undefined || stop.aborted) return;
    await sleep(every / 1e3, stop);
    if (stop.aborted) return;
  }
}

function destinationOf(place: string): FolderDestination | S3Destination {
  const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(place) ?? [];
  if (bucket === '') return new FolderDestination(place);
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new UsageError('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not in the environment');
  }
  const region = process.env.AWS_REGION ?? 'us-east-1';
  const endpoint = process.env.AWS_ENDPOINT_URL ?? `https://s3.${region}.amazonaws.com`;
  const sessionToken = process.env.AWS_SESSION_TOKEN;
  return new S3Destination({
    ...{ bucket, region, endpoint, accessKeyId, secretAccessKey, sessionToken },
    prefix: prefix.replace(/\/+$/, ''),
  });
}

async function exportOnce(names: readonly string[], options: Options): Promise<void> {
  const { output = '' } = options;
  const { open } = TABLE_FORMATS[formatOf(options)];
  const dir = storeDirOf(options);
  const stop = interrupted();
  const progress = new ProgressLine();
  const telemetry = StoreTelemetry.open(dir, (text) => progress.say(text));
  const counted = { samples: 0, bytes: 0 };
  try {
    const table = tableOf(telemetry, names, options);
    const batches = countedBatches(table, ({ rows }) => {
      counted.samples += rows;
      progress.show((seconds) => `${(counted.samples / 1e6).toFixed(1)} M rows written, ${seconds} s`);
    });
    const pieces = writtenTable({ ...table, batches }, await open(table));
    const sink = output === '-' ? new StdoutSink() : new FileSink(output);
    try {
      for await (const piece of pieces) {
        counted.bytes += piece.length;
        await sink.write(piece);
        if (stop.aborted) throw new CaissonError('export-failed', 'interrupted before all was written');
      }
      sink.end();
    } catch (error) {
      sink.discard();
      throw error;
    }
  } finally {
    progress.clear();
    telemetry.close();
  }
  if (output !== '-') await new Output().write(reportText({ files: 1, ...counted, removed: 0 }, options.json));
}

async function* countedBatches(table: ColumnTable, count: (batch: TableBatch) => void): AsyncGenerator<TableBatch> {
  for await (const batch of table.batches) {
    yield batch;
    count(batch);
    await turn();
  }
}

function tableOf(telemetry: Telemetry, names: readonly string[], options: Options): ColumnTable {
  const { gateway } = options;
  const named = names.map((name) => telemetry.channel(name, gateway));
  const all = telemetry.channels().filter((channel) => gateway === undefined || channel.gateway === gateway);
  const channels = names.length > 0 ? named : all;
  const from = options.from === undefined ? -Number.MAX_SAFE_INTEGER : parseTime(options.from, '--from: ');
  const to = options.to === undefined ? Number.MAX_SAFE_INTEGER : parseTime(options.to, '--to: ');
  if (!(from < to)) throw new UsageError(`--from ${options.from} is not before --to ${options.to}`);
  const pixels = wholeOf('--pixels', options.pixels, 1, QUERY_PIXELS_MAX);
  if (pixels !== undefined && (options.from === undefined || options.to === undefined)) {
    throw new UsageError('--pixels needs --from and --to');
  }
  const drawn = pixels === undefined || names.length > 0 ? channels : channels.filter(({ type }) => type !== 'text');
  const version = wholeOf('--version', options.version, 0, Number.MAX_SAFE_INTEGER);
  if (version !== undefined) requireVersion(drawn, version, telemetry.versions());
  return sampleTable(telemetry, { channels: drawn, from, to, pixels, version });
}

function wholeOf(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new UsageError(`${name} is '${text}', expected a whole number from ${least} to ${most}`);
}

function formatOf({ format, output = '' }: Options): TableFormatName {
  const ending = output.slice(output.lastIndexOf('.') + 1);
  const found = format ?? (ending === 'arrows' ? 'arrow' : ending);
  if (isTableFormat(found)) return found;
  throw new UsageError(
    `--output ${output} does not say its format: give --format, one of ${TABLE_FORMAT_NAMES.join(', ')}`,
  );
}

function reportText(report: ExportReport, isJson = false): string {
  if (isJson) return `${JSON.stringify(report)}\n`;
  const { files, samples, bytes, removed } = report;
  const gone = removed === 0 ? '' : `, ${counted(removed, 'old file')} removed`;
  return `${counted(files, 'file')} written, ${samples.toLocaleString('en')} rows, ${bytesText(bytes)}${gone}\n`;
}
