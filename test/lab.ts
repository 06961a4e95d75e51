import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { PROJECT_ROOT } from './data-dir.ts';
import type { Skippable } from './debian.ts';

/** Folder with the virtual machine that has CAN, and whose power, disk and clock can be made to fail. */
const LAB_DIR = resolve(PROJECT_ROOT, process.env.CAISSON_TEST_LAB ?? '../shared/lab');

const RUN = join(LAB_DIR, 'run.sh');

/** Program that replays a recorded write trace, crash point by crash point. */
export const REPLAY = join(LAB_DIR, 'replay.py');

/** Exit code of a machine whose power was cut. */
export const POWER_CUT = 137;

/** Longest a machine may run, seconds. */
const MACHINE_SECONDS_MAX = 840;

/**
 * True when this machine has the lab. Otherwise the test is skipped with the reason, or fails under `CI=true`, where
 * nothing may stay unchecked: `if (!requireLab(t)) return;`
 */
export function requireLab(t: Skippable): boolean {
  if (existsSync(RUN)) return true;
  const message = `no virtual machine: ${RUN} is not there (CAISSON_TEST_LAB names its folder)`;
  if (process.env.CI === 'true') t.fail(message);
  else t.pass(message, { skip: message });
  return false;
}

/** How a command ended. */
export interface Ended {
  /** Exit code of the command; {@link POWER_CUT} where the power was cut. */
  readonly code: number;
  /** Whole lines of its stdout; what a power cut left of a line is not there. */
  readonly lines: readonly string[];
  readonly stderr: string;
}

/**
 * Runs a command in a machine of its own that sees the files of this one and cannot change them.
 * @param options of the lab's `run.sh`, such as `['-d', 'disk.img:64M']`, which is mounted at `/data`
 */
export function runInMachine(options: readonly string[], command: readonly string[]): Promise<Ended> {
  return runToEnd(RUN, ['-t', String(MACHINE_SECONDS_MAX), ...options, PROJECT_ROOT, ...command]);
}

/** Runs a program to its end, `env` added to the environment. */
export async function runToEnd(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve(exitCode ?? -1));
  });
  return { code, lines: stdout.split('\n').slice(0, -1), stderr };
}
