import { FAN_OUT } from '../../../gateway/store/block-schema.ts';
import { envelopeOver, type IndexRow, type Series } from '../../../gateway/store/index-tree.ts';
import type { KeptRoster } from './catalogue.ts';
import { GroupedIndex, type GroupKey, textOf } from './grouped-index.ts';
import type { SeriesIndex } from './series-index.ts';

/** The index as it will be once a transaction is committed. */
export class DraftIndex extends GroupedIndex {
  readonly #kept: SeriesIndex;
  /** Rosters that are new, or have other numbers of packs. */
  readonly rosters = new Map<number, KeptRoster>();
  readonly #series = new Map<number, Series[]>();
  /** Rows that are new, in the order in which they were added. */
  readonly added: IndexRow[] = [];
  readonly #addedRows = new Map<string, IndexRow[]>();

  constructor(kept: SeriesIndex) {
    super();
    this.#kept = kept;
  }

  channels(roster: number): readonly number[] {
    return this.rosters.get(roster)?.channels ?? this.#kept.channels(roster);
  }

  series(channel: number): readonly Series[] {
    const added = this.#series.get(channel);
    const kept = this.#kept.series(channel);
    return added === undefined ? kept : [...kept, ...added];
  }

  packsOf(roster: number): number {
    return this.rosters.get(roster)?.packs ?? this.#kept.packsOf(roster);
  }

  movedOf(roster: number): number {
    return this.#kept.movedOf(roster);
  }

  rows(key: GroupKey, from: number, to: number): readonly IndexRow[] {
    const added = this.#addedRows.get(textOf(key));
    if (added === undefined) return this.#kept.rows(key, from, to);
    const before = (added[0]?.ordinal ?? 0) % FAN_OUT;
    const own = added.slice(Math.max(0, from - before), Math.max(0, to - before));
    if (from >= before) return own;
    const kept = this.#kept.rows(key, from, Math.min(to, before));
    // What is missing is noted: this draft will not be the last.
    return kept.length === 0 ? [] : [...kept, ...own];
  }

  /** @param source of one that takes what moves from another, that one */
  addRoster(roster: number, channels: readonly number[], source?: number): void {
    this.rosters.set(roster, { id: roster, channels, packs: 0, source });
    for (const [member, channel] of channels.entries()) {
      const series = this.#series.get(channel);
      if (series === undefined) this.#series.set(channel, [{ roster, member }]);
      else series.push({ roster, member });
    }
  }

  /** Adds the row of a pack, as the last of its roster, and the envelopes that it completes. */
  addPack(pack: Omit<IndexRow, 'level' | 'ordinal'>): void {
    const { roster } = pack;
    const ordinal = this.packsOf(roster);
    this.#add({ ...pack, level: 0, ordinal });
    const known = this.rosters.get(roster) ?? this.#kept.roster(roster);
    if (known !== undefined) this.rosters.set(roster, { ...known, packs: ordinal + 1 });
    if ((ordinal + 1) % FAN_OUT === 0) this.#raise(roster, 1, Math.floor(ordinal / FAN_OUT));
  }

  #raise(roster: number, level: number, ordinal: number): void {
    // Over packs that moved none is needed.
    if (ordinal * FAN_OUT ** level < this.movedOf(roster)) return;
    const under = this.rows({ roster, level: level - 1, group: ordinal }, 0, FAN_OUT);
    const envelope = envelopeOver(under, this.channels(roster).length);
    if (envelope === undefined) return;
    const { entries } = envelope;
    this.#add({ ...envelope, roster, level, ordinal, thinned: undefined, entries: () => entries });
    if ((ordinal + 1) % FAN_OUT === 0) this.#raise(roster, level + 1, Math.floor(ordinal / FAN_OUT));
  }

  #add(row: IndexRow): void {
    this.added.push(row);
    const { roster, level, ordinal } = row;
    const text = textOf({ roster, level, group: Math.floor(ordinal / FAN_OUT) });
    const rows = this.#addedRows.get(text);
    if (rows === undefined) this.#addedRows.set(text, [row]);
    else rows.push(row);
  }
}
