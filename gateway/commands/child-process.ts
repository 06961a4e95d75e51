import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { CaissonError } from '../errors.ts';
import { NODE_ENVIRONMENT, NODE_FLAGS } from './node-flags.ts';

/** Back-off between the end of a child that nobody asked to end and its next start. */
const RESTART_MS = 1000;

/** How long a child may take to end after SIGTERM. */
const STOP_TIMEOUT_MS = 10_000;

export interface ChildOptions {
  /** What the child is called in messages to people. */
  readonly name: string;
  /** Arguments of `caisson`. */
  readonly args: readonly string[];
  /** What the line has in it by which the child says that it is up. */
  readonly sign: string;
  /** Told of every line the child writes to stderr. */
  readonly onLine: (line: string) => void;
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
}

/** A `caisson` process of its own. Once it was up it is started again when it ends by itself. It ends with this process. */
export class CaissonChild {
  /** Resolves when the child is up for the first time; rejects when it ends before. */
  readonly up: Promise<void>;
  readonly #options: ChildOptions;
  #settle: (error?: Error) => void = () => {};
  #wasUp = false;
  #child: ChildProcess;
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.up = new Promise((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    // Whoever does not wait for it does not want to know.
    this.up.catch(() => {});
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
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    child.kill('SIGTERM');
    await ended;
    clearTimeout(force);
  }

  #start(): ChildProcess {
    const main = process.argv[1] ?? '';
    // A process group of its own: Ctrl-C is the parent's to pass on, in its order. The channel is never written to: the
    // child ends when it closes, and so does not outlive a parent that is killed.
    const child = spawn(process.execPath, [...NODE_FLAGS, main, ...this.#options.args], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      detached: true,
      env: { ...process.env, ...NODE_ENVIRONMENT },
    });
    if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', (line) => this.#onLine(line));
    child.on('error', (error) => this.#onEnd(`could not be started: ${error.message}`));
    child.on('exit', (code, signal) => this.#onEnd(`ended (${signal ?? `exit code ${code}`})`));
    return child;
  }

  #onLine(line: string): void {
    this.#options.onLine(line);
    if (!line.includes(this.#options.sign)) return;
    this.#wasUp = true;
    this.#settle();
  }

  #onEnd(how: string): void {
    if (this.#stopping) return;
    const { name, onProblem } = this.#options;
    if (!this.#wasUp) {
      this.#settle(new CaissonError('child-failed', `${name} ${how} before it was up`));
      return;
    }
    onProblem(`${name} ${how}, starting it again`);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#child = this.#start();
    }, RESTART_MS);
  }
}
