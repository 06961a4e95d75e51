import Database from 'better-sqlite3';
import { CaissonError, messageOf } from '../errors.ts';
import { isDiskTrouble } from './disk-room.ts';

export type { Database } from 'better-sqlite3';

export interface DatabaseOptions {
  /** SQLite's pages of that many KiB in memory. */
  readonly cacheKiB: number;
  readonly readonly?: boolean;
}

/**
 * Bytes of a page. Of 4 KiB a slow site would write half as much again to its device, since a seal touches some ten pages
 * whatever it seals, and packs of 10 KiB would leave a tenth of the file empty. What that asks in return: who frees a page
 * that will be used again reads it, because a file system reads what of its own pages is written in part.
 */
export const DATABASE_PAGE_BYTES = 1024;

/** Bytes of the write-ahead log from which on it is taken over into the file. */
const CHECKPOINT_BYTES = 4 << 20;

/** SQLite older than this resets a WAL that a reader still needs. */
const SQLITE_OLDEST = [3, 51, 3] as const;

/**
 * Opens one of the store's databases: WAL, every commit fsynced. better-sqlite3's own default in WAL is
 * `synchronous=NORMAL`, which loses acknowledged commits in a power cut, so FULL is set and read back.
 *
 * @throws CaissonError `store-unusable`
 */
export function openDatabase(path: string, options: DatabaseOptions): Database.Database {
  let db: Database.Database;
  try {
    db = new Database(path, { readonly: options.readonly ?? false, timeout: 5000 });
  } catch (cause) {
    throw new CaissonError('store-unusable', `${path}: ${messageOf(cause)}`, { cause, retryable: true });
  }
  try {
    requireSqlite(db, path);
    if (options.readonly !== true) {
      db.pragma(`page_size = ${DATABASE_PAGE_BYTES}`);
      // Before the first table: a store whose limit was lowered gives its pages back, in small steps.
      db.pragma('auto_vacuum = INCREMENTAL');
      expect(db, path, 'journal_mode', 'wal', db.pragma('journal_mode = WAL', { simple: true }));
      db.pragma('synchronous = FULL');
      expect(db, path, 'synchronous', 2, db.pragma('synchronous', { simple: true }));
      db.pragma('foreign_keys = ON');
      db.pragma(`wal_autocheckpoint = ${CHECKPOINT_BYTES / DATABASE_PAGE_BYTES}`);
    }
    db.pragma(`cache_size = -${options.cacheKiB}`);
    return db;
  } catch (cause) {
    db.close();
    if (cause instanceof CaissonError) throw cause;
    throw new CaissonError('store-unusable', `${path}: ${messageOf(cause)}`, {
      cause,
      retryable: isDiskTrouble(cause),
    });
  }
}

function requireSqlite(db: Database.Database, path: string): void {
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get());
  const parts = version.split('.').map(Number);
  for (const [index, oldest] of SQLITE_OLDEST.entries()) {
    const part = parts[index] ?? 0;
    if (part > oldest) return;
    if (part < oldest) {
      throw new CaissonError(
        'store-unusable',
        `${path}: SQLite ${version} must not write it, need ${SQLITE_OLDEST.join('.')}`,
        {
          hint: 'install better-sqlite3 12.8 or newer',
        },
      );
    }
  }
}

function expect(db: Database.Database, path: string, name: string, wanted: unknown, met: unknown): void {
  if (met === wanted) return;
  throw new CaissonError(
    'store-unusable',
    `${path}: ${name} is ${String(met)}, expected ${String(wanted)} (open: ${db.open})`,
  );
}
