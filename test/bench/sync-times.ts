import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const PAGE_BYTES = 4096;

/**
 * What the device itself asks for a commit: how long `count` times one page and its fdatasync take, milliseconds, in space
 * that the file had before.
 */
export function syncTimes(folder: string, count: number): number[] {
  const path = join(folder, 'sync-times');
  const file = openSync(path, 'w');
  try {
    const page = new Uint8Array(PAGE_BYTES).fill(1);
    for (let at = 0; at < count; at += 1) writeSync(file, page, 0, PAGE_BYTES, at * PAGE_BYTES);
    fdatasyncSync(file);
    return Array.from({ length: count }, (_, at) => {
      const started = performance.now();
      writeSync(file, page, 0, PAGE_BYTES, at * PAGE_BYTES);
      fdatasyncSync(file);
      return performance.now() - started;
    });
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
