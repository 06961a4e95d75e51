import { existsSync } from 'node:fs';
import { extname } from 'node:path';

/**
 * A file or folder that belongs to the code: in the nearest folder above this module that has it, whether the module is a source,
 * compiled beside it, or bundled with others.
 *
 * @param path from the project's root, with forward slashes
 * @throws Error when it is nowhere: the installation is damaged
 */
export function ownFile(path: string): URL {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const file = new URL(path, folder);
    if (existsSync(file)) return file;
    if (folder.pathname === '/')
      throw new Error(`${path} is missing beside ${import.meta.url}: build it, or install anew`);
  }
}

/** The script of a thread or a process: {@link ownFile}, named without its extension, which compiled or not is that of this module. */
export function ownScript(path: string): URL {
  return ownFile(`${path}${extname(new URL(import.meta.url).pathname)}`);
}
