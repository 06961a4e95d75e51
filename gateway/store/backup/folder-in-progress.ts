import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { syncPath } from '../../durable-files.ts';
import { CaissonError, messageOf } from '../../errors.ts';
import { makeDir } from '../store-dir.ts';

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
   * @throws CaissonError `store-unusable` where the folder holds anything already, or cannot be made
   */
  constructor(dir: string, goesOn: (path: string) => boolean = () => false) {
    makeFolder(dir);
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

  /** Gives up what was written; what to throw for that: what disk or database say, a person can act on. */
  failed(cause: unknown): unknown {
    this.discard();
    if (cause instanceof CaissonError || !(cause instanceof Error) || !('code' in cause)) return cause;
    return new CaissonError('store-failed', `${this.#dir}: ${cause.message}; nothing of it was kept`, { cause });
  }

  discard(): void {
    if (existsSync(this.path)) rmSync(this.path, { recursive: true });
  }
}

function makeFolder(dir: string): void {
  try {
    makeDir(resolve(dir));
  } catch (cause) {
    throw new CaissonError('store-unusable', `${dir}: ${messageOf(cause)}`, { cause });
  }
}

function syncTree(path: string): void {
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) syncTree(join(path, name));
  syncPath(path);
}
