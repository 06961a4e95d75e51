import process from 'node:process';
import type { Command } from 'commander';
import { CaissonError, messageOf } from '../errors.ts';

/** How a command ends: well, with a failed operation, or because it was called wrongly. */
export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** The command line asks for something that cannot be; the message says what was expected. */
export class UsageError extends Error {}

/** Makes everything commander itself finds wrong end with EXIT_USAGE. To be called before commands are added. */
export function exitWithUsageCode(program: Command): Command {
  return program.exitOverride((error) => {
    process.exit(error.exitCode === 0 ? EXIT_OK : EXIT_USAGE);
  });
}

/** Runs what a command does and turns whatever it throws into one message on stderr and an exit code. */
export async function conclude(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const expected = error instanceof CaissonError || error instanceof UsageError;
    const stack = error instanceof Error ? error.stack : undefined;
    // What nobody expected is a defect, and its place is what helps.
    process.stderr.write(`caisson: ${expected ? messageOf(error) : (stack ?? messageOf(error))}\n`);
    if (error instanceof CaissonError && error.hint !== undefined) process.stderr.write(`  ${error.hint}\n`);
    if (error instanceof CaissonError && error.retryAfterMs !== undefined) {
      process.stderr.write(`  it may be tried again in ${Math.ceil(error.retryAfterMs / 1e3)} s\n`);
    }
    const isUsage =
      error instanceof UsageError || (error instanceof CaissonError && error.code === 'config-unreadable');
    process.exitCode = isUsage ? EXIT_USAGE : EXIT_FAILED;
  }
}

/**
 * Writes to stdout as fast as its reader takes it. A reader that has seen enough (`| head`) ends the command, in good
 * order: `closed` is aborted and further output goes nowhere.
 */
export class Output {
  readonly #closing = new AbortController();

  constructor() {
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      this.#closing.abort();
    });
  }

  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  async write(text: string | Uint8Array): Promise<void> {
    if (this.closed.aborted || process.stdout.write(text)) return;
    await new Promise<void>((resolve) => {
      process.stdout.once('drain', resolve);
      this.closed.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

/**
 * Aborted at the first Ctrl-C or SIGTERM, or when a parent that keeps a channel to this process is gone; the second signal
 * ends the process at once, as usual.
 */
export function interrupted(): AbortSignal {
  const interrupt = new AbortController();
  const abort = () => interrupt.abort();
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  process.once('disconnect', abort);
  // Listening must not keep a process alive that has nothing left to do.
  process.channel?.unref();
  return interrupt.signal;
}
