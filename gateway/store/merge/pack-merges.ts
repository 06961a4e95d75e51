import type { Statement } from 'better-sqlite3';
import type { ChannelClass } from '../../channel.ts';
import { FAN_OUT } from '../block-schema.ts';
import { encodeEntries, type IndexEntries } from '../index-entries.ts';
import type { PackIndex } from '../pack-index.ts';
import type { PackTotals } from '../pack-totals.ts';
import type { NewRow, RowPlacement } from '../row-placement.ts';
import { crossingsOf } from './crossed-packs.ts';
import { type MergeSource, SMALL_SAMPLES_MAX } from './merge-plan.ts';
import { decodeParts, encodeParts, type MergedPart } from './merged-parts.ts';

/** Levels of the pyramid whose envelopes tell that there is nothing to merge under them, the highest first. */
const SKIPPED_LEVELS = [5, 4, 3, 2, 1] as const;

/** A pack that is to stand in the place of several of its series. */
export interface Replacement {
  readonly roster: number;
  /** Those that go, in the order of the series; the new one takes position and ordinal of the last. */
  readonly sources: readonly MergeSource[];
  readonly bytes: Uint8Array;
  /** By member of the roster. */
  readonly entries: IndexEntries;
  readonly parts: readonly MergedPart[];
}

export interface PackMergesParts {
  readonly sql: (text: string) => Statement;
  readonly index: PackIndex;
  readonly placement: RowPlacement;
  readonly totals: PackTotals;
  readonly gatewayOf: (boot: number) => string;
  /** Told that rows of the index were changed. */
  readonly onChanged: () => void;
}

/** What merging asks of the large database, and what it does to it. */
export class PackMerges {
  readonly #parts: PackMergesParts;

  constructor(parts: PackMergesParts) {
    this.#parts = parts;
  }

  /** Ids of all rosters. */
  rosters(): number[] {
    return this.#parts.index.rosters();
  }

  /** Channels of a roster, ascending. */
  channels(roster: number): readonly number[] {
    return this.#parts.index.channels(roster);
  }

  /** Ordinal of the newest pack of a series, -1 where there is none. It stays: the next one counts on from it. */
  lastOrdinal(roster: number): number {
    return this.#parts.index.lastOrdinal(roster, 0);
  }

