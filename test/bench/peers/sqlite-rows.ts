import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { columnsByChannel, type Drive } from '../drive.ts';

/** Rows between two looks at the clock. */
const ROWS_BETWEEN_LOOKS = 256;

/**
 * Samples as one would keep them without Caisson: better-sqlite3, a row a sample, a key by which a channel's stretch of
 * time is found, a prepared insert, `synchronous=FULL`, one transaction a commit interval. Reads everything back and throws
 * unless it is what was fed. Returns durable samples a second.
 */
export function measureSqliteRows(drive: Drive, commitMs: number): number {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-rows-'));
  const db = new Database(join(folder, 'rows.db'));
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.exec(
      'CREATE TABLE samples (channel INTEGER, time REAL, value REAL, PRIMARY KEY (channel, time)) STRICT, WITHOUT ROWID',
    );
    const started = performance.now();
    insertAll(db, drive, commitMs);
    const seconds = (performance.now() - started) / 1e3;
    requireSameRows(db, drive);
    return drive.times.length / seconds;
  } finally {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function insertAll(db: Database.Database, { channels, times, values }: Drive, commitMs: number): void {
  const insert = db.prepare('INSERT INTO samples VALUES (?, ?, ?)');
  const [begin, commit] = [db.prepare('BEGIN'), db.prepare('COMMIT')];
  begin.run();
  let due = performance.now() + commitMs;
  for (let i = 0; i < times.length; i += 1) {
    insert.run(channels[i], times[i], values[i]);
    if (i % ROWS_BETWEEN_LOOKS !== 0 || performance.now() < due) continue;
    commit.run();
    begin.run();
    due = performance.now() + commitMs;
  }
  commit.run();
}

function requireSameRows(db: Database.Database, drive: Drive): void {
  const select = db.prepare('SELECT time, value FROM samples WHERE channel = ? ORDER BY time').raw();
  for (const [channel, { times, values }] of columnsByChannel(drive).entries()) {
    let met = 0;
    for (const [time, value] of select.iterate(channel) as IterableIterator<[number, number]>) {
      if (time !== times[met] || !Object.is(value, values[met])) {
        throw new Error(`channel ${channel}, row ${met}: SQLite holds ${value} at ${time}`);
      }
      met += 1;
    }
    if (met !== times.length) throw new Error(`channel ${channel}: ${times.length} rows fed, SQLite holds ${met}`);
  }
}
