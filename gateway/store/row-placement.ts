import type { Statement } from 'better-sqlite3';
import type { PackIndex } from './pack-index.ts';

/** Most that stands in `recent_index`: rows, and bytes of their entries. At the maximum: the oldest are placed. */
export interface RecentMax {
  readonly rows: number;
  readonly bytes: number;
}

/** Enough that a grid of 5,000 channels places some 25 rows of a roster at once. */
export const RECENT_MAX: RecentMax = { rows: 16 * 1024, bytes: 4 << 20 };

/** Part of the rows that are taken out at a time: the page that they leave is written once. */
const STEPS = 256;

const INSERT_RECENT = 'INSERT INTO recent_index VALUES (?, ?, ?, ?, ?, ?, ?, ?)';
const SIZE = 'SELECT COUNT(*) AS rows, ifnull(SUM(length(entries)), 0) AS bytes FROM recent_index';
const OLDEST = `SELECT position, roster, length(entries) AS bytes, EXISTS (SELECT 1 FROM pack_index AS placed
  WHERE placed.roster = recent_index.roster AND placed.ordinal = recent_index.ordinal) AS placed
  FROM recent_index ORDER BY position LIMIT ?`;
const PLACE = `INSERT INTO pack_index
  SELECT roster, ordinal, position, boot, stamp, time_min, time_max, NULL, entries FROM recent_index WHERE position = ?`;

const INSERT_PLACED = 'INSERT INTO pack_index VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)';
const TAKE_OUT = 'DELETE FROM recent_index WHERE position = ? RETURNING length(entries)';

/** A row of the index of packs, as it comes to be. */
export interface NewRow {
  readonly position: number;
  readonly roster: number;
  readonly ordinal: number;
  readonly boot: number;
  readonly stamp: string;
  readonly timeMin: number;
  readonly timeMax: number;
  readonly entries: Uint8Array;
}

/**
 * Adds rows to the index of packs: first behind all others, later, many of a roster at a time, in their place. Rows of a
 * roster are placed in order and all at once, so that whatever is placed stands before whatever is not. A row may stay behind
 * as a copy until all before it have gone: rows are only ever taken out at the end where few pages hold many of them.
 * Everything belongs inside a transaction.
 */
export class RowPlacement {
  readonly #sql: (text: string) => Statement;
  readonly #index: PackIndex;
  readonly #max: RecentMax;
  #rows = 0;
  #bytes = 0;

  constructor(sql: (text: string) => Statement, index: PackIndex, max: RecentMax) {
    this.#sql = sql;
    this.#index = index;
    this.#max = max;
  }

  /** Counts anew: when the database is opened, and after a transaction that failed. */
  learn(): void {
    const { rows, bytes } = this.#sql(SIZE).get() as { rows: number; bytes: number };
    this.#rows = rows;
    this.#bytes = bytes;
  }

  add({ position, roster, ordinal, boot, stamp, timeMin, timeMax, entries }: NewRow): void {
    this.#sql(INSERT_RECENT).run(position, roster, ordinal, boot, stamp, timeMin, timeMax, entries);
    this.#rows += 1;
    this.#bytes += entries.length;
    if (this.#rows > this.#max.rows || this.#bytes > this.#max.bytes) this.#placeOldest();
  }

  /**
   * Sees to it that the row of a pack stands in its place only: it is to be changed. True where it was the newest of the
   * recent rows: its position may be given to another, once it is gone.
   */
  settle(position: number): boolean {
    const row = this.#sql('SELECT roster, length(entries) AS bytes FROM recent_index WHERE position = ?').get(
      position,
    ) as { roster: number; bytes: number } | undefined;
    if (row === undefined) return false;
    this.#place(row.roster);
    this.#sql('DELETE FROM recent_index WHERE position = ?').run(position);
    this.#rows -= 1;
    this.#bytes -= row.bytes;
    const newest = this.#sql('SELECT MAX(position) FROM recent_index').pluck().get() as number | null;
    return (newest ?? 0) < position;
  }

  /**
   * Puts one row in the place of several of its roster, ascending, the last of which has its ordinal. Another row of the
   * roster must follow them.
   */
  replace(rows: readonly Pick<NewRow, 'position' | 'ordinal'>[], row: NewRow): void {
    const first = rows[0]?.ordinal ?? row.ordinal;
    this.#place(row.roster, first);
    for (const { position } of rows) {
      const gone = this.#sql(TAKE_OUT).pluck().get(position) as number | undefined;
      if (gone === undefined) continue;
      this.#rows -= 1;
      this.#bytes -= gone;
    }
    const { roster, ordinal, position, boot, stamp, timeMin, timeMax, entries } = row;
    this.#sql('DELETE FROM pack_index WHERE roster = ? AND ordinal BETWEEN ? AND ?').run(roster, first, ordinal);
    this.#sql(INSERT_PLACED).run(roster, ordinal, position, boot, stamp, timeMin, timeMax, entries);
  }

  /** Takes out the oldest rows; a roster that has one among them gets all of its rows in their place. */
  #placeOldest(): void {
    type Oldest = { position: number; roster: number; bytes: number; placed: number };
    const oldest = this.#sql(OLDEST).all(Math.max(1, Math.floor(this.#max.rows / STEPS))) as Oldest[];
    for (const roster of new Set(oldest.flatMap(({ roster, placed }) => (placed === 1 ? [] : [roster])))) {
      this.#place(roster);
    }
    this.#sql('DELETE FROM recent_index WHERE position <= ?').run(oldest.at(-1)?.position ?? 0);
    this.#rows -= oldest.length;
    for (const { bytes } of oldest) this.#bytes -= bytes;
  }

  /** Gets the rows of a roster with lesser ordinals than `to` in their place. */
  #place(roster: number, to = Number.MAX_SAFE_INTEGER): void {
    const [placed] = this.#sql('SELECT MAX(ordinal) FROM pack_index WHERE roster = ?').raw().get(roster) as [
      number | null,
    ];
    for (const { position, ordinal } of this.#index.recent(roster, (placed ?? -1) + 1)) {
      if (ordinal < to) this.#sql(PLACE).run(position);
    }
  }
}
