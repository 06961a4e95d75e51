import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/** Under the folder of the central, on the disk of what it keeps: a temporary folder may be memory. */
const FOLDER = 'courier-spool';

/** Name of a file: the machine and the process whose it is, when that process began, and what it is for. */
const NAME = /^(.+)~(\d+)~(\d+)~/;

/** When this process began. */
const BEGAN = Math.floor(performance.timeOrigin);

/**
 * Where a central puts courier files that come over a line until they are read. What a process that is gone left there is removed when
 * the next one starts; of several over one folder each leaves the files of the others that run.
 */
export class SpoolFolder {
  readonly #dir: string;
  readonly #instance = randomBytes(4).toString('hex');

  /** @param dir folder of the central */
  constructor(dir: string) {
    this.#dir = join(dir, FOLDER);
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(this.#dir)) {
      const [, machine, pid, began] = NAME.exec(name) ?? [];
      const isOthers = machine !== undefined && (machine !== hostname() || isRunning(Number(pid), Number(began)));
      if (!isOthers) rmSync(join(this.#dir, name), { recursive: true, force: true });
    }
  }

  /** Of a file of this process. */
  path(name: string): string {
    return join(this.#dir, `${hostname()}~${process.pid}~${BEGAN}~${this.#instance}-${name}`);
  }
}

/** Whether that process, or another one with its id, runs. */
function isRunning(pid: number, began: number): boolean {
  // After a restart of a container the same id comes again.
  if (pid === process.pid) return began === BEGAN;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
