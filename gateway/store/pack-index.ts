import type { Statement } from 'better-sqlite3';
import type { Stamp } from '../channel.ts';
import type { Row } from './block-rows.ts';
import { FAN_OUT } from './block-schema.ts';
import { attempt, type OnDamage, readableRows } from './damage.ts';
import type { Database } from './database.ts';
import { decodeEntries, type IndexEntries, type IndexEntry, mergeEntries } from './index-entries.ts';
import { type IndexRow, IndexTree, type Series } from './index-tree.ts';
import { type RecentRow, RecentRows } from './recent-rows.ts';
import type { RememberedRows } from './remembered-rows.ts';
import { decodeRoster } from './roster.ts';

export type { IndexRow, Series } from './index-tree.ts';

const PACK_ROWS = `SELECT ordinal, position AS position_first, position AS position_last, boot, stamp, time_min, time_max,
  thinned, entries FROM pack_index WHERE roster = ? AND ordinal >= ? AND ordinal < ? ORDER BY ordinal`;
const RECENT_ROW = `SELECT ordinal, position AS position_first, position AS position_last, boot, stamp, time_min, time_max,
  NULL AS thinned, entries FROM recent_index WHERE position = ? AND roster = ? AND ordinal = ?`;
const ENVELOPE_ROWS = `SELECT ordinal, position_first, position_last, boot, stamp, time_min, time_max, NULL AS thinned, entries
  FROM envelopes WHERE roster = ? AND ordinal >= ? AND ordinal < ? AND level = ? ORDER BY ordinal`;

const ALL = Number.MAX_SAFE_INTEGER;
const NO_BYTES = new Uint8Array(0);

/** Reads the index of packs and the pyramid above it. */
export class PackIndex extends IndexTree {
  readonly #db: Database;
  readonly #packRows: Statement;
  readonly #recentRow: Statement;
  readonly #envelopeRows: Statement;
  readonly #topLevel: Statement;
  readonly #firstPlaced: Statement;
  readonly #rosterRow: Statement;
  readonly #rosterIds: Statement;
  readonly #newRosters: readonly [forward: Statement, backward: Statement];
  readonly #rosters = new Map<number, readonly number[]>();
  /** The series of each channel, of rosters up to {@link PackIndex.#learned}. */
  readonly #series = new Map<number, Series[]>();
  #learned = 0;
  #isHeld = false;
  readonly #onDamage: OnDamage;
  /** Rows that could not be read, so far. */
  #damage = 0;
  readonly #remembered: RememberedRows<IndexRow> | undefined;
  readonly #recent: RecentRows;

