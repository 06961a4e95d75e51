import process from 'node:process';
import type { Command } from 'commander';
import { CaissonError, messageOf } from '../errors.ts';
import { requireConfig } from './config.ts';
import { CONFIG_FILE } from './config-file.ts';
import type { CaissonConfig } from './config-schema.ts';
import { type FileImport, importFile } from './import-file.ts';
import type { ImportSettings } from './import-plan.ts';
import { BrokenOff, ImportStore } from './import-store.ts';
import { type ImportReport, reportJson, reportText } from './import-text.ts';
import { conclude, EXIT_FAILED, interrupted, Output, UsageError } from './outcome.ts';
import { ProgressLine } from './progress-line.ts';
import { type RecordingOptions, recordingSettings, withRecordingOptions } from './recording-options.ts';
import { spoolInput } from './spooled-input.ts';
import { parseDuration, parseTime } from './time-text.ts';

/** The file that is standard input. */
const STDIN = '-';

interface Options extends RecordingOptions {
  readonly config: string;
  readonly store?: string;
  readonly source?: string;
  readonly name?: string;
  readonly start?: string;
  readonly every?: string;
  readonly again?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function registerImport(program: Command): void {
  const command = program
    .command('import')
    .argument('<files...>', 'recordings; what they are is told by their content; - is standard input')
    .option('--config <file>', 'configuration of the gateway whose store is meant', CONFIG_FILE)
    .option('--store <dir>', 'the store itself; made if it is not there')
    .option('--source <name>', 'source of the config whose recordings they are: its channels, DBC files and settings')
    .option('--name <name>', 'first part of channel names; without it, what the file is called');
  withRecordingOptions(command)
    .option(
      '--start <time>',
      'when the first sample was recorded, in place of what the recording says, or of the date that it lacks',
    )
    .option(
      '--every <duration>',
      'with --start, of lines by pattern and binary frames: from one to the next, such as 1s',
    )
    .option('--again', 'also what is here with the same channels, decoded with other settings')
    .option('--dry-run', 'say what would come in, and keep nothing')
    .option('--json', 'one JSON object for each file')
    .addHelpText(
      'after',
      `
Examples:
  caisson import drive.blf --dbc car.dbc
  caisson import --dry-run lap9.csv
  caisson import --source car logs/*.candump.log.gz
  caisson import --store /var/lib/caisson --name boat track.nmea
  caisson import AGX.csv --utc-offset +08:00
  caisson import --source scale --start 2026-06-01T08:00 --every 1s scale.log
  ssh car7 cat drive.log.gz | caisson import --name car7 -

Formats: CAN frames as candump, Vector ASC and BLF, PEAK TRC, pcap, pcapng and MF4 have them; NMEA 0183, UBX, VE.Direct (with
--start), MTConnect SHDR, InfluxDB line protocol; lines by pattern and binary frames (with --source, --start and --every);
CSV of RaceChrono Pro (version 3) and AiM RaceStudio 3. Any of them plain or gzip.

The gateway must not run meanwhile. A file comes in wholly or not at all: an import that is broken off leaves nothing of the
file at hand, and is run again. What is here already is told and not taken in twice.`,
    )
    .action((files: readonly string[], options: Options) => conclude(() => importFiles(files, options)));
}

async function importFiles(files: readonly string[], options: Options): Promise<void> {
  const isWithoutConfig = options.source === undefined && (options.store !== undefined || options.dryRun === true);
  const config = isWithoutConfig ? undefined : requireConfig(options.config);
  const settings = settingsOf(options, config);
  if (files.filter((file) => file === STDIN).length > 1) throw new UsageError('- is given more than once');
  const dir = options.store ?? config?.store.dir;
  const store =
    options.dryRun === true || dir === undefined
      ? undefined
      : ImportStore.open(dir, options.store === undefined ? config?.gateway.id : undefined);
  const signal = interrupted();
  const output = new Output();
  const line = new ProgressLine();
  try {
    if (store?.isNew === true) line.say(`${store.dir}: a new store`);
    for (const [index, file] of files.entries()) {
      if (output.closed.aborted) break;
      const place = files.length === 1 ? file : `${file} (${index + 1} of ${files.length})`;
      const isAgain = options.again === true;
      const request = { settings, store, isAgain, signal, now: Date.now() * 1e3, ...progress(place, line) };
      try {
        const report = await importGiven(file, request);
        line.clear();
        await output.write(options.json === true ? reportJson(report) : reportText(report));
      } catch (error) {
        if (error instanceof BrokenOff) throw brokenOff(file);
        // What is wrong with one file is not wrong with the next.
        if (!(error instanceof CaissonError) || error.code === 'store-failed') throw error;
        line.say(messageOf(error));
        if (error.hint !== undefined) process.stderr.write(`  ${error.hint}\n`);
        process.exitCode = EXIT_FAILED;
      }
    }
  } finally {
    line.clear();
    store?.close();
  }
}

/** Imports a file, or what comes on standard input. */
async function importGiven(file: string, request: FileImport): Promise<ImportReport> {
  if (file !== STDIN) return importFile(file, request);
  const { signal } = request;
  const spooled = await spoolInput(process.stdin, signal).catch((error: unknown) => {
    throw signal.aborted ? new BrokenOff() : error;
  });
  try {
    return { ...(await importFile(spooled.path, request)), file };
  } finally {
    await spooled.remove();
  }
}

function progress(place: string, line: ProgressLine): Pick<FileImport, 'onLook' | 'onProgress'> {
  let begunAt: number | undefined;
  return {
    onLook: (bytes) => line.show(() => `${place}: ${(bytes / 1e6).toFixed(0)} MB looked at`),
    onProgress: (share, samples) => {
      begunAt ??= performance.now();
      const seconds = (performance.now() - begunAt) / 1e3;
      const rate = Math.round(samples / Math.max(seconds, 1e-3));
      line.show(() => `${place}: ${Math.min(99, Math.floor(share * 100))} %, ${samples} samples, ${rate} a second`);
    },
  };
}

function settingsOf(options: Options, config: CaissonConfig | undefined): ImportSettings {
  const { source: name, start, every } = options;
  const source = name === undefined ? undefined : config?.sources[name];
  if (name !== undefined && source === undefined) {
    const names = Object.keys(config?.sources ?? {}).join(', ');
    throw new UsageError(`no source is named ${name}, the config has ${names || 'none'}`);
  }
  if (source !== undefined && (options.dbc.length > 0 || options.name !== undefined)) {
    throw new UsageError('--source says what --dbc and --name would: give it without them');
  }
  return {
    source: name === undefined || source === undefined ? undefined : { name, config: source },
    ...{ name: options.name, dbcs: options.dbc },
    ...recordingSettings(options),
    startAt: start === undefined ? undefined : parseTime(start, '--start: '),
    everyUs: every === undefined ? undefined : parseDuration(every, '--every: '),
  };
}

function brokenOff(file: string): CaissonError {
  return new CaissonError('import-refused', `broken off: nothing of ${file} was kept`, {
    hint: 'run it again: what was kept before is not taken in twice',
  });
}
