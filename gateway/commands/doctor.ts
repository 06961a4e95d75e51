import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import process from 'node:process';
import type { Command } from 'commander';
import { TelemetryClient } from '../../sync/api/client.ts';
import type { ConfigIssue } from '../config/issue.ts';
import { type ConfigFile, readConfigFile, requireConfig } from './config.ts';
import { CONFIG_FILE } from './config-file.ts';
import { ConfigPlaces } from './doctor/config-places.ts';
import { examineCentral, examineConfig, examineRecording, surveyBox } from './doctor/examine.ts';
import {
  type Examined,
  examinedJson,
  examinedText,
  type Finding,
  found,
  isSound,
  type LineOf,
  together,
} from './doctor/finding.ts';
import { conclude, EXIT_FAILED, EXIT_OK, Output, UsageError } from './outcome.ts';
import { parseServer } from './server-address.ts';

/** Difference of clocks that is nothing to tell, microseconds. */
const CLOCKS_TOLERATED_US = 1e6;

/** Seconds a wire is listened to at each speed: a device that speaks once a second is heard twice. */
const LISTEN_SECONDS = 2;
const LISTEN_SECONDS_MAX = 60;

interface Options {
  readonly recording?: string;
  readonly dbc?: readonly string[];
  readonly central?: string;
  readonly listen: string;
  readonly json?: boolean;
}

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .argument('[file]', `config file; without one, and no ${CONFIG_FILE} here, what could be a source is looked for`)
    .option(
      '--recording <file>',
      'say which DBC file is of which bus of this recording of CAN frames, and nothing else',
    )
    .option('--dbc <files...>', 'further DBC files that may belong to a bus')
    .option('--central <host:port>', 'see whether a central answers, and what its clock says')
    .option('--listen <seconds>', 'how long each wire is listened to at each speed', String(LISTEN_SECONDS))
    .option('--json', 'print what was found as JSON')
    .addHelpText(
      'after',
      `
Wires are listened to, at the speed of the config and then at others. Nothing is sent, except what the source itself asks: units of
Modbus, the version of a CAN adapter. A gateway that runs is asked how it does, and its ports and wires are left to it.
Ends with 0 where nothing is wrong, with 1 where something is, with 2 where the config cannot be read.

Examples:
  caisson doctor
  caisson doctor /etc/caisson/caisson.yaml --json
  caisson doctor --recording drive.blf --dbc powertrain.dbc radar.dbc
  caisson doctor --central 10.0.0.5:7444`,
    )
    .action((file: string | undefined, options: Options) => conclude(() => doctor(file, options)));
}

async function doctor(file: string | undefined, options: Options): Promise<void> {
  const path = file ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : undefined);
  const listenMs = listenMsOf(options.listen);
  const how = { listenMs, dbc: (options.dbc ?? []).map((each) => resolve(each)) };
  const parts: Examined[] = [];
  let lineOf: LineOf = () => undefined;
  if (options.recording !== undefined) {
    parts.push(await examineRecording(options.recording, path === undefined ? undefined : requireConfig(path), how));
  } else if (path === undefined) {
    parts.push(await surveyBox(how));
  } else {
    const read = readConfigFile(path);
    if (fits(read)) {
      const places = new ConfigPlaces(read.text, path);
      lineOf = places.lineOf;
      parts.push(await examineConfig(read, places, how));
    } else parts.push(found(...read.issues.map((issue) => issueFinding(path, issue))));
  }
  if (options.central !== undefined) parts.push(await central(options.central));
  const examined = together(parts);
  process.exitCode = isSound(examined) ? EXIT_OK : EXIT_FAILED;
  const title = options.recording ?? path ?? 'this box';
  const json = () => `${JSON.stringify({ of: title, ...examinedJson(examined, lineOf) })}\n`;
  await new Output().write(options.json === true ? json() : examinedText(title, examined, path ?? CONFIG_FILE, lineOf));
}

function fits(read: ConfigFile): read is Extract<ConfigFile, { issues: readonly [] }> {
  return read.config !== undefined;
}

function issueFinding(file: string, { path, message }: ConfigIssue): Finding {
  return {
    code: 'config-invalid',
    severity: 'broken',
    about: path === '' ? file : path,
    seen: message,
    means: 'the gateway does not start with this file',
    mend: { command: `caisson check ${file}` },
  };
}

async function central(address: string): Promise<Examined> {
  const client = new TelemetryClient(parseServer(address));
  try {
    return await examineCentral(client, () => Date.now() * 1e3, CLOCKS_TOLERATED_US);
  } finally {
    client.close();
  }
}

/** @throws UsageError */
function listenMsOf(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= LISTEN_SECONDS_MAX) return seconds * 1e3;
  throw new UsageError(`--listen is '${text}', expected seconds, more than 0 and ${LISTEN_SECONDS_MAX} at most`);
}
