import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Brings what is written of a file to the disk, or which names a folder has. Throws what the file system throws. */
export function syncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Writes a file so that it is there wholly or as it was before, also after a power cut. @param mode of a file that others may not read */
export function writeWhole(path: string, content: string | Uint8Array, mode: number): void {
  const part = `${path}.part`;
  const file = openSync(part, 'w', mode);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(part, path);
  syncPath(dirname(path));
}
