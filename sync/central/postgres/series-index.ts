import type { Stamp } from '../../../gateway/channel.ts';
import type { Row } from '../../../gateway/store/block-rows.ts';
import { FAN_OUT } from '../../../gateway/store/block-schema.ts';
import { decodeEntries, type IndexEntries } from '../../../gateway/store/index-entries.ts';
import type { IndexRow, Series } from '../../../gateway/store/index-tree.ts';
import { RETIRED } from '../retention/retiring-store.ts';
import type { Catalogue } from './catalogue.ts';
import type { Statements } from './database.ts';
import { GroupedIndex, type GroupKey, textOf } from './grouped-index.ts';
import { gatewayOfId } from './ids.ts';

/** Entries of rows that are kept, some 250 bytes each. At the maximum: the groups used longest ago go, once nobody is at it. */
const ENTRIES_MAX = 1 << 18;

/** A row of the index, as it was added. */
export interface AddedRow {
  readonly row: IndexRow;
  /** Month in which the pack came. */
  readonly month: number;
}

/**
 * Rows of the index as far as they are here. What is asked for and is not here is noted, to be fetched before it is asked again:
 * logic that runs over this is run until nothing was missing.
 */
export class SeriesIndex extends GroupedIndex {
  readonly #catalogue: Catalogue;
  /** By what they are, those used last at the end. */
  readonly #groups = new Map<string, { readonly key: GroupKey; rows: readonly IndexRow[] }>();
  #entries = 0;
  readonly #months = new Map<number, number>();
  readonly #missing = new Map<string, GroupKey>();
  /** How often rows were asked for that are not here. */
  misses = 0;

  constructor(catalogue: Catalogue) {
    super();
    this.#catalogue = catalogue;
  }

  /** Number of groups that were asked for since the last fetch and are not here. */
  get missing(): number {
    return this.#missing.size;
  }

  channels(roster: number): readonly number[] {
    return this.#catalogue.rosters.get(roster)?.channels ?? [];
  }

  series(channel: number): readonly Series[] {
    return this.#catalogue.series(channel);
  }

  packsOf(roster: number): number {
    return this.#catalogue.rosters.get(roster)?.packs ?? 0;
  }

  rows(key: GroupKey, count: number): readonly IndexRow[] {
    const text = textOf(key);
    const group = this.#groups.get(text);
    if (group === undefined || group.rows.length < count) {
      this.#missing.set(text, key);
      this.misses += 1;
      return [];
    }
    this.#groups.delete(text);
    this.#groups.set(text, group);
    return group.rows.length === count ? group.rows : group.rows.slice(0, count);
  }

  /** Month in which the pack at a position came, of those whose row is here. */
  monthOf(position: number): number | undefined {
    return this.#months.get(position);
  }

  /** What was missing since the last call. */
  takeMissing(): GroupKey[] {
    const keys = [...this.#missing.values()];
    this.#missing.clear();
    return keys;
  }

  /** Fetches groups. Returns their bytes. */
  async fetch(statements: Statements, keys: readonly GroupKey[]): Promise<number> {
    if (keys.length === 0) return 0;
    const { rows } = await statements.query(
      `SELECT pack_index.* FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::bigint[]) AS need (gateway, roster, level, first)
       JOIN pack_index ON pack_index.gateway = need.gateway AND pack_index.roster = need.roster
         AND pack_index.level = need.level AND ordinal >= first AND ordinal < first + ${FAN_OUT}
       ORDER BY pack_index.roster, pack_index.level, ordinal`,
      [
        keys.map(({ roster }) => gatewayOfId(roster)),
        keys.map(({ roster }) => roster),
        keys.map(({ level }) => level),
        keys.map(({ group }) => group * FAN_OUT),
      ],
    );
    const found = new Map(keys.map((key) => [textOf(key), { key, rows: [] as AddedRow[] }]));
    let bytes = 0;
    for (const row of rows as Row[]) {
      const decoded = this.#rowOf(row);
      const { roster, level, ordinal } = decoded;
      found
        .get(textOf({ roster, level, group: Math.floor(ordinal / FAN_OUT) }))
        ?.rows.push({ row: decoded, month: Number(row.month) });
      bytes += (row.entries as Buffer).length;
    }
    for (const group of found.values()) this.#keep(group.key, group.rows);
    return bytes;
  }

  /** Takes in what was committed by this process; of groups that are not here nothing. */
  add(added: readonly AddedRow[]): void {
    for (const { row, month } of added) {
      const { roster, level, ordinal } = row;
      const key = { roster, level, group: Math.floor(ordinal / FAN_OUT) };
      const known = this.#groups.get(textOf(key))?.rows ?? [];
      if (known.length !== ordinal % FAN_OUT) continue;
      const before = known.map((each) => ({ row: each, month: this.#months.get(each.firstPosition) ?? month }));
      this.#keep(key, [...before, { row, month }]);
    }
  }

  /** Lets go of what was used longest ago, where it is too much. */
  trim(): void {
    for (const { key } of this.#groups.values()) {
      if (this.#entries <= ENTRIES_MAX) return;
      this.#drop(key);
    }
  }

  #keep(key: GroupKey, added: readonly AddedRow[]): void {
    this.#drop(key);
    const rows = added.map(({ row }) => (row.level === 0 ? this.#withState(row) : row));
    this.#groups.set(textOf(key), { key, rows });
    if (key.level === 0) for (const { row, month } of added) this.#months.set(row.firstPosition, month);
    this.#entries += rows.length * this.channels(key.roster).length;
  }

  #drop(key: GroupKey): void {
    const group = this.#groups.get(textOf(key));
    if (group === undefined) return;
    this.#groups.delete(textOf(key));
    this.#entries -= group.rows.length * this.channels(key.roster).length;
    if (key.level === 0) for (const { firstPosition } of group.rows) this.#months.delete(firstPosition);
  }

  /** The row of a pack, which tells whether it is retired at the time it is asked. */
  #withState(row: IndexRow): IndexRow {
    const { roster, ordinal } = row;
    const catalogue = this.#catalogue;
    return {
      ...row,
      get thinned() {
        return ordinal < catalogue.retiredOf(roster) ? RETIRED : undefined;
      },
    };
  }

  #rowOf(row: Row): IndexRow {
    const roster = Number(row.roster);
    const members = this.channels(roster).length;
    const bytes = row.entries as Buffer;
    let entries: IndexEntries | undefined;
    return {
      roster,
      level: Number(row.level),
      ordinal: Number(row.ordinal),
      firstPosition: Number(row.position_first),
      lastPosition: Number(row.position_last),
      boot: row.boot === null ? undefined : Number(row.boot),
      stamp: String(row.stamp) as Stamp,
      timeMin: Number(row.time_min),
      timeMax: Number(row.time_max),
      thinned: undefined,
      entries: () => {
        entries ??= decodeEntries(bytes, members);
        return entries;
      },
    };
  }
}
