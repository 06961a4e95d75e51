import type { Statement } from 'better-sqlite3';
import { type KeptOutline, outlineOf, type Row } from '../block-rows.ts';

/** Outlines that came ahead of their samples; of a store that pulls from others only. They are no part of what it has. */
export const OUTLINES_SCHEMA = `
CREATE TABLE outlines (
  channel INTEGER NOT NULL, boot INTEGER NOT NULL, first_sequence INTEGER NOT NULL, end_sequence INTEGER NOT NULL,
  stamp TEXT NOT NULL, time_min INTEGER NOT NULL, time_max INTEGER NOT NULL, nodes BLOB NOT NULL,
  PRIMARY KEY (channel, boot, first_sequence)) STRICT, WITHOUT ROWID;
`;

/** The outlines of a store. */
export class KeptOutlines {
  readonly #sql: (text: string) => Statement;

  constructor(sql: (text: string) => Statement) {
    this.#sql = sql;
  }

  /** Keeps one in the place of another with the same first number. Belongs inside a transaction, as the next. */
  keep({ channel, boot, firstSequence, end, stamp, timeMin, timeMax, nodes }: KeptOutline): void {
    const row = [channel, boot, firstSequence, end, stamp, timeMin, timeMax, nodes];
    this.#sql('INSERT OR REPLACE INTO outlines VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(row);
  }

  /** Forgets those that lie in numbers of [from, to) with all of theirs. */
  drop(channel: number, boot: number, from: number, to: number): void {
    const sql = `DELETE FROM outlines
      WHERE channel = ? AND boot = ? AND first_sequence >= ? AND first_sequence < ? AND end_sequence <= ?`;
    this.#sql(sql).run(channel, boot, from, to, to);
  }

  isAny(): boolean {
    return this.#sql('SELECT 1 FROM outlines LIMIT 1').get() !== undefined;
  }

  /** Those of a channel that touch stored times [from, to], by boot and first number. */
  touching(channel: number, from: number, to: number): KeptOutline[] {
    const sql = `SELECT * FROM outlines WHERE channel = ? AND time_max >= ? AND time_min <= ? ORDER BY boot, first_sequence`;
    return (this.#sql(sql).all(channel, from, to) as Row[]).map(outlineOf);
  }
}
