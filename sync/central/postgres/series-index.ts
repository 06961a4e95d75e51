import type { Stamp } from '../../../gateway/channel.ts';
import type { Row } from '../../../gateway/store/block-rows.ts';
import { FAN_OUT } from '../../../gateway/store/block-schema.ts';
import { decodeEntries, type IndexEntries } from '../../../gateway/store/index-entries.ts';
import type { IndexRow, Series } from '../../../gateway/store/index-tree.ts';
import { RETIRED } from '../retention/retiring-store.ts';
import type { Catalogue, KeptRoster } from './catalogue.ts';
import type { Statements } from './database.ts';
import { GroupedIndex, type GroupKey, textOf } from './grouped-index.ts';
import { gatewayOfId } from './ids.ts';

/** Entries of rows that are kept, some 250 bytes each. At the maximum: the groups used longest ago go, once nobody is at it. */
const ENTRIES_MAX = 1 << 18;

/** Where the bytes of a pack are. */
export interface PackPlace {
  /** Month in which it came. */
  readonly month: number;
  /** True where it was made of others, the last of which had its position. */
  readonly isMerged: boolean;
}

/** A row of the index, as it was added. */
export interface AddedRow extends PackPlace {
  readonly row: IndexRow;
}

/** A group of rows, without those in front that are gone. */
interface KeptGroup {
  readonly key: GroupKey;
  readonly added: readonly AddedRow[];
  /** The same rows, which tell whether they are retired at the time they are asked. */
  readonly rows: readonly IndexRow[];
}

/** Rows of a group that are wanted, by their places in it. */
interface WantedRows {
  readonly key: GroupKey;
  readonly from: number;
  readonly to: number;
}

/**
 * Rows of the index as far as they are here. What is asked for and is not here is noted, to be fetched before it is asked again:
 * logic that runs over this is run until nothing was missing.
 */
export class SeriesIndex extends GroupedIndex {
  readonly #catalogue: Catalogue;
  /** By what they are, those used last at the end. */
  readonly #groups = new Map<string, KeptGroup>();
  #entries = 0;
  /** Rows of packs by position: where one was merged, the last of those that it was made of may be here as well. */
  readonly #atPosition = new Map<number, readonly AddedRow[]>();
  readonly #missing = new Map<string, WantedRows>();
  /** How often rows were asked for that are not here. */
  misses = 0;
  /** True where the last fetch did not find all: what is known of rosters is not true any more. */
  isOutdated = false;

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

  roster(id: number): KeptRoster | undefined {
    return this.#catalogue.rosters.get(id);
  }

  packsOf(roster: number): number {
    return this.#catalogue.rosters.get(roster)?.packs ?? 0;
  }

  movedOf(roster: number): number {
    return this.#catalogue.movedOf(roster);
  }

  rows(key: GroupKey, from: number, to: number): readonly IndexRow[] {
    const text = textOf(key);
    const group = this.#groups.get(text);
    if (group === undefined || !hasRows(group.rows, from, to)) {
      const wanted = this.#missing.get(text);
      this.#missing.set(text, { key, from: Math.min(from, wanted?.from ?? from), to: Math.max(to, wanted?.to ?? to) });
      this.misses += 1;
      return [];
    }
    this.#groups.delete(text);
    this.#groups.set(text, group);
    const before = placeOf(group.rows[0]);
    return to - from === group.rows.length ? group.rows : group.rows.slice(from - before, to - before);
  }

