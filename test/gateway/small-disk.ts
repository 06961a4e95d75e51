import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { Test } from 'tap';

/** Why tests with a disk of their own are left out; false where they are not. */
export const skipSmallDisk = process.getuid?.() === 0 ? false : 'mounting a small disk needs root';

/** A disk of its own, small enough to be filled; in memory. */
export function smallDisk(t: Test, mebibytes: number): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', dir]);
  t.teardown(() => {
    execFileSync('umount', ['-l', dir]);
    rmdirSync(dir);
  });
  return dir;
}

/** Writes a file until the disk is full to the last page. */
export function fillDisk(path: string): void {
  const file = openSync(path, 'a');
  const page = Buffer.alloc(4096);
  try {
    for (;;) writeSync(file, page);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}
