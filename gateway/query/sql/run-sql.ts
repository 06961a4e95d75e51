import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { CaissonError } from '../../errors.ts';
import { ownScript } from '../../own-file.ts';
import type { FromSql, SqlPlace, SqlRequest, ToSql } from './sql-messages.ts';
import type { SqlListener, SqlRead } from './sql-meter.ts';
import type { SqlColumn } from './sql-statement.ts';
import type { SqlCell } from './sql-value.ts';

/** How often the memory of the process is looked at. */
const MEMORY_LOOK_MS = 50;

/** CPU seconds that the process may take beyond its time: the kernel ends it where this process is no longer there to do so. */
const CPU_GRACE_SECONDS = 5;

/** Niceness of the process: on a box of two cores what takes in comes first. */
const NICENESS = 10;

export interface SqlLimits {
  readonly seconds: number;
  readonly rows: number;
  /** MiB that the process of the statement may hold. */
  readonly memoryMib: number;
}

/** A statement that runs. */
export interface SqlRun {
  readonly columns: readonly SqlColumn[];
  /** Rows as they come, in batches; the statement waits for whoever takes them. Once. */
  readonly batches: AsyncIterableIterator<readonly SqlCell[][]>;
  /** What was read, complete when the last batch was taken. */
  read(): SqlRead;
  /** Ends it, whatever it does. */
  stop(): void;
}

/**
 * Runs a statement over a store in a process of its own, whether anybody writes to it or not.
 *
 * @throws CaissonError `query-invalid`, `query-limit`, `store-unusable`; later also from {@link SqlRun.batches}
 */
export async function runSql(
  request: SqlRequest & SqlPlace,
  limits: SqlLimits,
  listener: SqlListener = {},
): Promise<SqlRun> {
  const run = new SqlProcess(request, limits, listener);
  const first = await run.next();
  if (first?.kind !== 'columns') throw new CaissonError('child-failed', 'the process of the statement told no columns');
  return {
    columns: first.columns,
    batches: run.batches(),
    read: () => run.read,
    stop: () => run.stop(),
  };
}

class SqlProcess {
  read: SqlRead = { samples: 0, channels: 0 };
  readonly #child: ChildProcess;
  readonly #limits: SqlLimits;
  readonly #listener: SqlListener;
  readonly #messages: FromSql[] = [];
  readonly #memoryLook: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #leftMs: number;
  #resumedAt = 0;
  #failure: CaissonError | undefined;
  #hasEnded = false;
  #wake: () => void = () => {};

  constructor({ script, ...request }: SqlRequest & SqlPlace, limits: SqlLimits, listener: SqlListener) {
    this.#limits = limits;
    this.#listener = listener;
    const program = fileURLToPath(script ?? ownScript('gateway/query/sql/sql-process'));
    const cpuSeconds = String(Math.ceil(limits.seconds) + CPU_GRACE_SECONDS);
    const command = [process.execPath, ...process.execArgv, program];
    this.#child = spawn('/bin/sh', ['-c', 'ulimit -t "$0" && exec "$@"', cpuSeconds, ...command], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    if (this.#child.pid !== undefined) setPriority(this.#child.pid, NICENESS);
    this.#child.on('message', (message: FromSql) => this.#take(message));
    this.#child.on('error', (error) => this.#end(new CaissonError('child-failed', error.message, { cause: error })));
    this.#child.on('exit', (code, signal) => this.#onExit(signal ?? `exit code ${code}`));
    this.#memoryLook = setInterval(() => this.#lookAtMemory(), MEMORY_LOOK_MS);
    this.#leftMs = limits.seconds * 1e3;
    this.#resumeTime();
    this.#say({ kind: 'run', ...request });
  }

  /** The next message that is columns, rows or the end; undefined after the end. */
  async next(): Promise<FromSql | undefined> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#hasEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async *batches(): AsyncIterableIterator<readonly SqlCell[][]> {
    let rows = 0;
    try {
      for (let message = await this.next(); message?.kind === 'rows'; message = await this.next()) {
        const left = this.#limits.rows - rows;
        // The time that whoever reads takes is not the statement's.
        this.#pauseTime();
        yield message.rows.slice(0, left);
        this.#resumeTime();
        rows += message.rows.length;
        if (message.rows.length > left) throw this.#exceed(`${this.#limits.rows} rows`, 'rows');
        this.#say({ kind: 'taken' });
      }
    } finally {
      this.stop();
    }
  }

  stop(): void {
    this.#end(undefined);
    this.#child.kill('SIGKILL');
  }

  #take(message: FromSql): void {
    if (message.kind === 'notice') this.#listener.notice?.(message.text);
    else if (message.kind === 'failed') {
      const { code, hint } = message;
      this.#end(new CaissonError(code, message.message, hint === undefined ? {} : { hint }));
    } else if (message.kind === 'progress' || message.kind === 'done') {
      this.read = { samples: message.samples, channels: message.channels };
      this.#listener.progress?.(this.read);
      if (message.kind === 'done') this.#end(undefined);
    } else {
      this.#messages.push(message);
      this.#wake();
    }
  }

  #onExit(how: string): void {
    const isWhole = this.#hasEnded;
    this.#end(isWhole ? undefined : new CaissonError('child-failed', `the process of the statement ended: ${how}`));
  }

  #resumeTime(): void {
    if (this.#hasEnded) return;
    this.#resumedAt = performance.now();
    this.#timer = setTimeout(() => this.#exceed(`${this.#limits.seconds} s`, 'time'), this.#leftMs);
  }

  #pauseTime(): void {
    clearTimeout(this.#timer);
    this.#leftMs -= performance.now() - this.#resumedAt;
  }

  /** Memory of its own: pages of the database that are mapped are not counted. */
  #lookAtMemory(): void {
    let pages: string[];
    try {
      pages = readFileSync(`/proc/${this.#child.pid}/statm`, 'latin1').split(' ');
    } catch {
      return; // It has ended, which is told elsewhere.
    }
    const mib = ((Number(pages[1]) - Number(pages[2])) * 4096) / 2 ** 20;
    if (mib > this.#limits.memoryMib) this.#exceed(`${this.#limits.memoryMib} MiB of memory`, 'memory');
  }

  #exceed(limit: string, name: 'time' | 'rows' | 'memory'): CaissonError {
    const { samples } = this.read;
    const failure = new CaissonError(
      'query-limit',
      `the statement reached its limit of ${limit}, having read ${samples.toLocaleString('en')} samples`,
      { hint: HINTS[name] },
    );
    this.#end(failure);
    this.#child.kill('SIGKILL');
    return failure;
  }

  #end(failure: CaissonError | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#failure = failure;
    clearTimeout(this.#timer);
    clearInterval(this.#memoryLook);
    this.#wake();
  }

  #say(message: ToSql): void {
    // It may have ended meanwhile, which is told elsewhere.
    this.#child.send(message, () => {});
  }
}

const HINTS = {
  time: 'narrow it where samples is named: channel = ..., time between ... and ...; or use stats() or envelope()',
  rows: 'add a LIMIT, or allow more',
  memory: 'sort and group less at a time, or allow more',
} as const;
