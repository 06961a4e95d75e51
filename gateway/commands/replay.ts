import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { SourceStatus } from '../status.ts';
import { makeTempFolder } from '../temp-folder.ts';
import { requireConfig } from './config.ts';
import { startGateway } from './gateway-process.ts';
import { conclude, EXIT_FAILED, interrupted, Output, UsageError } from './outcome.ts';
import { type RecordingOptions, recordingSettings, withRecordingOptions } from './recording-options.ts';
import { type ReplaySettings, replaySources } from './replay-sources.ts';
import type { SourceConfig } from './source-kinds.ts';
import { WEB_ROOT } from './web-root.ts';

/** Time between two looks whether all is played. */
const LOOK_INTERVAL_MS = 200;

interface Options extends RecordingOptions {
  readonly speed: string;
  readonly loop?: boolean;
  readonly store?: string;
  readonly name?: string;
  readonly baudRate: string;
  readonly port: string;
  readonly grpcPort: string;
  readonly exit?: boolean;
  readonly json?: boolean;
}

export function registerReplay(program: Command): void {
  const command = program
    .command('replay')
    .argument('<files...>', 'recordings; what they are is told by their content')
    .option('--speed <n>', 'seconds of the recordings in one second, or `max`: as fast as they can be kept', '1')
    .option('--loop', 'begin CAN frames and tables again at their end')
    .option('--store <dir>', 'keep what comes in here; without it, it is thrown away at the end')
    .option('--name <name>', 'first part of channel names; without it, what each file is called');
  withRecordingOptions(command)
    .option('--baud-rate <n>', 'pace of what a wire said, of which recordings have no times, bits a second', '9600')
    .option('--port <n>', 'of the dashboard; 0 takes a free one', '8080')
    .option('--grpc-port <n>', 'where other commands ask; 0 takes a free one', '7443')
    .option('--exit', 'end when all is played; without it, what came in is shown until Ctrl-C')
    .option('--json', 'at the end one JSON object for each recording')
    .addHelpText(
      'after',
      `
Examples:
  caisson replay drive.blf --dbc car.dbc
  caisson replay --speed 10 boat.nmea engine.candump.log
  caisson replay --speed max --exit --store ./replayed lap9.csv

Samples are stamped when they are played. \`caisson import\` takes recordings in at once, under the times that they were recorded at.`,
    )
    .action((files: readonly string[], options: Options) =>
      conclude(() => replay(files, options, program.version() ?? 'unknown')),
    );
}

async function replay(files: readonly string[], options: Options, version: string): Promise<void> {
  const settings = settingsOf(options);
  const ports = {
    dashboard: { port: wholeNumber('--port', options.port, 65_535) },
    grpc: { port: wholeNumber('--grpc-port', options.grpcPort, 65_535) },
  };
  const sources = await replaySources(files, settings);
  const stop = interrupted();
  const folder = makeTempFolder('replay');
  try {
    const dir = options.store === undefined ? join(folder, 'store') : resolve(options.store);
    const config = requireConfig(writeConfig(folder, { store: { dir }, ...ports, sources }));
    const gateway = await startGateway(config, { version, webRoot: WEB_ROOT, onProblem: say, signal: stop });
    try {
      say(
        `dashboard http://${config.dashboard.host}:${gateway.httpPort}  gRPC ${config.grpc.host}:${gateway.grpcPort}`,
      );
      const isPlayed = () => gateway.status().sources.every(({ state }) => state === 'stopped');
      await until(isPlayed, stop);
      if (!stop.aborted) await tell(gateway.status().sources, options.json === true);
      if (options.exit !== true && !stop.aborted) await until(() => false, stop);
    } finally {
      await gateway.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits until that is so, or the signal is aborted. */
async function until(isSo: () => boolean, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !isSo()) await pause(LOOK_INTERVAL_MS, undefined, { signal }).catch(() => {});
}

/** Says what became of each recording. One that could not be played to its end makes the command fail. */
async function tell(sources: readonly SourceStatus[], isJson: boolean): Promise<void> {
  const output = new Output();
  for (const { name, kind, received, samples, errors, dropped, problem } of sources) {
    if (problem !== undefined) process.exitCode = EXIT_FAILED;
    if (isJson) {
      const report = { source: name, kind, received, samples, errors, dropped, ...(problem && { problem }) };
      await output.write(`${JSON.stringify(report)}\n`);
      continue;
    }
    const skipped = Object.entries(errors).map(([reason, count]) => `, ${count} ${reason}`);
    await output.write(`${name}: ${received} units gave ${samples} samples${skipped.join('')}\n`);
    if (problem !== undefined) await output.write(`  ${problem}\n`);
  }
}

function writeConfig(
  folder: string,
  config: { readonly store: { readonly dir: string }; readonly sources: Record<string, SourceConfig> },
): string {
  const path = join(folder, 'caisson.yaml');
  writeFileSync(path, stringify(config));
  return path;
}

function settingsOf(options: Options): ReplaySettings {
  const { speed } = options;
  if (speed !== 'max' && !(Number(speed) > 0 && Number(speed) <= 10_000)) {
    throw new UsageError(`--speed is ${speed}, expected max, or a number above 0 up to 10000`);
  }
  return {
    ...{ name: options.name, dbcs: options.dbc.map((dbc) => resolve(dbc)) },
    ...recordingSettings(options),
    ...{ speed: speed === 'max' ? speed : Number(speed), loop: options.loop === true },
    baudRate: wholeNumber('--baud-rate', options.baudRate, 4_000_000),
  };
}

function wholeNumber(option: string, text: string, most: number): number {
  const number = Number(text);
  if (text !== '' && Number.isInteger(number) && number >= 0 && number <= most) return number;
  throw new UsageError(`${option} is ${text}, expected a whole number from 0 to ${most}`);
}

function say(text: string): void {
  process.stderr.write(`replay: ${text}\n`);
}
