import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { NODE_FLAGS } from './node-flags.ts';

/** Back-off between the end of a child that nobody asked to end and its next start. */
const RESTART_MS = 1000;

/** How long a child may take to end after SIGTERM. */
const STOP_TIMEOUT_MS = 10_000;

export interface ChildOptions {
  /** What the child is called in messages to people. */
  readonly name: string;
  /** Arguments of `caisson`. */
  readonly args: readonly string[];
  /** Told of every line the child writes to stderr. */
  readonly onLine: (line: string) => void;
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
}

/** A `caisson` process of its own, started again when it ends by itself. */
export class CaissonChild {
  readonly #options: ChildOptions;
  #child: ChildProcess;
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.#child = this.#start();
  }

  /** Process id, until the child ends. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    child.kill('SIGTERM');
    await ended;
    clearTimeout(force);
  }

  #start(): ChildProcess {
    const { name, args, onLine, onProblem } = this.#options;
    const main = process.argv[1] ?? '';
    // A process group of its own: Ctrl-C is the parent's to pass on, in its order.
    const child = spawn(process.execPath, [...NODE_FLAGS, main, ...args], {
      stdio: ['ignore', 'inherit', 'pipe'],
      detached: true,
    });
    createInterface({ input: child.stderr }).on('line', onLine);
    child.on('error', (error) => onProblem(`${name} could not be started: ${error.message}`));
    child.on('exit', (code, signal) => {
      if (this.#stopping) return;
      onProblem(`${name} ended (${signal ?? `exit code ${code}`}), starting it again`);
      this.#timer = setTimeout(() => {
        this.#child = this.#start();
      }, RESTART_MS);
    });
    return child;
  }
}
