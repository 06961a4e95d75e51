import type { Extent, KeptGap, SequenceRun } from './block-rows.ts';
import type { IndexEntry } from './index-entries.ts';
import type { IndexRow, IndexTree } from './index-tree.ts';

/** Finds blocks in an index: by time, by sequence number, the newest. Ranges descend the pyramid. */
export class BlockLookup {
  readonly #index: IndexTree;

  constructor(index: IndexTree) {
    this.#index = index;
  }

  /** Greatest stored time of a channel and boot in blocks before a sequence number; -Infinity where there is none. */
  reachBefore(channel: number, boot: number, sequence: number): number {
    let reach = Number.NEGATIVE_INFINITY;
    const visit = (rows: readonly IndexRow[], member: number) => {
      for (const row of rows) {
        const entry = row.boot === undefined || row.boot === boot ? row.entries()[member] : undefined;
        if (entry === undefined || entry.timeMax <= reach) continue;
        if (row.boot !== undefined && entry.firstSequence >= sequence) continue;
        if (row.boot !== undefined && entry.endSequence <= sequence) reach = entry.timeMax;
        else if (row.level > 0) visit(this.#index.children(row), member);
      }
    };
    for (const { roster, member } of this.#index.series(channel)) visit(this.#index.roots(roster).reverse(), member);
    return reach;
  }

  /** Blocks of a channel and boot that hold sequence numbers of [from, to). */
  holding(channel: number, boot: number, from: number, to: number): Extent[] {
    return this.#blocks(channel, (row) => {
      if (row.boot !== undefined && row.boot !== boot) return false;
      if (row.boot === undefined) return true;
      return (entry) => entry.firstSequence < to && entry.endSequence > from;
    });
  }

  /** The extents that cover all blocks of a channel with as few as can be; of each roster in the order they were kept. */
  roots(channel: number): Extent[] {
    return this.#index
      .series(channel)
      .flatMap(({ roster, member }) => this.#extents(this.#index.roots(roster), member));
  }

  /** What lies directly under an envelope. */
  children(extent: Extent): Extent[] {
    return this.#extents(this.#index.children(extent), extent.member);
  }

  /** Blocks of a channel that may hold a stored time in [from, to], by time. */
  overlapping(channel: number, from: number, to: number): Extent[] {
    return this.#blocks(channel, (row) => {
      if (row.timeMax < from || row.timeMin > to) return false;
      return (entry) => entry.timeMax >= from && entry.timeMin <= to;
    }).sort((a, b) => a.timeMin - b.timeMin || a.firstPosition - b.firstPosition);
  }

  /** The block of a channel with the greatest stored time; of several the one kept last. */
  newest(channel: number): Extent | undefined {
    let newest: Extent | undefined;
    const isNewer = ({ timeMax, lastPosition }: Extent) =>
      newest === undefined ||
      timeMax > newest.timeMax ||
      (timeMax === newest.timeMax && lastPosition > newest.lastPosition);
    const visit = (extents: Extent[]) => {
      for (const extent of extents.sort((a, b) => b.timeMax - a.timeMax || b.lastPosition - a.lastPosition)) {
        if (!isNewer(extent)) continue;
        if (extent.level === 0) newest = extent;
        else visit(this.children(extent));
      }
    };
    visit(this.roots(channel));
    return newest;
  }

  /**
   * One past the greatest sequence number of a channel and boot in blocks that begin before `before`.
   * @param least what is known without looking
   */
  endBefore(channel: number, boot: number, before: number, least: number): number {
    let end = least;
    const visit = (rows: readonly IndexRow[], member: number) => {
      for (const row of rows) {
        if (row.boot !== undefined && row.boot !== boot) continue;
        const entry = row.entries()[member];
        if (entry === undefined) continue;
        if (row.boot !== undefined && (entry.firstSequence >= before || entry.endSequence <= end)) continue;
        if (row.boot !== undefined && (row.level === 0 || entry.endSequence <= before)) end = entry.endSequence;
        else if (row.level > 0) visit(this.#index.children(row).toReversed(), member);
      }
    };
    for (const { roster, member } of this.#index.series(channel)) visit(this.#index.roots(roster).reverse(), member);
    return end;
  }

  /** Blocks of a channel under all rows that `enters` lets in: wholly, not at all, or where it says true of the entry. */
  #blocks(channel: number, enters: (row: IndexRow) => boolean | ((entry: IndexEntry) => boolean)): Extent[] {
    return this.#index.series(channel).flatMap(({ roster, member }) => {
      const isIn = (row: IndexRow) => {
        const answer = enters(row);
        if (answer === false) return false;
        const entry = row.entries()[member];
        return entry !== undefined && (answer === true || answer(entry));
      };
      return this.#extents([...this.#index.packs(roster, isIn)], member);
    });
  }

  #extents(rows: readonly IndexRow[], member: number): Extent[] {
    return rows.flatMap((row) => this.#index.extent(row, member) ?? []);
  }
}

/** Blocks and gaps of one channel and boot in the order of their sequence numbers. */
export function runsOf(blocks: readonly Extent[], gaps: readonly KeptGap[]): SequenceRun[] {
  const runs: SequenceRun[] = blocks.map((block) => ({
    kind: 'block',
    firstSequence: block.firstSequence,
    count: block.count,
    from: block.timeMin,
    to: block.timeMax,
    cause: '',
  }));
  for (const { firstSequence, count, from, to, cause } of gaps) {
    runs.push({ kind: 'gap', firstSequence, count, from, to, cause });
  }
  return runs.sort((a, b) => a.firstSequence - b.firstSequence);
}
