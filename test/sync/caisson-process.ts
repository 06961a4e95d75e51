import { type ChildProcess, spawn } from 'node:child_process';
import { MAIN } from '../main-script.ts';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `caisson` command as a process of its own. */
export class CaissonProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  stdout = '';
  stderr = '';

  /** @param inside command that runs another one elsewhere, such as `['ip', 'netns', 'exec', 'dc']` */
  constructor(args: readonly string[], inside: readonly string[] = []) {
    const [file = process.execPath, ...rest] = [...inside, process.execPath, MAIN, ...args];
    const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  /** The rest of the first line on stderr that begins like this; rejects when the process ends before. */
  async said(beginning: string): Promise<string> {
    for (;;) {
      const line = this.stderr.split('\n').find((each) => each.startsWith(beginning));
      if (line !== undefined) return line.slice(beginning.length);
      const more = new Promise((resolve) => this.child.stderr?.once('data', resolve));
      const outcome = await Promise.race([more, this.ended]);
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`ended before it said '${beginning}': ${JSON.stringify(outcome)}`);
      }
    }
  }

  async kill(signal: NodeJS.Signals): Promise<Outcome> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** Runs a command to its end. */
export function caisson(...args: readonly string[]): Promise<Outcome> {
  return new CaissonProcess(args).ended;
}
