import type { Statement } from 'better-sqlite3';
import type { ChannelClass } from '../../channel.ts';
import { FAN_OUT, requireVersion } from '../block-schema.ts';
import { attempt } from '../damage.ts';
import { type Database, openDatabase } from '../database.ts';
import type { IndexEntry } from '../index-entries.ts';
import { type IndexRow, PackIndex } from '../pack-index.ts';
import { storePaths } from '../store-dir.ts';
import type { FindingList } from './finding.ts';

/** Pages cached: each is read about once. */
const CACHE_KIB = 4096;

/** Rows asked for at a time. */
const ROWS_AT_ONCE = 64;

/** A row of `packs`. */
export interface PackRow {
  readonly position: number;
  readonly roster: number;
  readonly ordinal: number;
  readonly boot: number;
  readonly class: ChannelClass;
  readonly size: number;
  readonly bytes: Uint8Array | null;
}

/** Sequence numbers of a channel and boot, by local ids. Times as stored, microseconds. */
export interface EntryRun {
  readonly channelId: number;
  readonly channel: string;
  readonly boot: number;
  readonly first: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Reads the rows of a store's large database one by one, so that a damaged page costs the rows on it and no others. All reads
 * are of one state of the database, whatever is committed meanwhile.
 */
export class StoreRows {
  readonly db: Database;
  readonly #index: PackIndex;
  readonly #packRow: Statement;
  readonly #packSize: Statement;
  readonly #hasPack: Statement;
  readonly boots: ReadonlyMap<number, { readonly gateway: string; readonly boot: string }>;
  readonly #channels: ReadonlyMap<number, string>;
  readonly lastPosition: number;
  readonly #told = new Set<string>();

  /** @throws CaissonError `store-unusable` where it cannot be opened at all */
  constructor(dir: string, findings: FindingList) {
    this.db = openDatabase(storePaths(dir).blocks, { cacheKiB: CACHE_KIB, readonly: true });
    requireVersion(this.db, storePaths(dir).blocks);
    this.db.exec('BEGIN');
    this.#index = new PackIndex(this.db, (what) => {
      if (!this.#told.has(what)) findings.add('blocks.db', what);
      this.#told.add(what);
    });
    const all = <Row>(table: string, sql: string): Row[] => {
      const read = attempt(() => this.db.prepare(sql).all() as Row[]);
      if ('value' in read) return read.value;
      findings.add(`blocks.db, table ${table}`, read.damage);
      return [];
    };
    const packColumns = 'position, roster, ordinal, boot, class, size, bytes';
    this.#packRow = this.db.prepare(`SELECT ${packColumns} FROM packs WHERE position = ?`);
    this.#packSize = this.db.prepare('SELECT size FROM packs WHERE position = ? AND bytes IS NOT NULL').pluck();
    this.#hasPack = this.db.prepare('SELECT 1 FROM packs WHERE position = ?');
    type Boot = { id: number; gateway: string; boot: string };
    this.boots = new Map(all<Boot>('boots', 'SELECT id, gateway, boot FROM boots').map((row) => [row.id, row]));
    type Named = { id: number; gateway: string; name: string };
    const channels = all<Named>('channels', 'SELECT id, gateway, name FROM channels');
    this.#channels = new Map(channels.map(({ id, name }) => [id, name]));
    const names = new Set<string>();
    for (const { gateway, name } of channels) {
      if (names.has(`${gateway}\n${name}`))
        findings.add('blocks.db, table channels', `${name} of ${gateway} is there twice`);
      names.add(`${gateway}\n${name}`);
    }
    const lasts = ['boots', 'channels', 'clock', 'packs', 'gaps', 'derivations', 'pack_index', 'recent_index'].flatMap(
      (table) => all<{ last: number | null }>(table, `SELECT MAX(position) AS last FROM ${table}`),
    );
    this.lastPosition = Math.max(0, ...lasts.map(({ last }) => last ?? 0));
  }

  close(): void {
    this.db.close();
  }

  /** The pack at a position; undefined where there is none. */
  pack(position: number): PackRow | undefined {
    return this.#packRow.get(position) as PackRow | undefined;
  }

  /** Bytes of the pack at a position; 0 where there is none, or its samples were given up. */
  packSize(position: number): number {
    return Number(this.#packSize.get(position) ?? 0);
  }

  hasPack(position: number): boolean {
    return this.#hasPack.get(position) !== undefined;
  }

  /** The row of the index that is of a pack; undefined where there is none. */
  indexOf({ roster, ordinal, position }: Pick<PackRow, 'roster' | 'ordinal' | 'position'>): IndexRow | undefined {
    const row = this.indexRow(roster, ordinal);
    return row?.firstPosition === position ? row : undefined;
  }

  indexRow(roster: number, ordinal: number): IndexRow | undefined {
    return this.#index.rows(roster, 0, ordinal, ordinal + 1)[0];
  }

  /** Every row of the index, or of one of its higher levels, that can be read. */
  *indexRows(level: number): IterableIterator<IndexRow> {
    for (const roster of this.#index.rosters()) {
      const last = this.#index.lastOrdinal(roster, level);
      for (let from = 0; from <= last; from += ROWS_AT_ONCE) {
        yield* this.#index.rows(roster, level, from, Math.min(last + 1, from + ROWS_AT_ONCE));
      }
    }
  }

  /** What lies under a row above the packs: where an envelope is not there, what is under that. */
  children(row: IndexRow): IndexRow[] {
    return this.#index.cover(row.roster, row.level - 1, row.ordinal * FAN_OUT, (row.ordinal + 1) * FAN_OUT);
  }

  /** Entries of a row with the names of their channels. None where the row is damaged. */
  entries(row: IndexRow): { readonly channel: string; readonly channelId: number; readonly entry: IndexEntry }[] {
    const channels = this.#index.channels(row.roster);
    return row.entries().flatMap((entry, member) => {
      const channelId = channels[member] ?? 0;
      return entry === undefined ? [] : [{ channel: this.nameOf(channelId), channelId, entry }];
    });
  }

  /** What the index says that a pack holds; nothing where its row is damaged. */
  runsOf(row: IndexRow): EntryRun[] {
    return this.entries(row).map(({ channel, channelId, entry }) => {
      const { firstSequence: first, count, timeMin: from, timeMax: to } = entry;
      return { channel, channelId, boot: row.boot ?? 0, first, count, from, to };
    });
  }

  /** Greatest id that a channel has or had, as far as can be read; 0 where there is none. */
  lastChannel(): number {
    const members = this.#index.rosters().map((roster) => this.#index.channels(roster).at(-1) ?? 0);
    return Math.max(0, ...this.#channels.keys(), ...members);
  }

  nameOf(channel: number): string {
    return this.#channels.get(channel) ?? `channel ${channel}`;
  }
}
