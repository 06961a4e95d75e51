import type { ClockReading } from '../../../gateway/clock.ts';
import type { BlockSource } from '../../../gateway/query/block-source.ts';
import type { StoredChannel } from '../../../gateway/query/telemetry.ts';
import { BlockLookup } from '../../../gateway/store/block-lookup.ts';
import type { AheadRuns, Extent, KeptBoot, KeptGap, KeptOutline } from '../../../gateway/store/block-rows.ts';
import { FAN_OUT } from '../../../gateway/store/block-schema.ts';
import type { Derivation } from '../../../gateway/store/derivation.ts';
import { type SequenceAccount, sequenceAccounts } from '../../../gateway/store/sequence-accounts.ts';
import { AheadCache } from './ahead-cache.ts';
import { Catalogue } from './catalogue.ts';
import type { PostgresDatabase } from './database.ts';
import { GapCache } from './gap-cache.ts';
import { OutlineCache } from './outline-cache.ts';
import { PackCache } from './pack-cache.ts';
import { type FetchingSource, Questions } from './questions.ts';
import { retiredAccounts } from './retired-accounts.ts';
import { SeriesIndex } from './series-index.ts';

/** What the questions of the moment have fetched beside the index. */
interface Fetched {
  readonly packs: PackCache;
  readonly gaps: GapCache;
  readonly outlines: OutlineCache;
  readonly ahead: AheadCache;
}

function nothingFetched(): Fetched {
  return { packs: new PackCache(), gaps: new GapCache(), outlines: new OutlineCache(), ahead: new AheadCache() };
}

/**
 * Blocks in PostgreSQL, for queries: the same synchronous logic runs over what was fetched ({@link Questions}). Each round
 * fetches a level of the pyramid, so that there are few.
 */
export class PostgresBlocks implements BlockSource, FetchingSource {
  readonly #db: PostgresDatabase;
  readonly #catalogue = new Catalogue();
  readonly #index = new SeriesIndex(this.#catalogue);
  readonly #lookup = new BlockLookup(this.#index);
  readonly #questions = new Questions(this);
  #fetched = nothingFetched();

  constructor(db: PostgresDatabase) {
    this.#db = db;
  }

  /**
   * Answers a question from what was committed before it.
   * @param answer asks of this; it may be called several times, of which the last counts
   * @throws CaissonError `store-failed`, `query-limit`, and what `answer` throws
   */
  ask<Answer>(answer: () => Answer): Promise<Answer> {
    return this.#questions.ask(answer);
  }

  learn(): Promise<void> {
    return this.#db.read((statements) => this.#catalogue.learn(statements));
  }

  begin(): void {
    this.#fetched = nothingFetched();
  }

  get misses(): number {
    const { packs, gaps, outlines, ahead } = this.#fetched;
    return this.#index.misses + packs.misses + gaps.misses + outlines.misses + ahead.misses;
  }

