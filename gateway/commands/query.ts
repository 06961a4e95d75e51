import process from 'node:process';
import type { Command } from 'commander';
import type { TelemetryClient } from '../../sync/api/client.ts';
import { QUERY_PIXELS_MAX } from '../limits.ts';
import { findSession, type Session } from '../query/sessions.ts';
import { COVERAGE_HEADS, coverageLines, lackLines } from './coverage-text.ts';
import { conclude, interrupted, Output, UsageError } from './outcome.ts';
import { type SampleFormat, SampleText } from './sample-text.ts';
import { openClient, type ServerOptions, serverOptions } from './telemetry-client.ts';
import { parseDuration, parseTime } from './time-text.ts';

/** Characters written at once. */
const WRITE_CHARACTERS = 64 * 1024;

const LAST_DEFAULT = '60s';

interface Options extends ServerOptions {
  readonly from?: string;
  readonly to?: string;
  readonly last?: string;
  readonly session?: string;
  readonly pixels?: string;
  readonly raw?: boolean;
  readonly version?: string;
  readonly gateway?: string;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly coverage?: boolean;
}

/** Where a query begins and ends; UTC in microseconds. */
export interface QueryRange {
  readonly from?: number;
  readonly to?: number;
}

export function registerQuery(program: Command): void {
  serverOptions(program.command('query'))
    .argument('<channel...>', 'names of channels, as `caisson channels` lists them')
    .option('--from <time>', 'begin, inclusive: ISO 8601 (UTC without a zone) or microseconds since 1970')
    .option('--to <time>', 'end, exclusive')
    .option(
      '--last <duration>',
      `the stretch before the server's present, such as 500ms, 60s, 2h (default: ${LAST_DEFAULT})`,
    )
    .option('--session <session>', 'the time of a session, by its id or name: `caisson sessions` lists them')
    .option('--pixels <n>', 'min, max, first and last of n equal columns instead of samples')
    .option('--raw', 'every sample (default)')
    .option('--version <n>', 'of a past that was made anew: 0 as it was taken in, 1 ... (default: the newest)')
    .option('--gateway <id>', 'whose channels, where several gateways have the name')
    .option('--json', 'one JSON object a line, times in microseconds')
    .option('--csv', 'CSV with a header line')
    .option('--coverage', 'what the server has of the range, and why the rest is missing, instead of samples')
    .addHelpText(
      'after',
      `
Examples:
  caisson query car1/powertrain/Engine/EngineSpeed --last 5m
  caisson query car1/gnss/speed car1/powertrain/Engine/EngineSpeed --from 2025-06-01T12:00:00Z --to 2025-06-01T12:01:30Z --csv
  caisson query car1/gnss/speed --session FP1 --csv
  caisson query car1/powertrain/Engine/EngineSpeed --last 1h --pixels 600 --json --server 127.0.0.1:7444
  caisson query car1/powertrain/Engine/EngineSpeed --last 1h --coverage --server 127.0.0.1:7444`,
    )
    .action((channels: string[], options: Options) => conclude(() => query(channels, options)));
}

async function query(names: readonly string[], options: Options): Promise<void> {
  const format = formatOf(options);
  const pixels = pixelsOf(options);
  const version = versionOf(options);
  const client = await openClient(options);
  const output = new Output();
  const stop = AbortSignal.any([output.closed, interrupted()]);
  try {
    const range = await askedRange(client, options);
    const { gateway } = options;
    const known = await client.listChannels({ gateway, names });
    const text = new SampleText(
      format,
      names,
      names.map((name) => known.find((channel) => channel.name === name)),
    );
    const isCoverage = options.coverage === true;
    let pending = isCoverage ? COVERAGE_HEADS[format] : pixels === undefined ? text.sampleHead() : text.envelopeHead();
    const add = async (line: string) => {
      pending += line;
      if (pending.length < WRITE_CHARACTERS) return;
      const full = pending;
      pending = '';
      await output.write(full);
    };
    const coverage = isCoverage ? 'only' : 'first';
    for await (const piece of client.query({ channels: names, gateway, pixels, version, ...range, coverage }, stop)) {
      if ('coverage' in piece) {
        const name = names[piece.channel] ?? '';
        if (isCoverage) for (const line of coverageLines(format, name, piece.coverage)) await add(line);
        else for (const line of lackLines(name, piece.coverage)) process.stderr.write(`${line}\n`);
      } else if ('envelope' in piece) {
        for (const line of text.envelope(piece.channel, piece.envelope)) await add(line);
      } else {
        const { times, values, late } = piece.samples;
        for (let i = 0; i < times.length && !stop.aborted; i += 1) {
          await add(text.sample(piece.channel, times[i] ?? 0, values[i] ?? '', late?.[i] === 1));
        }
      }
    }
    await output.write(pending);
  } finally {
    client.close();
  }
}

/** The time of a session, up to the present where it goes on, or what `--from`, `--to` and `--last` ask for. */
async function askedRange(client: TelemetryClient, options: Options): Promise<QueryRange> {
  const now = async () => (await client.status()).now;
  const { session, gateway, from, to, last } = options;
  if (session === undefined) return rangeOf(options, now);
  if (from !== undefined || to !== undefined || last !== undefined) {
    throw new UsageError('give --session or --from, --to and --last, not both');
  }
  const known: Session[] = [];
  for await (const each of client.sessions({ gateway })) known.push(each);
  const found = findSession(known, session);
  return { from: found.from, to: found.to ?? (await now()) + 1 };
}

/**
 * The range that `--from`, `--to` and `--last` ask for.
 * @param now the present of the server, whose clock may be another than ours
 * @throws UsageError
 */
export async function rangeOf(
  options: Pick<Options, 'from' | 'to' | 'last'>,
  now: () => Promise<number>,
): Promise<QueryRange> {
  const from = options.from === undefined ? undefined : parseTime(options.from, '--from: ');
  const to = options.to === undefined ? undefined : parseTime(options.to, '--to: ');
  const last = parseDuration(options.last ?? LAST_DEFAULT, '--last: ');
  if (from !== undefined && options.last !== undefined) throw new UsageError('give --from or --last, not both');
  if (from !== undefined) {
    // The sample of this very moment belongs to a range that ends at present.
    const end = to ?? (await now()) + 1;
    if (!(from < end)) throw new UsageError(`--from ${options.from} is not before the end of the range`);
    return { from, to: end };
  }
  const end = to ?? (await now()) + 1;
  return { from: end - last, to: end };
}

function formatOf({ json, csv }: Options): SampleFormat {
  if (json === true && csv === true) throw new UsageError('give --json or --csv, not both');
  if (json === true) return 'json';
  return csv === true ? 'csv' : 'table';
}

function versionOf({ version }: Options): number | undefined {
  if (version === undefined || /^\d{1,15}$/.test(version)) return version === undefined ? undefined : Number(version);
  throw new UsageError(`--version is '${version}', expected a whole number`);
}

function pixelsOf({ pixels, raw }: Options): number | undefined {
  if (pixels === undefined) return undefined;
  if (raw === true) throw new UsageError('give --pixels or --raw, not both');
  const count = Number(pixels);
  if (Number.isInteger(count) && count >= 1 && count <= QUERY_PIXELS_MAX) return count;
  throw new UsageError(`--pixels is '${pixels}', expected a whole number from 1 to ${QUERY_PIXELS_MAX}`);
}
