import { Buffer } from 'node:buffer';
import type { Statement, Transaction } from 'better-sqlite3';
import { CaissonError } from '../errors.ts';
import { RECEIPTS_MAX } from '../limits.ts';
import { type Database, openDatabase } from './database.ts';

const SCHEMA_VERSION = 1;
const CACHE_KIB = 2 * 1024;
const DIGEST_BYTES = 16;

/** `ring_end` is the ring's position behind the commit: where a new store thread of the same boot goes on. */
const SCHEMA = `
CREATE TABLE journal (id INTEGER PRIMARY KEY, boot INTEGER NOT NULL, ring_end REAL NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE TABLE receipts (row INTEGER PRIMARY KEY, count INTEGER NOT NULL, digests BLOB NOT NULL) STRICT;
CREATE TABLE damaged (row INTEGER PRIMARY KEY, boot INTEGER NOT NULL, reason TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
`;

export interface StoredRow {
  readonly id: number;
  readonly boot: number;
  readonly ringEnd: number;
  readonly bytes: Uint8Array;
}

/** The small, hot database: one row a group commit, deleted when all of it is in blocks. One writer, any number of readers. */
export class JournalDb {
  readonly #db: Database;
  readonly #insert: Statement;
  readonly #insertReceipts: Statement;
  readonly #after: Statement;
  readonly #append: Transaction<(row: StoredRow, receipts: readonly Uint8Array[]) => void>;

  private constructor(db: Database) {
    this.#db = db;
    this.#insert = db.prepare('INSERT INTO journal VALUES (?, ?, ?, ?)');
    this.#insertReceipts = db.prepare('INSERT INTO receipts VALUES (?, ?, ?)');
    this.#after = db.prepare(
      'SELECT id, boot, ring_end AS ringEnd, bytes FROM journal WHERE id > ? ORDER BY id LIMIT ?',
    );
    this.#append = db.transaction((row: StoredRow, receipts: readonly Uint8Array[]) => {
      this.#insert.run(row.id, row.boot, row.ringEnd, row.bytes);
      this.#insertReceipts.run(row.id, receipts.length, Buffer.concat(receipts));
    });
  }

  /**
   * Opens the journal, making it if it is not there.
   * @throws CaissonError `store-unusable`
   */
  static open(path: string): JournalDb {
    const db = openDatabase(path, { cacheKiB: CACHE_KIB });
    if (Number(db.pragma('user_version', { simple: true })) === 0) {
      db.transaction(() => {
        db.exec(SCHEMA);
        db.pragma(`user_version = ${SCHEMA_VERSION}`);
      })();
    }
    return JournalDb.#checked(db, path);
  }

  /**
   * Opens the journal for reading only.
   * @throws CaissonError `store-unusable`
   */
  static openReadonly(path: string): JournalDb {
    return JournalDb.#checked(openDatabase(path, { cacheKiB: CACHE_KIB, readonly: true }), path);
  }

  static #checked(db: Database, path: string): JournalDb {
    const version = Number(db.pragma('user_version', { simple: true }));
    if (version === SCHEMA_VERSION) return new JournalDb(db);
    db.close();
    throw new CaissonError('store-unusable', `${path}: schema version ${version}, expected ${SCHEMA_VERSION}`, {
      retryable: version === 0,
    });
  }

  close(): void {
    this.#db.close();
  }

  /** Writes one commit; when it returns, the row is on disk, fsynced. `receipts` 16 bytes each. */
  append(row: StoredRow, receipts: readonly Uint8Array[]): void {
    if (receipts.length === 0) this.#insert.run(row.id, row.boot, row.ringEnd, row.bytes);
    else this.#append.immediate(row, receipts);
  }

  /** Rows after `id`, in order, at most `rowsMax`, one at a time. Nothing else may be done with this object meanwhile. */
  rowsAfter(id: number, rowsMax = Number.MAX_SAFE_INTEGER): IterableIterator<StoredRow> {
    return this.#after.iterate(id, rowsMax) as IterableIterator<StoredRow>;
  }

  /** Id of the newest row ever written that is known of; 0 where there is none. */
  lastId(): number {
    const sql = `SELECT MAX(id) FROM (SELECT MAX(id) AS id FROM journal UNION ALL SELECT MAX(row) FROM receipts
      UNION ALL SELECT MAX(row) FROM damaged)`;
    return Number(this.#db.prepare(sql).pluck().get() ?? 0);
  }

  rowCount(): number {
    return Number(this.#db.prepare('SELECT COUNT(*) FROM journal').pluck().get());
  }

  /** Deletes the rows before `id`. */
  trimBefore(id: number): void {
    this.#db.prepare('DELETE FROM journal WHERE id < ?').run(id);
  }

  /** Forgets the oldest receipts beyond RECEIPTS_MAX. */
  pruneReceipts(): void {
    const oldest = `SELECT row FROM (SELECT row, SUM(count) OVER (ORDER BY row DESC) AS newer FROM receipts)
      WHERE newer > ? ORDER BY row DESC LIMIT 1`;
    this.#db.prepare(`DELETE FROM receipts WHERE row <= (${oldest})`).run(RECEIPTS_MAX);
  }

  /** Moves a row that cannot be read out of the way, keeping its bytes. */
  setAside(row: StoredRow, reason: string): void {
    this.#db
      .transaction(() => {
        this.#db.prepare('INSERT OR REPLACE INTO damaged VALUES (?, ?, ?, ?)').run(row.id, row.boot, reason, row.bytes);
        this.#db.prepare('DELETE FROM journal WHERE id = ?').run(row.id);
      })
      .immediate();
  }

  /** Digests of messages made durable, oldest first. */
  receipts(): Uint8Array[] {
    const digests: Uint8Array[] = [];
    for (const bytes of this.#db.prepare('SELECT digests FROM receipts ORDER BY row').pluck().all() as Buffer[]) {
      for (let at = 0; at + DIGEST_BYTES <= bytes.length; at += DIGEST_BYTES) {
        digests.push(Uint8Array.prototype.slice.call(bytes, at, at + DIGEST_BYTES));
      }
    }
    return digests;
  }
}
