import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { syncPath } from '../../durable-files.ts';
import { CaissonError } from '../../errors.ts';

/** Where a folder is filled; a run that was interrupted leaves nothing else. */
const INCOMPLETE = '.incomplete';

/** What a folder may hold and still count as empty: a file system's own. */
const OF_FILE_SYSTEM = new Set(['lost+found']);

/**
 * A folder that is filled under another name and appears when it is whole and on disk. What makes it a store comes last, so
 * that a run which ends in between leaves nothing that looks like one.
 */
export class FolderInProgress {
  readonly #dir: string;
  /** Where to write. */
  readonly path: string;

  /**
   * @param goesOn says whether what an interrupted run left at a path is to be gone on with; if not said, it is begun anew
   * @throws CaissonError `store-unusable` where the folder holds anything already
   */
  constructor(dir: string, goesOn: (path: string) => boolean = () => false) {
    mkdirSync(dir, { recursive: true });
    const met = readdirSync(dir).filter((name) => name !== INCOMPLETE && !OF_FILE_SYSTEM.has(name));
    if (met.length > 0) {
      throw new CaissonError('store-unusable', `${dir} is not empty: it has ${met[0]}`, {
        hint: 'name a folder that is not there yet, or an empty one',
      });
    }
    this.#dir = dir;
    this.path = join(dir, INCOMPLETE);
    if (existsSync(this.path) && goesOn(this.path)) return;
    this.discard();
    mkdirSync(this.path);
  }

  /** Makes all that was written durable, then puts it in its place, `last` as the last. */
  complete(last: string): void {
    syncTree(this.path);
    const names = readdirSync(this.path).filter((name) => name !== last);
    for (const name of [...names, last]) renameSync(join(this.path, name), join(this.#dir, name));
    this.discard();
    syncPath(this.#dir);
  }

  discard(): void {
    if (existsSync(this.path)) rmSync(this.path, { recursive: true });
  }
}

function syncTree(path: string): void {
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) syncTree(join(path, name));
  syncPath(path);
}
