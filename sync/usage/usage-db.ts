import { type Database, openDatabase } from '../../gateway/store/database.ts';
import type { SpentDay, SpentDays } from '../line/daily-budget.ts';

const CACHE_KIB = 64;

/** Days that are kept; a bill is settled before. At the maximum: the oldest are forgotten. */
const DAYS_MAX = 400;

/** A line, or whoever is at its other end, has one row a day, some 40 bytes. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS traffic (
    day INTEGER NOT NULL,
    peer TEXT NOT NULL,
    line TEXT NOT NULL,
    received INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    PRIMARY KEY (day, peer, line)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS spent (
    peer TEXT NOT NULL,
    line TEXT NOT NULL,
    day INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    written INTEGER NOT NULL,
    PRIMARY KEY (peer, line, day)
  ) STRICT, WITHOUT ROWID;
`;

/** What passed between this end and another one, over one line, on one day of UTC. */
export interface TrafficRow {
  /** Days since 1970. */
  readonly day: number;
  /** Who is at the other end; empty: nobody who says so. */
  readonly peer: string;
  readonly line: string;
  /** On the wire, by this end, bytes. */
  readonly received: number;
  readonly sent: number;
}

/** What lines carried and what budgets spent, day by day, kept beside a store. */
export class UsageDb {
  readonly #db: Database;

  private constructor(db: Database) {
    this.#db = db;
  }

  /** @throws CaissonError `store-unusable` */
  static open(path: string): UsageDb {
    const db = openDatabase(path, { cacheKiB: CACHE_KIB });
    db.exec(SCHEMA);
    return new UsageDb(db);
  }

  close(): void {
    this.#db.close();
  }

  /** Adds to what is there; durable when it returns. */
  add(rows: readonly TrafficRow[]): void {
    if (rows.length === 0) return;
    const insert = this.#db.prepare(
      `INSERT INTO traffic (day, peer, line, received, sent) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET received = received + excluded.received, sent = sent + excluded.sent`,
    );
    this.#db.transaction(() => {
      for (const { day, peer, line, received, sent } of rows) insert.run(day, peer, line, received, sent);
      const newest = Math.max(...rows.map(({ day }) => day));
      this.#db.prepare('DELETE FROM traffic WHERE day <= ?').run(newest - DAYS_MAX);
    })();
  }

  /** Of the days from `from` on and before `to`, in order. */
  rows(from: number, to: number): TrafficRow[] {
    return this.#db
      .prepare(
        'SELECT day, peer, line, received, sent FROM traffic WHERE day >= ? AND day < ? ORDER BY day, peer, line',
      )
      .all(from, to) as TrafficRow[];
  }

  /** What the budget of a line has spent. */
  spentDays(peer: string, line: string): SpentDays {
    const columns = 'SELECT day, bytes, written AS writtenMs FROM spent WHERE peer = ? AND line = ?';
    return {
      last: () => this.#db.prepare(`${columns} ORDER BY written DESC LIMIT 1`).get(peer, line) as SpentDay | undefined,
      of: (day) => this.#db.prepare(`${columns} AND day = ?`).get(peer, line, day) as SpentDay | undefined,
      keep: ({ day, bytes, writtenMs }) => {
        this.#db.transaction(() => {
          this.#db
            .prepare('INSERT OR REPLACE INTO spent (peer, line, day, bytes, written) VALUES (?, ?, ?, ?, ?)')
            .run(peer, line, day, Math.ceil(bytes), Math.round(writtenMs));
          this.#db
            .prepare('DELETE FROM spent WHERE peer = ? AND line = ? AND abs(day - ?) > ?')
            .run(peer, line, day, DAYS_MAX);
        })();
      },
    };
  }
}
