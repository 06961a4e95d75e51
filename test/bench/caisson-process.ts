import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../gateway/commands/node-flags.ts';
import { MAIN } from '../main-script.ts';

/** How long a process may take to say that it is up, and to end. */
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

/** `caisson` with some arguments, as a process of its own and as its first line starts it. */
export class CaissonProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  /** What matched the sign that it is up. */
  readonly ready: RegExpExecArray;

  private constructor(child: ChildProcess, ended: Promise<string>, ready: RegExpExecArray) {
    this.#child = child;
    this.#ended = ended;
    this.ready = ready;
  }

  /** Starts it; resolves when a line of its stderr matches `sign`, rejects when it ends before, or takes too long. */
  static async start(args: readonly string[], sign: RegExp): Promise<CaissonProcess> {
    const child = spawn(process.execPath, [...NODE_FLAGS, MAIN, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...NODE_ENVIRONMENT },
    });
    const lines: string[] = [];
    const ended = new Promise<string>((resolve) => {
      child.once('close', (code, signal) => resolve(`caisson ${args[0]} ended (${signal ?? code})`));
    });
    const ready = await new Promise<RegExpExecArray>((resolve, reject) => {
      const fail = (why: string) => reject(new Error([why, ...lines].join('\n')));
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        fail(`caisson ${args[0]} was not up within ${READY_TIMEOUT_MS / 1e3} s`);
      }, READY_TIMEOUT_MS);
      void ended.then((why) => {
        clearTimeout(timer);
        fail(why);
      });
      createInterface({ input: child.stderr }).on('line', (line) => {
        const match = sign.exec(line);
        lines.push(line);
        if (match === null) return;
        clearTimeout(timer);
        resolve(match);
      });
    });
    return new CaissonProcess(child, ended, ready);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async stop(): Promise<void> {
    const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    this.#child.kill('SIGTERM');
    await this.#ended;
    clearTimeout(force);
  }
}