  /**
   * @param onDamage told of rows that cannot be read: they cost what they are of, and no more
   * @param remembered where rows are kept from one snapshot to the next; none for one who changes them
   */
  constructor(db: Database, onDamage: OnDamage = () => {}, remembered?: RememberedRows<IndexRow>) {
    super();
    this.#onDamage = (what) => {
      this.#damage += 1;
      onDamage(what);
    };
    this.#remembered = remembered;
    this.#db = db;
    this.#recent = new RecentRows(db, this.#onDamage);
    this.#packRows = db.prepare(PACK_ROWS);
    this.#recentRow = db.prepare(RECENT_ROW);
    this.#envelopeRows = db.prepare(ENVELOPE_ROWS);
    this.#topLevel = db.prepare('SELECT MAX(level) FROM envelopes WHERE roster = ?').pluck();
    this.#firstPlaced = db.prepare('SELECT MIN(ordinal) FROM pack_index WHERE roster = ? AND ordinal >= ?').pluck();
    this.#rosterRow = db.prepare('SELECT channels FROM rosters WHERE id = ?').pluck();
    this.#rosterIds = db.prepare('SELECT id FROM rosters ORDER BY id').pluck();
    const newRosters = 'SELECT id FROM rosters WHERE id > ? ORDER BY id';
    this.#newRosters = [db.prepare(newRosters).pluck(), db.prepare(`${newRosters} DESC`).pluck()];
  }

  /** Ids of all rosters. */
  rosters(): number[] {
    const read = attempt(() => this.#rosterIds.all() as number[]);
    if ('value' in read) return read.value;
    this.#onDamage(`rosters: ${read.damage}`);
    return this.#rostersInIndex();
  }

  /** Channels of a roster, ascending. */
  channels(roster: number): readonly number[] {
    let channels = this.#rosters.get(roster);
    if (channels === undefined) {
      const read = attempt(() => decodeRoster((this.#rosterRow.get(roster) as Buffer | undefined) ?? NO_BYTES));
      if ('damage' in read) this.#onDamage(`roster ${roster}: ${read.damage}`);
      channels = 'value' in read ? read.value : [];
      this.#rosters.set(roster, channels);
    }
    return channels;
  }

  /** Forgets what is known by heart: after a transaction that failed. */
  forget(): void {
    this.#rosters.clear();
    this.#series.clear();
    this.#learned = 0;
    this.#recent.forget();
  }

  series(channel: number): readonly Series[] {
    this.#learnSeries();
    return this.#series.get(channel) ?? [];
  }

  /** Rows of one level with ordinals [from, to); without those that are damaged. */
  rows(roster: number, level: number, from: number, to: number): IndexRow[] {
    const read = attempt(() => this.#read(roster, level, from, to));
    if ('value' in read) return read.value;
    // The ranges of rows that can be read are found by halves.
    const end = Math.min(to, this.lastOrdinal(roster, level) + 1);
    if (end - from <= 1) {
      if (end <= from) return [];
      const copy = attempt(() => (level === 0 ? this.#recentRows(roster, this.#recent.of(roster, from, end)) : []));
      if ('value' in copy && copy.value.length > 0) return copy.value;
      this.#onDamage(`${level === 0 ? 'index' : `level ${level}`}, roster ${roster}, row ${from}: ${read.damage}`);
      return [];
    }
    const middle = from + Math.ceil((end - from) / 2);
    return [...this.rows(roster, level, from, middle), ...this.rows(roster, level, middle, end)];
  }

  /** The rows that cover a roster with as few as can be, in the order the packs were kept; the caller's own list. */
  roots(roster: number): IndexRow[] {
    // Outside a snapshot something may have been committed since they were remembered.
    const known = this.#isHeld ? this.#remembered?.roots(roster) : undefined;
    return [...(known ?? this.#readRoots(roster))];
  }

  #readRoots(roster: number): readonly IndexRow[] {
    const damage = this.#damage;
    const read = attempt(() => Number((this.#topLevel.get(roster) as number | null) ?? 0));
    const rows = this.cover(roster, 'value' in read ? read.value : 0, 0, ALL);
    if (this.#isHeld && this.#damage === damage)
      this.#remembered?.keepRoots(roster, rows, this.channels(roster).length);
    return rows;
  }

  /** What lies under an envelope: directly or, where that is damaged, what is under it in turn. */
  children({ roster, level, ordinal }: Pick<IndexRow, 'roster' | 'level' | 'ordinal'>): readonly IndexRow[] {
    const known = this.#remembered?.rowsUnder(roster, level, ordinal);
    if (known !== undefined) return known;
    const damage = this.#damage;
    const rows = this.cover(roster, level - 1, ordinal * FAN_OUT, (ordinal + 1) * FAN_OUT);
    const members = this.channels(roster).length;
    if (this.#damage === damage) this.#remembered?.keepRowsUnder(roster, level, ordinal, rows, members);
    return rows;
  }

  /**
   * To be told at the beginning of every snapshot.
   * @param state of the database: another one after every commit
   * @param version of what there is to read: another one after every commit by which something of it is changed or goes
   */
  hold(state: number, version: () => string | undefined): void {
    const isSame = this.#remembered?.isOf(state) ?? false;
    if (!isSame) this.#remembered?.renew(state, version());
    this.#recent.hold(isSame);
    this.#isHeld = true;
  }

  /** To be told at the end of every snapshot. */
  release(): void {
    this.#recent.release();
    this.#isHeld = false;
  }

  /** The rows of a roster that may not be in their place, from an ordinal on, ascending. */
  recent(roster: number, from: number): readonly RecentRow[] {
    return this.#recent.of(roster, from, ALL);
  }

  /**
   * The rows that stand for ordinals [from, to) of a level, ascending: where an envelope is not there, what is under it.
   * Fewer than that where packs were merged or dropped.
   */
  cover(roster: number, level: number, from: number, to: number): IndexRow[] {
    const rows = this.rows(roster, level, from, to);
    if (level === 0) return rows;
    const cover: IndexRow[] = [];
    let next = from;
    const fill = (end: number) => {
      if (next < end) cover.push(...this.cover(roster, level - 1, next * FAN_OUT, end === ALL ? ALL : end * FAN_OUT));
    };
    for (const row of rows) {
      fill(row.ordinal);
      cover.push(row);
      next = row.ordinal + 1;
    }
    fill(to);
    return cover;
  }

  #read(roster: number, level: number, from: number, to: number): IndexRow[] {
    if (level === 0) return this.#rowsOfPacks(roster, from, to);
    const rows = this.#envelopeRows.all(roster, from, to, level) as Row[];
    return rows.map((row) => this.#rowOf(row, roster, level));
  }

  /** Rosters are never changed, and a new one has a greater id. */
  #learnSeries(): void {
    const [forward, backward] = this.#newRosters;
    const tell = (damage: string) => this.#onDamage(`which rosters there are: ${damage}`);
    for (const roster of readableRows<number>(forward, backward, [this.#learned], tell)) {
      this.#learned = Math.max(this.#learned, roster);
      for (const [member, channel] of this.channels(roster).entries()) {
        const series = this.#series.get(channel);
        if (series === undefined) this.#series.set(channel, [{ roster, member }]);
        else series.push({ roster, member });
      }
    }
  }

  /** Those in their place and, behind them, those that are not there yet. */
  #rowsOfPacks(roster: number, from: number, to: number): IndexRow[] {
    // Looked up first: what is placed between the two looks is then met by the second.
    const recent = this.#recent.of(roster, from, to);
    const rows = this.#placedRows(roster, from, to);
    const placed = rows.at(-1)?.ordinal ?? -1;
    const rest = recent.filter(({ ordinal }) => ordinal > placed);
    return rest.length === 0 ? rows : [...rows, ...this.#recentRows(roster, rest)];
  }

  #placedRows(roster: number, from: number, to: number): IndexRow[] {
    return (this.#packRows.all(roster, from, to) as Row[]).map((row) => this.#rowOf(row, roster, 0));
  }

  /** One that has left meanwhile is in its place, or nowhere. */
  #recentRows(roster: number, recent: readonly RecentRow[]): IndexRow[] {
    return recent.flatMap(({ position, ordinal }) => {
      const known = this.#remembered?.recent(roster, ordinal);
      if (known !== undefined) return known;
      const row = this.#recentRow.get(position, roster, ordinal) as Row | undefined;
      if (row === undefined) return this.#placedRows(roster, ordinal, ordinal + 1);
      const decoded = this.#rowOf(row, roster, 0);
      this.#remembered?.keepRecent(roster, ordinal, decoded, this.channels(roster).length);
      return decoded;
    });
  }

  /** Greatest ordinal of a level that a row may have, whatever of the index can be read. */
  lastOrdinal(roster: number, level: number): number {
    const recent = this.#recent.of(roster, 0, ALL).at(-1)?.ordinal ?? -1;
    for (const table of ['pack_index', 'packs']) {
      const read = attempt(() =>
        this.#db.prepare(`SELECT MAX(ordinal) FROM ${table} WHERE roster = ?`).pluck().get(roster),
      );
      if ('value' in read) return Math.floor(Math.max(Number(read.value ?? -1), recent) / FAN_OUT ** level);
    }
    return Math.floor(recent / FAN_OUT ** level);
  }

  /** Least ordinal of a pack of a series from `from` on; undefined where there is none. */
  firstOrdinal(roster: number, from: number): number | undefined {
    const recent = this.#recent.of(roster, from, ALL)[0]?.ordinal;
    const placed = (this.#firstPlaced.get(roster, from) as number | null) ?? undefined;
    return recent === undefined || (placed !== undefined && placed < recent) ? placed : recent;
  }

  #rostersInIndex(): number[] {
    const read = attempt(() => this.#db.prepare('SELECT DISTINCT roster FROM packs').pluck().all() as number[]);
    return 'value' in read ? read.value : [];
  }

  #decoded(
    bytes: Uint8Array,
    { roster, level, ordinal }: Pick<IndexRow, 'roster' | 'level' | 'ordinal'>,
  ): IndexEntries {
    const members = this.channels(roster).length;
    const read = attempt(() => decodeEntries(bytes, members));
    if ('value' in read) return read.value;
    this.#onDamage(`${level === 0 ? 'index' : `level ${level}`}, roster ${roster}, row ${ordinal}: ${read.damage}`);
    if (level === 0) return [];
    const under = this.children({ roster, level, ordinal }).map((row) => row.entries());
    return Array.from({ length: members }, (_, member) =>
      under.reduce<IndexEntry | undefined>((merged, entries) => mergeEntries(merged, entries[member]), undefined),
    );
  }

  #rowOf(row: Row, roster: number, level: number): IndexRow {
    const bytes = row.entries as Buffer;
    let entries: IndexEntries | undefined;
    return {
      roster,
      level,
      ordinal: Number(row.ordinal),
      firstPosition: Number(row.position_first),
      lastPosition: Number(row.position_last),
      boot: row.boot === null ? undefined : Number(row.boot),
      stamp: String(row.stamp) as Stamp,
      timeMin: Number(row.time_min),
      timeMax: Number(row.time_max),
      thinned: row.thinned === null ? undefined : String(row.thinned),
      entries: () => {
        entries ??= this.#decoded(bytes, { roster, level, ordinal: Number(row.ordinal) });
        return entries;
      },
    };
  }
}
