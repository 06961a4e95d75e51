import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import process from 'node:process';
import { PROJECT_ROOT } from './data-dir.ts';
import { DEBIAN_TOOLS, installMissing, missingText } from './debian.ts';
import { readTap, type TapResult } from './tap-output.ts';

/** Test files that run side by side: two more than there are processors, because most wait for a disk, a port or a timer as long as they compute. */
const JOBS = availableParallelism() + 2;

/**
 * Where the files are that take longest: whole systems, machines whose power is cut, and what starts commands as processes. They run
 * first, so that no long one is left alone at the end.
 */
const LONGEST = [
  'test/scenarios/',
  'test/chaos/',
  'test/gateway/commands/',
  'test/collectors/can/socketcan',
  'test/sync/',
  'test/gateway/store/row-placement',
  'test/hardware/simulated/rig',
];

/**
 * How Node is started for a test file. `--interrupt-budget`: bytecode, in bytes, that a function runs before V8 thinks of optimizing it,
 * here some four times its own choice: most of what a test file calls has done its work before its optimized code is there.
 */
const NODE_FLAGS: readonly string[] = ['--enable-source-maps', '--interrupt-budget=600000'];

/** Seconds a test file may take; a `.long.test.ts` file, which runs only when it is named, may take longer. */
const FILE_SECONDS_MAX = 900;
const LONG_FILE_SECONDS_MAX = 3600;

/** Milliseconds between asking a file that takes too long to end, and ending it. */
const KILL_AFTER_MS = 5000;

/** Characters of output kept of one file. Beyond: the file is ended and counts as failed. */
const OUTPUT_CHARACTERS_MAX = 64 << 20;

const SLOWEST_SHOWN = 8;
const STDERR_LINES_SHOWN = 40;

interface FileRun {
  readonly file: string;
  readonly result: TapResult;
  readonly seconds: number;
}

const running = new Set<ChildProcess>();

/**
 * Runs the test files under `test/` whose path contains one of `filters`, or all but the long ones. Each is a process of
 * its own. Ends with the line `N passed, N failed, N skipped`.
 */
async function run(filters: readonly string[]): Promise<void> {
  const files = testFiles().filter((file) =>
    filters.length === 0 ? !file.endsWith('.long.test.ts') : filters.some((filter) => file.includes(filter)),
  );
  if (files.length === 0) {
    say(`no test file has ${filters.map((filter) => `'${filter}'`).join(' or ')} in its path`);
    process.exitCode = 2;
    return;
  }
  if (filters.length === 0) {
    installMissing(say);
    const missing = missingText(DEBIAN_TOOLS);
    if (missing !== undefined) say(`${missing}; the tests that need them are skipped`);
  }
  const runs: FileRun[] = [];
  const queue = files.values();
  await Promise.all(
    Array.from({ length: JOBS }, async () => {
      for (const file of queue) {
        const done = await runFile(file);
        runs.push(done);
        report(done);
      }
    }),
  );
  process.exitCode = summarize(runs) ? 0 : 1;
}

/** Paths of all test files from the project's root, those first that take longest. */
function testFiles(): string[] {
  const folder = join(PROJECT_ROOT, 'test');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${name}`)
    .sort();
  const rank = (file: string) => {
    const found = LONGEST.findIndex((beginning) => file.startsWith(beginning));
    return found < 0 ? LONGEST.length : found;
  };
  return files.sort((a, b) => rank(a) - rank(b));
}

async function runFile(file: string): Promise<FileRun> {
  const started = performance.now();
  const compiled = join(import.meta.dirname, relative('test', file).replace(/\.ts$/, '.js'));
  if (!existsSync(compiled)) return failedRun(file, 0, `${compiled} is not there: build first`);
  const limit = file.endsWith('.long.test.ts') ? LONG_FILE_SECONDS_MAX : FILE_SECONDS_MAX;
  const child = spawn(process.execPath, [...NODE_FLAGS, compiled], {
    cwd: PROJECT_ROOT,
    // A group of its own, so that what the test started ends with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TAP_TIMEOUT: String(limit) },
  });
  running.add(child);
  const stdout = collect(child, child.stdout);
  const stderr = collect(child, child.stderr);
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    end(child, 'SIGTERM');
    setTimeout(() => end(child, 'SIGKILL'), KILL_AFTER_MS).unref();
  }, limit * 1000);
  // What the test left running would hold its output open.
  child.once('exit', () => end(child, 'SIGKILL'));
  const how = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  clearTimeout(deadline);
  running.delete(child);

  const seconds = (performance.now() - started) / 1000;
  const result = readTap(stdout());
  if (late) return failedRun(file, seconds, `did not end within ${limit} s`, result);
  const counted = result.passed + result.failed + result.skips.length;
  if (result.failed > 0 || (how === 'exit code 0' && counted > 0)) return { file, result, seconds };
  const tail = stderr().trimEnd().split('\n').slice(-STDERR_LINES_SHOWN).join('\n');
  return failedRun(file, seconds, `${counted === 0 ? 'reported no test' : 'ended badly'}: ${how}\n${tail}`, result);
}

function failedRun(file: string, seconds: number, details: string, so: TapResult = readTap('')): FileRun {
  const failures = [...so.failures, { name: '(the file itself)', details }];
  return { file, seconds, result: { ...so, failures, failed: so.failed + 1 } };
}

function collect(child: ChildProcess, stream: NodeJS.ReadableStream): () => string {
  const chunks: string[] = [];
  let characters = 0;
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    characters += chunk.length;
    if (characters <= OUTPUT_CHARACTERS_MAX) chunks.push(chunk);
    else end(child, 'SIGKILL');
  });
  return () => chunks.join('');
}

function end(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already.
  }
}

function report({ file, result, seconds }: FileRun): void {
  const { failed } = result;
  const skipped = result.skips.length;
  const counts = [`${result.passed} passed`];
  if (failed > 0) counts.push(`${failed} failed`);
  if (skipped > 0) counts.push(`${skipped} skipped`);
  process.stdout.write(`${failed > 0 ? 'FAIL' : 'ok  '} ${file} (${counts.join(', ')}, ${seconds.toFixed(1)} s)\n`);
  for (const failure of result.failures) {
    process.stdout.write(`     ${failure.name}\n${failure.details.replace(/^/gm, '       ')}\n`);
  }
}

/** Prints what a person wants to know at the end; true when nothing failed. */
function summarize(runs: readonly FileRun[]): boolean {
  const lines: string[] = [''];
  const slowest = [...runs].sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST_SHOWN);
  lines.push('slowest files:', ...slowest.map(({ file, seconds }) => `  ${seconds.toFixed(1).padStart(6)} s  ${file}`));
  const skips = runs.flatMap(({ file, result }) => result.skips.map((skip) => ({ file, ...skip })));
  if (skips.length > 0) {
    lines.push('skipped:', ...skips.map(({ file, name, reason }) => `  ${file}: ${name}: ${reason}`));
  }
  const failures = runs.flatMap(({ file, result }) => result.failures.map(({ name }) => `  ${file}: ${name}`));
  if (failures.length > 0) lines.push('failed:', ...failures);
  const passed = runs.reduce((sum, { result }) => sum + result.passed, 0);
  const failed = runs.reduce((sum, { result }) => sum + result.failed, 0);
  lines.push('', `${passed} passed, ${failed} failed, ${skips.length} skipped`, '');
  process.stdout.write(lines.join('\n'));
  return failed === 0;
}

function say(line: string): void {
  process.stderr.write(`test: ${line}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of running) end(child, 'SIGKILL');
    process.exit(130);
  });
}

await run(process.argv.slice(2));