  /** Where the bytes of the pack at a position are, of those whose row is here. */
  placeOf(position: number): PackPlace | undefined {
    const rows = this.#atPosition.get(position) ?? [];
    return rows.find(({ row }) => this.#isCurrent(row)) ?? rows.at(-1);
  }

  /** What was missing since the last call. */
  takeMissing(): WantedRows[] {
    const wanted = [...this.#missing.values()];
    this.#missing.clear();
    return wanted;
  }

  /** Fetches groups. Returns their bytes. */
  async fetch(statements: Statements, wanted: readonly WantedRows[]): Promise<number> {
    this.isOutdated = false;
    if (wanted.length === 0) return 0;
    const keys = wanted.map(({ key }) => key);
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
      const decoded = indexRowOf(row, this.channels(Number(row.roster)).length);
      const { roster, level, ordinal } = decoded;
      found
        .get(textOf({ roster, level, group: Math.floor(ordinal / FAN_OUT) }))
        ?.rows.push({ row: decoded, month: Number(row.month), isMerged: Boolean(row.merged) });
      bytes += (row.entries as Buffer).length;
    }
    for (const group of found.values()) {
      this.#drop(group.key);
      this.#append(group.key, group.rows);
    }
    this.isOutdated = wanted.some(({ key, from, to }) => {
      return !hasRows(this.#groups.get(textOf(key))?.rows ?? [], from, to);
    });
    return bytes;
  }

  /** Takes in what was committed by this process; of groups that are not here nothing. */
  add(added: readonly AddedRow[]): void {
    for (const each of added) {
      const { roster, level, ordinal } = each.row;
      const key = { roster, level, group: Math.floor(ordinal / FAN_OUT) };
      const end = (this.#groups.get(textOf(key))?.added.at(-1)?.row.ordinal ?? key.group * FAN_OUT - 1) + 1;
      if (end === ordinal) this.#append(key, [each]);
    }
  }

  /** Lets go of what was used longest ago, where it is too much. */
  trim(): void {
    for (const { key } of this.#groups.values()) {
      if (this.#entries <= ENTRIES_MAX) return;
      this.#drop(key);
    }
  }

  /** Adds rows that follow those of a group that are here. Lists that were handed out stay as they are. */
  #append(key: GroupKey, added: readonly AddedRow[]): void {
    const text = textOf(key);
    const known = this.#groups.get(text);
    const rows = added.map(({ row }) => (row.level === 0 ? this.#withState(row) : row));
    this.#groups.delete(text);
    this.#groups.set(text, {
      key,
      added: [...(known?.added ?? []), ...added],
      rows: [...(known?.rows ?? []), ...rows],
    });
    this.#entries += rows.length * this.channels(key.roster).length;
    if (key.level > 0) return;
    for (const each of added) {
      const { firstPosition: position } = each.row;
      this.#atPosition.set(position, [...(this.#atPosition.get(position) ?? []), each]);
    }
  }

  #drop(key: GroupKey): void {
    const group = this.#groups.get(textOf(key));
    if (group === undefined) return;
    this.#groups.delete(textOf(key));
    this.#entries -= group.rows.length * this.channels(key.roster).length;
    if (key.level > 0) return;
    for (const each of group.added) {
      const { firstPosition: position } = each.row;
      const others = (this.#atPosition.get(position) ?? []).filter((other) => other !== each);
      if (others.length === 0) this.#atPosition.delete(position);
      else this.#atPosition.set(position, others);
    }
  }

  /** True for the row of a pack of its roster as it is known to be. */
  #isCurrent({ roster, ordinal }: IndexRow): boolean {
    return ordinal >= this.movedOf(roster) && ordinal < this.packsOf(roster);
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
}

/**
 * A row of the index as the database gives it.
 * @param members channels of its roster
 */
export function indexRowOf(row: Row, members: number): IndexRow {
  const bytes = row.entries as Buffer;
  let entries: IndexEntries | undefined;
  return {
    roster: Number(row.roster),
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

/** Place of a row in its group. */
function placeOf(row: IndexRow | undefined): number {
  return (row?.ordinal ?? 0) % FAN_OUT;
}

/** True where rows of a group, which follow each other, are those in places [from, to) of it, and perhaps more. */
function hasRows(rows: readonly IndexRow[], from: number, to: number): boolean {
  const first = placeOf(rows[0]);
  return from >= first && to <= first + rows.length;
}