  fetch(): Promise<number> {
    const { packs, gaps, outlines, ahead } = this.#fetched;
    const groups = this.#index.takeMissing();
    return this.#db.read(async (statements) => {
      // Gaps and blocks of one state: what was missing may have come.
      if (gaps.isMissing) await this.#catalogue.learn(statements);
      await gaps.fetch(statements, this.#catalogue.version);
      const bytes = (await this.#index.fetch(statements, groups)) + (await packs.fetch(statements));
      // They were merged or retired since, and so long ago that what was there is gone.
      if (this.#index.isOutdated || packs.isOutdated) await this.#catalogue.learn(statements);
      return bytes + (await outlines.fetch(statements)) + (await ahead.fetch(statements));
    });
  }

  trim(): void {
    this.#index.trim();
  }

  close(): void {}

  snapshot<Result>(read: () => Result): Result {
    return read();
  }

  state(): number {
    return this.#catalogue.version;
  }

  boots(): KeptBoot[] {
    return [...this.#catalogue.boots];
  }

  channelsAfter(position: number): { channels: StoredChannel[]; position: number } {
    const { channels } = this.#catalogue;
    return { channels: channels.slice(position), position: channels.length };
  }

  clockAfter(position: number): { rows: { boot: number; reading: ClockReading }[]; position: number } {
    const { clock } = this.#catalogue;
    return { rows: clock.slice(position), position: clock.length };
  }

  derivedBootsAfter(position: number): { boots: { boot: number; origin: number }[]; position: number } {
    const { boots } = this.#catalogue;
    const derived = boots
      .slice(position)
      .flatMap(({ id, origin }) => (origin === undefined ? [] : [{ boot: id, origin }]));
    return { boots: derived, position: boots.length };
  }

  derivationsAfter(position: number): { derivations: Derivation[]; position: number } {
    const { derivations } = this.#catalogue;
    return { derivations: derivations.slice(position), position: derivations.length };
  }

  channelOf({ roster, member }: Pick<Extent, 'roster' | 'member'>): string {
    return this.#catalogue.nameOf(this.#index.channels(roster)[member] ?? 0);
  }

  packBytes(position: number): Uint8Array | undefined {
    return this.#fetched.packs.bytes(position, this.#index.placeOf(position));
  }

  hasPack(): boolean {
    return true;
  }

  rowAsGaps(roster: number, ordinal: number, cause: string): KeptGap[] {
    const place = ordinal % FAN_OUT;
    const [row] = this.#index.rows({ roster, level: 0, group: Math.floor(ordinal / FAN_OUT) }, place, place + 1);
    const channels = this.#index.channels(roster);
    return (row?.entries() ?? []).flatMap((entry, member) => {
      const channel = channels[member];
      if (entry === undefined || channel === undefined) return [];
      const { firstSequence, count, timeMin: from, timeMax: to } = entry;
      return [{ channel, boot: row?.boot ?? 0, firstSequence, count, from, to, cause }];
    });
  }

  thinned(channel: number, from: number, to: number): Extent[] {
    if (!this.hasThinned(channel)) return [];
    return this.overlapping(channel, from, to).filter((extent) => extent.thinned !== undefined);
  }

  hasThinned(channel: number): boolean {
    return this.#index.series(channel).some(({ roster }) => this.#catalogue.retiredOf(roster) > 0);
  }

  missing(channel: number): (KeptGap & { readonly end: number })[] {
    const gaps = this.#fetched.gaps.of(channel, this.#catalogue.version);
    return gaps.map((gap) => ({ ...gap, end: gap.firstSequence + gap.count }));
  }

  gaps(channel: number, from: number, to: number): KeptGap[] {
    return this.#fetched.gaps
      .of(channel, this.#catalogue.version)
      .filter((gap) => gap.to >= from && gap.from <= to)
      .sort((a, b) => a.from - b.from);
  }

  accounts(): SequenceAccount[] {
    const gaps = this.#fetched.gaps.sums(this.#catalogue.version);
    const rosters = [...this.#catalogue.rosters.keys()];
    const retired = retiredAccounts(this.#index, rosters, (roster) => this.#catalogue.retiredOf(roster));
    return sequenceAccounts(this.#index, rosters, retired, gaps);
  }

  outlines(channel: number, from: number, to: number): KeptOutline[] {
    return this.#fetched.outlines.touching(channel, from, to);
  }

  ahead(gateway: string): readonly AheadRuns[] {
    return this.#fetched.ahead.of(gateway);
  }

  roots(channel: number): Extent[] {
    return this.#lookup.roots(channel);
  }

  children(extent: Extent): Extent[] {
    return this.#lookup.children(extent);
  }

  overlapping(channel: number, from: number, to: number): Extent[] {
    return this.#lookup.overlapping(channel, from, to);
  }

  newest(channel: number): Extent | undefined {
    return this.#lookup.newest(channel);
  }

  reachBefore(channel: number, boot: number, sequence: number): number {
    return this.#lookup.reachBefore(channel, boot, sequence);
  }

  blocksHolding(channel: number, boot: number, from: number, to: number): Extent[] {
    return this.#lookup.holding(channel, boot, from, to);
  }
}
