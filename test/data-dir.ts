import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Root of the project's checkout, found from the compiled test as well as from the source. */
export const PROJECT_ROOT = findRoot(import.meta.dirname);

/** Folder with the real recordings. */
export const DATA_DIR = resolve(PROJECT_ROOT, process.env.CAISSON_TEST_DATA ?? '../shared/data');

/** Path of a recording, such as `can/comma2k19-rav4`; undefined where this machine does not have it. */
export function recording(name: string): string | undefined {
  const path = join(DATA_DIR, name);
  return existsSync(path) ? path : undefined;
}

function findRoot(from: string): string {
  let folder = from;
  while (!existsSync(join(folder, 'package-lock.json'))) {
    const parent = resolve(folder, '..');
    if (parent === folder) throw new Error(`no package-lock.json above ${from}`);
    folder = parent;
  }
  return folder;
}
