import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A disk mounted at `/data` in a machine of its own. */
export interface BreakableDisk {
  /** From now on writes of the store in `dir` fail. */
  break(dir: string): void;
  /** From now on they no longer do. */
  mend(): void;
}

const MOUNT = '/data';
const HOG = join(MOUNT, 'hog');

/** A disk with no room left. */
export class FullDisk implements BreakableDisk {
  break(): void {
    const file = openSync(HOG, 'a');
    try {
      for (let bytes = 1 << 20; bytes >= 1024; ) {
        try {
          writeSync(file, Buffer.alloc(bytes));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
          bytes /= 2;
        }
      }
    } finally {
      closeSync(file);
    }
  }

  mend(): void {
    rmSync(HOG);
  }
}

/** A range of a disk, in sectors of 512 bytes. */
interface Extent {
  readonly start: number;
  readonly sectors: number;
}

/**
 * A disk where writes fail with EIO just where the journal of a store lies. The file system's own structures stay sound, so
 * that it stays writable, as it does on a disk with bad sectors; what could not be written is in the page cache all the same.
 */
export class FailingDisk implements BreakableDisk {
  readonly #sectors: number;

  private constructor(sectors: number) {
    this.#sectors = sectors;
  }

  /** Takes the mounted disk away and mounts it again by way of device mapper. */
  static remounted(): FailingDisk {
    const disk = new FailingDisk(Number(run('blockdev', ['--getsz', '/dev/ubda'])));
    run('umount', [MOUNT]);
    run('dmsetup', ['create', 'data'], disk.#table([]));
    run('mount', ['/dev/mapper/data', MOUNT]);
    return disk;
  }

  break(dir: string): void {
    this.#become(journalExtents(dir));
  }

  mend(): void {
    this.#become([]);
    const mount = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .find((line) => line.includes(` ${MOUNT} `));
    if (!mount?.includes(' rw,')) throw new Error(`the file system is no longer writable: ${mount}`);
  }

  #become(failing: readonly Extent[]): void {
    run('dmsetup', ['reload', 'data'], this.#table(failing));
    run('dmsetup', ['suspend', '--noflush', '--nolockfs', 'data']);
    run('dmsetup', ['resume', 'data']);
  }

  /** Table of device mapper: writes to `failing` fail, all else is as it was. */
  #table(failing: readonly Extent[]): string {
    const lines: string[] = [];
    let at = 0;
    const soundUntil = (end: number) => {
      if (end > at) lines.push(`${at} ${end - at} linear /dev/ubda ${at}`);
      at = Math.max(at, end);
    };
    for (const { start, sectors } of [...failing].sort((a, b) => a.start - b.start)) {
      soundUntil(start);
      lines.push(`${start} ${sectors} flakey /dev/ubda ${start} 0 600 1 error_writes`);
      at = start + sectors;
    }
    soundUntil(this.#sectors);
    return `${lines.join('\n')}\n`;
  }
}

/** Where the journal of a store lies on the disk. A segment that was being made gets its name at the end: then all is looked for anew. */
function journalExtents(dir: string): Extent[] {
  for (;;) {
    const paths = filesOf(dir);
    try {
      return paths.flatMap(extentsOf);
    } catch (error) {
      if (paths.every((path) => existsSync(path))) throw error;
    }
  }
}

/** The journal's files of a store. */
function filesOf(dir: string): string[] {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.startsWith('journal'))
    .map((name) => join(dir, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

/** Where a file lies on the disk. */
function extentsOf(path: string): Extent[] {
  const table = run('filefrag', ['-s', '-v', '-b512', path]);
  return [...table.matchAll(/^ *\d+: +\d+\.\. *\d+: +(\d+)\.\. *\d+: +(\d+):/gm)]
    .map(([, start, sectors]) => ({ start: Number(start), sectors: Number(sectors) }))
    .filter(({ sectors }) => sectors > 0);
}

function run(command: string, args: readonly string[], input = ''): string {
  return execFileSync(command, args, { input, encoding: 'utf8' });
}
