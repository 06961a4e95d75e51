import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { CaissonError, messageOf } from '../errors.ts';
import { isDiskTrouble } from './disk-room.ts';

/** What a store directory holds; the journal is a folder. */
export function storePaths(dir: string): { journal: string; blocks: string; lock: string; ballast: string } {
  return {
    journal: join(dir, 'journal'),
    blocks: join(dir, 'blocks.db'),
    lock: join(dir, 'lock.db'),
    ballast: join(dir, 'ballast'),
  };
}

/**
 * Makes the directory if need be and takes it for this process until the returned function is called or the process
 * ends, however it ends: the lock is SQLite's own, held by an open transaction.
 *
 * @throws CaissonError `store-unusable` when another process has it, or the directory cannot be made
 */
export function lockStore(dir: string): () => void {
  const { lock } = storePaths(dir);
  try {
    makeDir(resolve(dir));
    // SQLite says of a file that it cannot make only that it cannot: this says why. Only where it is not there, because to close
    // a file gives up every lock that this process has on it.
    if (!existsSync(lock)) closeSync(openSync(lock, 'a'));
    const db = new Database(lock, { timeout: 0 });
    try {
      db.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      db.close();
      throw error;
    }
    return () => db.close();
  } catch (cause) {
    const busy = cause instanceof Database.SqliteError && cause.code.startsWith('SQLITE_BUSY');
    throw new CaissonError(
      'store-unusable',
      `${dir}: ${busy ? 'another process has this store open' : messageOf(cause)}`,
      {
        cause,
        retryable: isDiskTrouble(cause),
        hint: busy
          ? 'stop the other gateway or central, or give this one a directory of its own'
          : 'check the path and its permissions',
      },
    );
  }
}

/**
 * Makes a directory and those above it. `mkdirSync` with `recursive` spins for ever where a file system answers ENOENT for
 * a name below a directory that is there, as /proc does.
 */
export function makeDir(dir: string): void {
  if (existsSync(dir)) return;
  const above = dirname(dir);
  if (above !== dir) makeDir(above);
  mkdirSync(dir);
}
