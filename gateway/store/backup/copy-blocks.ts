import Database from 'better-sqlite3';
import { DATABASE_PAGE_BYTES, openDatabase } from '../database.ts';

/** Pages copied in one step, 4 MiB: whoever waits for progress hears of it some fifty times a second. */
const STEP_PAGES = (4 << 20) / DATABASE_PAGE_BYTES;

const CACHE_KIB = 1024;

/**
 * Copies a database that may be written to meanwhile, as it is at one moment. SQLite's own backup starts anew whenever another
 * connection commits, unless the connection it reads from holds on to a state: so a transaction is open all the while. The
 * writer's WAL grows for so long.
 *
 * @param onProgress told how far it is, from 0 to 1
 */
export async function copyBlocks(from: string, to: string, onProgress: (part: number) => void): Promise<void> {
  const db = openDatabase(from, { cacheKiB: CACHE_KIB, readonly: true });
  try {
    db.exec('BEGIN');
    db.prepare('SELECT 1 FROM meta').get();
    await db.backup(to, {
      progress: ({ totalPages, remainingPages }) => {
        onProgress(totalPages === 0 ? 0 : 1 - remainingPages / totalPages);
        return STEP_PAGES;
      },
    });
  } finally {
    db.close();
  }
  // One file, which can be read where nothing can be written.
  const copy = new Database(to);
  copy.pragma('journal_mode = DELETE');
  copy.close();
}
