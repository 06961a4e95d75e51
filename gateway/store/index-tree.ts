import type { Stamp } from '../channel.ts';
import type { Extent } from './block-rows.ts';
import { type IndexEntries, type IndexEntry, mergeEntries } from './index-entries.ts';

/** A row of the index: of a pack at level 0, of an envelope above. */
export interface IndexRow {
  readonly roster: number;
  readonly level: number;
  readonly ordinal: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
  /** Undefined where an envelope covers several boots or stamps. */
  readonly boot: number | undefined;
  readonly stamp: Stamp;
  /** Least and greatest stored time of all blocks, microseconds. */
  readonly timeMin: number;
  readonly timeMax: number;
  /** Why the samples of a pack were given up; undefined where they are there. */
  readonly thinned: string | undefined;
  /** By member of the roster; none where the row is damaged. */
  entries(): IndexEntries;
}

/** The series that a channel's blocks are in. */
export interface Series {
  readonly roster: number;
  /** Place of the channel in the roster. */
  readonly member: number;
}

/**
 * The index of packs and the pyramid above it, wherever its rows are kept. Packs of one roster form a series; an envelope
 * stands over FAN_OUT rows of the level below.
 */
export abstract class IndexTree {
  /** Channels of a roster, ascending. */
  abstract channels(roster: number): readonly number[];

  abstract series(channel: number): readonly Series[];

  /** The rows that cover a roster with as few as can be, in the order the packs were kept; the caller's own list. */
  abstract roots(roster: number): IndexRow[];

  /** What lies under an envelope. */
  abstract children(row: Pick<IndexRow, 'roster' | 'level' | 'ordinal'>): readonly IndexRow[];

  /** The rows of packs under all rows that `enters` says true of, in order. */
  *packs(roster: number, enters: (row: IndexRow) => boolean): IterableIterator<IndexRow> {
    const open = this.roots(roster).reverse();
    for (let row = open.pop(); row !== undefined; row = open.pop()) {
      if (!enters(row)) continue;
      if (row.level === 0) yield row;
      else open.push(...this.children(row).toReversed());
    }
  }

  /**
   * As few rows as cover a roster with each of one boot; not those that are known to be of another than `boot`.
   * @param began position at which that boot was kept: before every pack of it
   */
  *rowsOfOneBoot(roster: number, boot?: number, began = 0): IterableIterator<IndexRow> {
    const open = this.roots(roster);
    for (let row = open.pop(); row !== undefined; row = open.pop()) {
      if (row.lastPosition < began) continue;
      if (row.boot === undefined) open.push(...this.children(row));
      else if (boot === undefined || row.boot === boot) yield row;
    }
  }

  /** What a row says of one channel; undefined where it has nothing of it. */
  extent(row: IndexRow, member: number): Extent | undefined {
    const entry = row.entries()[member];
    return entry === undefined ? undefined : new RowExtent(row, member, entry);
  }
}

/** Reads row and entry where they stand: a chart asks for thousands of extents, and looks at little of each. */
class RowExtent implements Extent {
  readonly member: number;
  readonly #row: IndexRow;
  readonly #entry: IndexEntry;

  constructor(row: IndexRow, member: number, entry: IndexEntry) {
    this.#row = row;
    this.member = member;
    this.#entry = entry;
  }

  get block(): number {
    return this.#entry.block;
  }

  get count(): number {
    return this.#entry.count;
  }

  get firstSequence(): number {
    return this.#entry.firstSequence;
  }

  get endSequence(): number {
    return this.#entry.endSequence;
  }

  get timeMin(): number {
    return this.#entry.timeMin;
  }

  get timeMax(): number {
    return this.#entry.timeMax;
  }

  get node(): IndexEntry['node'] {
    return this.#entry.node;
  }

  get roster(): number {
    return this.#row.roster;
  }

  get level(): number {
    return this.#row.level;
  }

  get ordinal(): number {
    return this.#row.ordinal;
  }

  get firstPosition(): number {
    return this.#row.firstPosition;
  }

  get lastPosition(): number {
    return this.#row.lastPosition;
  }

  get boot(): number | undefined {
    return this.#row.boot;
  }

  get stamp(): Stamp {
    return this.#row.stamp;
  }

  get thinned(): string | undefined {
    return this.#row.thinned;
  }
}

/** What an envelope over rows of a roster of so many members is. */
export function envelopeOver(
  under: readonly IndexRow[],
  members: number,
): (Omit<IndexRow, 'roster' | 'level' | 'ordinal' | 'thinned' | 'entries'> & { entries: IndexEntries }) | undefined {
  const [head] = under;
  const tail = under.at(-1);
  if (head === undefined || tail === undefined) return undefined;
  const isOfOneKind = under.every((row) => row.boot === head.boot && row.stamp === head.stamp);
  const merged = (member: number) =>
    under.reduce<IndexEntry | undefined>((sum, row) => mergeEntries(sum, row.entries()[member]), undefined);
  return {
    firstPosition: head.firstPosition,
    lastPosition: tail.lastPosition,
    boot: isOfOneKind ? head.boot : undefined,
    stamp: head.stamp,
    timeMin: Math.min(...under.map((row) => row.timeMin)),
    timeMax: Math.max(...under.map((row) => row.timeMax)),
    entries: Array.from({ length: members }, (_, member) => merged(member)),
  };
}
