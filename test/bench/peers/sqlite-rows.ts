import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { columnsByChannel, type Drive } from '../drive.ts';

/** Rows between two looks at the clock. */
const ROWS_BETWEEN_LOOKS = 256;

/** Durable rows a second, by how the table is kept. */
export interface SqliteRows {
  /** By channel and time: a channel's stretch of time is one range of the key. */
  readonly byChannel: number;
  /** By time and channel: rows are only ever appended, and whoever wants one channel reads all. */
  readonly byTime: number;
}

/**
 * Samples as one would keep them without Caisson: better-sqlite3, a row a sample, a prepared insert, `synchronous=FULL`, one
 * transaction a commit interval. Reads everything back and throws unless it is what was fed.
 */
export function measureSqliteRows(drive: Drive, commitMs: number): SqliteRows {
  return {
    byChannel: rowsPerSecond(drive, commitMs, 'channel, time'),
    byTime: rowsPerSecond(drive, commitMs, 'time, channel'),
  };
}

function rowsPerSecond(drive: Drive, commitMs: number, key: string): number {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-rows-'));
  const db = new Database(join(folder, 'rows.db'));
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.exec(
      `CREATE TABLE samples (channel INTEGER, time REAL, value REAL, PRIMARY KEY (${key})) STRICT, WITHOUT ROWID`,
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
  const columns = columnsByChannel(drive);
  const met = new Uint32Array(columns.length);
  const rows = db.prepare('SELECT channel, time, value FROM samples ORDER BY time').raw();
  for (const [channel, time, value] of rows.iterate() as IterableIterator<[number, number, number]>) {
    const row = met[channel] as number;
    if (time !== columns[channel]?.times[row] || !Object.is(value, columns[channel]?.values[row])) {
      throw new Error(`channel ${channel}, row ${row}: SQLite holds ${value} at ${time}`);
    }
    met[channel] = row + 1;
  }
  for (const [channel, { times }] of columns.entries()) {
    if (met[channel] !== times.length)
      throw new Error(`channel ${channel}: ${times.length} rows fed, SQLite holds ${met[channel]}`);
  }
}