  /** Ordinal up to which a series was merged so often, or more often; -1 where it was not. */
  mergedTo(roster: number, merges: number): number {
    const sql = 'SELECT MAX(ordinal) FROM merged WHERE roster = ? AND merges >= ?';
    return Number((this.#parts.sql(sql).pluck().get(roster, merges) as number | null) ?? -1);
  }

  /** Ordinal of the first pack from `from` on that may be worth a look; undefined where there is none. */
  nextOrdinal(roster: number, from: number): number | undefined {
    const { index } = this.#parts;
    for (let next = index.firstOrdinal(roster, from); next !== undefined; ) {
      const start = next;
      const level = SKIPPED_LEVELS.find((each) => this.#isLarge(roster, each, start));
      if (level === undefined) return start;
      next = index.firstOrdinal(roster, start + FAN_OUT ** level);
    }
    return undefined;
  }

  /**
   * The packs with ordinals [from, to) in their order; undefined for each that stays as it is.
   * @param periodOf by position
   */
  sources(
    roster: number,
    { from, to }: { readonly from: number; readonly to: number },
    mergesMax: number,
    periodOf: (position: number) => number,
  ): (MergeSource | undefined)[] {
    const { index, sql } = this.#parts;
    const merges = sql('SELECT merges FROM merged WHERE roster = ? AND ordinal = ?').pluck();
    const pack = sql('SELECT class, size FROM packs WHERE position = ? AND bytes IS NOT NULL');
    return index.rows(roster, 0, from, to).map((row) => {
      const { ordinal, firstPosition: position, boot, stamp, thinned } = row;
      const merged = Number((merges.get(roster, ordinal) as number | undefined) ?? 0);
      const entries = row.entries();
      if (boot === undefined || thinned !== undefined || merged > mergesMax || entries.length === 0) return undefined;
      const held = pack.get(position) as { class: ChannelClass; size: number } | undefined;
      if (held === undefined) return undefined;
      return { position, ordinal, boot, stamp, merges: merged, period: periodOf(position), entries, ...held };
    });
  }

  /** What a merged pack was made of; undefined for one as it was sealed. */
  partsOf(roster: number, { ordinal, merges }: MergeSource): MergedPart[] | undefined {
    if (merges === 0) return undefined;
    const sql = 'SELECT parts FROM merged WHERE roster = ? AND ordinal = ?';
    return decodeParts(this.#parts.sql(sql).pluck().get(roster, ordinal) as Buffer);
  }

  /** As {@link crossingsOf}. */
  crossings(roster: number, sources: readonly MergeSource[]): number[] {
    return crossingsOf(this.#parts.index, roster, sources);
  }

  /**
   * Puts one pack in the place of several; belongs in a transaction. False, and nothing is changed, where one of them is not
   * as it was.
   */
  replace({ roster, sources, bytes, entries, parts }: Replacement): boolean {
    const { sql, placement, totals, gatewayOf, onChanged } = this.#parts;
    const [first] = sources;
    const last = sources.at(-1);
    if (first === undefined || last === undefined) return false;
    const held = sql('SELECT size FROM packs WHERE position = ? AND bytes IS NOT NULL').pluck();
    if (!sources.every(({ position, size }) => held.get(position) === size)) return false;

    for (const { position } of sources) {
      if (position !== last.position) sql('DELETE FROM packs WHERE position = ?').run(position);
    }
    sql('UPDATE packs SET size = ?, bytes = ? WHERE position = ?').run(bytes.length, bytes, last.position);
    const { position, ordinal, boot, stamp } = last;
    placement.replace(sources, { position, roster, ordinal, boot, stamp, ...spanOf(entries) });
    this.#dropEnvelopes(roster, first.ordinal, ordinal);
    sql('DELETE FROM merged WHERE roster = ? AND ordinal BETWEEN ? AND ?').run(roster, first.ordinal, ordinal);
    const merges = Math.max(...sources.map((source) => source.merges)) + 1;
    sql('INSERT INTO merged VALUES (?, ?, ?, ?)').run(roster, ordinal, merges, encodeParts(parts));
    totals.replace(gatewayOf(boot), last.class, {
      packs: 1 - sources.length,
      blocks: countOf(entries) - sources.reduce((sum, source) => sum + countOf(source.entries), 0),
      bytes: bytes.length - sources.reduce((sum, { size }) => sum + size, 0),
    });
    onChanged();
    return true;
  }

  /** Envelopes that cover some of the ordinals [first, last] go; those that cover all are the sum of what they cover as before. */
  #dropEnvelopes(roster: number, first: number, last: number): void {
    for (let level = 1; ; level += 1) {
      const [from, to] = [Math.floor(first / FAN_OUT ** level), Math.floor(last / FAN_OUT ** level)];
      if (from === to) return;
      this.#parts
        .sql('DELETE FROM envelopes WHERE roster = ? AND level = ? AND ordinal BETWEEN ? AND ?')
        .run(roster, level, from, to);
    }
  }

  /** True where an envelope of `level` begins at `start` and tells of blocks that are large. */
  #isLarge(roster: number, level: number, start: number): boolean {
    const packs = FAN_OUT ** level;
    if (start % packs !== 0) return false;
    const [row] = this.#parts.index.rows(roster, level, start / packs, start / packs + 1);
    return row?.entries().some((entry) => (entry?.count ?? 0) > packs * SMALL_SAMPLES_MAX) ?? false;
  }
}

function countOf(entries: IndexEntries): number {
  return entries.filter((entry) => entry !== undefined).length;
}

function spanOf(entries: IndexEntries): Pick<NewRow, 'timeMin' | 'timeMax' | 'entries'> {
  const present = entries.filter((entry) => entry !== undefined);
  return {
    timeMin: Math.min(...present.map(({ timeMin }) => timeMin)),
    timeMax: Math.max(...present.map(({ timeMax }) => timeMax)),
    entries: encodeEntries(entries),
  };
}
