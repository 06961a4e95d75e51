import type { Statement } from 'better-sqlite3';
import type { ClockReading } from '../clock.ts';
import type { StoredChannel } from '../query/telemetry.ts';
import { BlockLookup, runsOf } from './block-lookup.ts';
import {
  type AheadRuns,
  bootOf,
  channelOfRow,
  derivationOf,
  type Extent,
  type FeedItem,
  gapOf,
  type KeptBoot,
  type KeptGap,
  type KeptOutline,
  type Row,
  readingOf,
  type SequenceRun,
} from './block-rows.ts';
import { requireVersion } from './block-schema.ts';
import { type BootSpan, spansOfBoot } from './boot-spans.ts';
import { attempt, type OnDamage, readableRows } from './damage.ts';
import { type Database, openDatabase } from './database.ts';
import type { Derivation } from './derivation.ts';
import { type BootPlace, Feed, LAST_POSITION } from './feed.ts';
import { type GatewayHolding, gatewayBytes, gatewayHoldings } from './gateway-holdings.ts';
import { GivenUp } from './given-up.ts';
import { importOf, type KeptImport } from './kept-import.ts';
import { decodeParts, type MergedPart } from './merge/merged-parts.ts';
import { KeptOutlines } from './outline/kept-outlines.ts';
import { type IndexRow, PackIndex } from './pack-index.ts';
import { RememberedRows } from './remembered-rows.ts';
import { GAP_SUMS, type GapSum, type SequenceAccount, sequenceAccounts } from './sequence-accounts.ts';
import { UNSEALED_KEY } from './unsealed-before.ts';

/** Where a restored store keeps the id of its feed: the positions it gives out were given out before, for other things. */
export const FEED_KEY = 'feed';

/** Begins the keys in `meta` under which a central remembers what came ahead of its turn; `[]` where nothing did. */
export const AHEAD_KEY = 'ahead of ';

/** Damaged rows that are told one by one. At the maximum: further ones cost as little, and are not told. */
const DAMAGE_TOLD_MAX = 1000;

/** Key in `meta` of what changes whenever rows of the index are changed or go. */
export const INDEX_VERSION = 'index version';

/** Pages cached for the large database. */
const CACHE_KIB = 8 * 1024;

/** Reads the large database: channels, boots, the UTC map, blocks with their envelopes, gaps. Any number may at a time. */
export class BlockReader {
  protected readonly db: Database;
  readonly #statements = new Map<string, Statement>();
  protected readonly index: PackIndex;
  protected readonly givenUp: GivenUp;
  protected readonly keptOutlines = new KeptOutlines((text) => this.sql(text));

  readonly #lookup: BlockLookup;
  readonly #feed: Feed;
  /** Names of channels by id, which never change. */
  readonly #names = new Map<number, string>();
  readonly #onDamage: OnDamage;

  protected constructor(db: Database, onDamage: OnDamage = () => {}, remembered?: RememberedRows<IndexRow>) {
    this.db = db;
    const told = new Set<string>();
    this.#onDamage = (what) => {
      if (told.has(what) || told.size >= DAMAGE_TOLD_MAX) return;
      told.add(what);
      onDamage(what);
    };
    this.index = new PackIndex(db, this.#onDamage, remembered);
    this.#lookup = new BlockLookup(this.index);
    this.givenUp = new GivenUp((text) => this.sql(text), this.#onDamage);
    this.#feed = new Feed(
      (text) => this.sql(text),
      (position, cause) => this.packAsGaps(position, cause),
    );
  }

  /**
   * Opens the database for reading only.
   * @param cacheKiB memory for its pages; less where each is read once
   * @param onDamage told of rows that cannot be read: they cost what they are of, and no more
   * @throws CaissonError `store-unusable`
   */
  static openReadonly(path: string, cacheKiB: number = CACHE_KIB, onDamage?: OnDamage): BlockReader {
    const db = openDatabase(path, { cacheKiB, readonly: true });
    requireVersion(db, path);
    return new BlockReader(db, onDamage, new RememberedRows<IndexRow>());
  }

  close(): void {
    this.db.close();
  }

  /** Runs `read` on one state of the database, whatever is committed meanwhile. */
  snapshot<Result>(read: () => Result): Result {
    if (this.db.inTransaction) return read();
    this.sql('BEGIN').run();
    try {
      this.index.hold(this.state(), () => this.indexVersion());
      return read();
    } finally {
      this.index.release();
      // Not COMMIT, which fails where a damaged page was met.
      this.sql('ROLLBACK').run();
    }
  }

  /** Of the snapshot: another one after every commit that was not made on this connection. */
  state(): number {
    return Number((this.sql('PRAGMA data_version').get() as Row).data_version);
  }

  /** Another one after every commit, and after every change on this connection. */
  version(): string {
    const changes = this.sql('SELECT total_changes()').pluck().get();
    return `${this.state()} ${changes}`;
  }

  meta(key: string): string | undefined {
    const row = this.sql('SELECT value FROM meta WHERE key = ?').get(key) as Row | undefined;
    return row === undefined ? undefined : String(row.value);
  }

  /** Id of the feed of a store that was restored; undefined for any other. */
  feedId(): string | undefined {
    return this.meta(FEED_KEY);
  }

  /** Changes whenever samples are given up. */
  indexVersion(): string | undefined {
    return this.meta(INDEX_VERSION);
  }

  /** Per channel and boot of which blocks were dropped: one past the last sequence number dropped. */
  droppedEnds(): { readonly channel: number; readonly boot: number; readonly end: number }[] {
    return this.givenUp.accounts().filter(({ dropped }) => dropped > 0);
  }

  cursor(gateway: string): number {
    const row = this.sql('SELECT position FROM cursors WHERE gateway = ?').get(gateway) as Row | undefined;
    return Number(row?.position ?? 0);
  }

  /** Channels kept or redefined after `position`, with the position to go on from. */
  channelsAfter(position: number): { channels: StoredChannel[]; position: number } {
    const rows = this.#readable(
      'SELECT id, position, gateway, name, definition FROM channels WHERE position > ? ORDER BY position',
      position,
    );
    return {
      channels: rows.flatMap((row) => {
        const read = attempt(() => channelOfRow(row));
        if ('damage' in read) this.#onDamage(`channel ${row.id}: ${read.damage}`);
        return 'value' in read ? [read.value] : [];
      }),
      position: Number(rows.at(-1)?.position ?? position),
    };
  }

  /** Where the feed told of each channel for the first time, by id. */
  channelBeginnings(): Map<number, number> {
    const rows = this.#readable('SELECT id, first_position FROM channels ORDER BY id');
    return new Map(rows.map(({ id, first_position: position }) => [Number(id), Number(position)]));
  }

  /** Every boot, oldest first, with those that hold derived samples. */
  boots(): KeptBoot[] {
    return this.#readable('SELECT * FROM boots ORDER BY id').map(bootOf);
  }

  /** Every recording that was imported, oldest first. */
  imports(): KeptImport[] {
    return this.#readable('SELECT * FROM imports ORDER BY boot').map(importOf);
  }

  /** Boots of derived samples that were kept after `position`, with the position to go on from. */
  derivedBootsAfter(position: number): { boots: { boot: number; origin: number }[]; position: number } {
    const sql = 'SELECT position, id, origin FROM boots WHERE position > ? ORDER BY position';
    const rows = this.#readable(sql, position);
    const derived = rows.filter(({ origin }) => origin !== null);
    return {
      boots: derived.map(({ id, origin }) => ({ boot: Number(id), origin: Number(origin) })),
      position: Number(rows.at(-1)?.position ?? position),
    };
  }

  /** Derivations kept after `position`, with the position to go on from. */
  derivationsAfter(position: number): { derivations: Derivation[]; position: number } {
    const rows = this.#readable(
      `SELECT derivations.*, boots.origin FROM derivations JOIN boots ON boots.id = derivations.boot
       WHERE derivations.position > ? ORDER BY derivations.position`,
      position,
    );
    return { derivations: rows.map(derivationOf), position: Number(rows.at(-1)?.position ?? position) };
  }

  /** Version of the newest derivation of a gateway, 0 where there is none. */
  newestVersion(gateway: string): number {
    const row = this.sql(
      'SELECT MAX(version) AS version FROM derivations JOIN boots ON boots.id = derivations.boot WHERE gateway = ?',
    ).get(gateway) as Row;
    return Number(row.version ?? 0);
  }

  /** What blocks hold of each channel in `boot`; asked once for all channels, because that reads each row once. */
  spansOfBoot(boot: number): BootSpan[] {
    const began = this.#positionOf(boot);
    // Every pack of a boot was kept after the boot.
    return spansOfBoot(boot, began, this.lastPackPosition() > began ? this.index : undefined, this.givenUp);
  }

  /** By channel: one past the last sequence number of `boot` that is in a gap. */
  gapEndsOfBoot(boot: number): Map<number, number> {
    const rows = this.sql(
      `SELECT channels.id AS channel, MAX(first_sequence + count) AS next
       FROM channels CROSS JOIN gaps ON gaps.channel = channels.id AND gaps.boot = ? GROUP BY channels.id`,
    ).all(boot) as Row[];
    return new Map(rows.map(({ channel, next }) => [Number(channel), Number(next)]));
  }

  /** Rows of the UTC map after `position`, with the position to go on from. */
  clockAfter(position: number): { rows: { boot: number; reading: ClockReading }[]; position: number } {
    const rows = this.#readable('SELECT * FROM clock WHERE position > ? ORDER BY position', position);
    return {
      rows: rows.map((row) => ({ boot: Number(row.boot), reading: readingOf(row) })),
      position: Number(rows.at(-1)?.position ?? position),
    };
  }

  /** Identity of the blocks kept after `position`, up to `upTo`, of so many packs: what a follower of the journal may forget. */
  blocksAfter(
    position: number,
    upTo: number = Number.MAX_SAFE_INTEGER,
    packsMax: number = Number.MAX_SAFE_INTEGER,
  ): { position: number; channel: number; boot: number; firstSequence: number; count: number }[] {
    const rows = this.#readable(
      'SELECT position, roster, ordinal FROM packs WHERE position > ? AND position <= ? ORDER BY position',
      position,
      Math.min(upTo, this.#packsFrom(position, packsMax)),
    );
    return rows.flatMap((row) => this.#blocksOf(row));
  }

  /** Packs kept after `position`, up to `upTo`, at most so many; `isWhole` where they have their samples. */
  packsAfter(
    position: number,
    upTo: number,
    packsMax: number,
  ): { position: number; roster: number; size: number; isWhole: boolean }[] {
    const rows = this.sql(
      `SELECT position, roster, size, bytes IS NOT NULL AS whole FROM packs
       WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`,
    ).all(position, upTo, packsMax) as { position: number; roster: number; size: number; whole: number }[];
    return rows.map(({ whole, ...row }) => ({ ...row, isWhole: whole === 1 }));
  }

  /** What the pack at a position was made of; undefined for one as it was sealed. */
  partsAt(position: number): MergedPart[] | undefined {
    const parts = this.sql(
      'SELECT parts FROM packs JOIN merged USING (roster, ordinal) WHERE position = ? AND bytes IS NOT NULL',
    )
      .pluck()
      .get(position) as Buffer | undefined;
    return parts && decodeParts(parts);
  }

  /** Channels of a roster, ascending. */
  channelsOfRoster(roster: number): readonly number[] {
    return this.index.channels(roster);
  }

  /** The first packs kept after `position`, at most so many: their bytes, and the box time of that boot at which each was kept. */
  packSizesAfter(position: number, packsMax: number): { position: number; boot: number; kept: number; size: number }[] {
    const sql = 'SELECT position, boot, kept, size FROM packs WHERE position > ? ORDER BY position LIMIT ?';
    return (this.sql(sql).all(position, packsMax) as Row[]).map((row) => ({
      position: Number(row.position),
      boot: Number(row.boot),
      kept: Number(row.kept),
      size: Number(row.size),
    }));
  }

  /** Position of the newest pack, 0 where there is none. */
  lastPackPosition(): number {
    return this.#lastOf('packs');
  }

  /** The gaps kept after `position`. */
  gapsAfter(position: number): (KeptGap & { readonly position: number })[] {
    const rows = this.#readable('SELECT * FROM gaps WHERE position > ? ORDER BY position', position);
    return rows.map((row) => ({ ...gapOf(row), position: Number(row.position) }));
  }

  /** Position of the newest gap, 0 where there is none. */
  lastGapPosition(): number {
    return this.#lastOf('gaps');
  }

  /** True when a gap holds that sequence number. */
  hasGap(channel: number, boot: number, sequence: number): boolean {
    return (this.sql(GAP_RUNS).all({ channel, boot, from: sequence, to: sequence + 1 }) as Row[]).length > 0;
  }

  /** One past the last sequence number of a channel and boot that is in a block; 0 where there is none. */
  sealedEnd(channel: number, boot: number): number {
    return this.#blockEnd(channel, boot, Number.MAX_SAFE_INTEGER);
  }

  /**
   * One past the greatest sequence number of a channel and boot that is in a block or gap which begins before `before`.
   * Gaps are kept at once and blocks later: samples with lesser numbers may still be in no block.
   */
  nextSequence(channel: number, boot: number, before: number = Number.MAX_SAFE_INTEGER): number {
    const row = this.sql(
      `SELECT first_sequence + count AS next FROM gaps WHERE channel = ? AND boot = ? AND first_sequence < ?
       ORDER BY first_sequence DESC LIMIT 1`,
    ).get(channel, boot, before) as Row | undefined;
    return Math.max(Number(row?.next ?? 0), this.#blockEnd(channel, boot, before));
  }

  /** Blocks and gaps of a channel and boot that hold sequence numbers of [from, to), in their order. */
  runs(channel: number, boot: number, from: number, to: number): SequenceRun[] {
    // Gaps do not overlap, so that of all that begin before `from` only the last can reach into the range.
    const gaps = (this.sql(GAP_RUNS).all({ channel, boot, from, to }) as Row[]).map(gapOf);
    return runsOf(this.blocksHolding(channel, boot, from, to), gaps);
  }

  /** Greatest stored time of a channel and boot in blocks before a sequence number; -Infinity where there is none. */
  reachBefore(channel: number, boot: number, sequence: number): number {
    return this.#lookup.reachBefore(channel, boot, sequence);
  }

  /** Blocks of a channel and boot that hold sequence numbers of [from, to). */
  blocksHolding(channel: number, boot: number, from: number, to: number): Extent[] {
    return this.#lookup.holding(channel, boot, from, to);
  }

  /** The extents that cover all blocks of a channel with as few as can be; of each roster in the order they were kept. */
  roots(channel: number): Extent[] {
    return this.#lookup.roots(channel);
  }

  /** What lies directly under an envelope. */
  children(extent: Extent): Extent[] {
    return this.#lookup.children(extent);
  }

  /** Blocks of a channel that may hold a stored time in [from, to], by time. */
  overlapping(channel: number, from: number, to: number): Extent[] {
    return this.#lookup.overlapping(channel, from, to);
  }

  /** The block of a channel with the greatest stored time; of several the one kept last. */
  newest(channel: number): Extent | undefined {
    return this.#lookup.newest(channel);
  }

  /** Greatest stored time of all blocks in box time, microseconds; 0 where there is none. */
  lastTime(): number {
    return Number(this.meta('last time') ?? 0);
  }

  /** Name of the channel that an extent is of. */
  channelOf({ roster, member }: Pick<Extent, 'roster' | 'member'>): string {
    const id = this.index.channels(roster)[member] ?? 0;
    let name = this.#names.get(id);
    if (name === undefined) {
      name = String(this.sql('SELECT name FROM channels WHERE id = ?').pluck().get(id));
      this.#names.set(id, name);
    }
    return name;
  }

  /** The bytes of a pack; undefined when it is gone or thinned. */
  packBytes(position: number): Uint8Array | undefined {
    const row = this.sql('SELECT bytes FROM packs WHERE position = ?').get(position) as
      | { bytes: Buffer | null }
      | undefined;
    return row?.bytes ?? undefined;
  }

  /** True where the pack at `position` is there and not thinned, or it cannot be read whether it is. */
  hasPack(position: number): boolean {
    const sql = this.sql('SELECT 1 FROM packs WHERE position = ? AND bytes IS NOT NULL');
    const read = attempt(() => sql.get(position));
    return 'damage' in read || read.value !== undefined;
  }

  /** What the pack at `position` stands for, as if its blocks were gaps: to be told where its bytes are damaged. */
  packAsGaps(position: number, cause: string): KeptGap[] {
    const row = this.sql('SELECT roster, ordinal FROM packs WHERE position = ?').get(position) as Row | undefined;
    return row === undefined ? [] : this.rowAsGaps(Number(row.roster), Number(row.ordinal), cause);
  }

  /** The same of a row of the index, whatever of `packs` can be read. */
  rowAsGaps(roster: number, ordinal: number, cause: string): KeptGap[] {
    const [pack] = this.index.rows(roster, 0, ordinal, ordinal + 1);
    if (pack === undefined) return [];
    const channels = this.index.channels(pack.roster);
    return pack.entries().flatMap((entry, member) => {
      const channel = channels[member];
      if (entry === undefined || channel === undefined) return [];
      const { firstSequence, count, timeMin: from, timeMax: to } = entry;
      return [{ channel, boot: pack.boot ?? 0, firstSequence, count, from, to, cause }];
    });
  }

  /** Blocks of a channel whose samples were given up and whose stored times touch [from, to], by time. */
  thinned(channel: number, from: number, to: number): Extent[] {
    if (!this.givenUp.hasThinned(channel)) return [];
    return this.overlapping(channel, from, to).filter((extent) => extent.thinned !== undefined);
  }

  /** Gaps of a channel whose stored times touch [from, to], with what was given up of it and is in no index any more. */
  gaps(channel: number, from: number, to: number): KeptGap[] {
    const sql = 'SELECT * FROM gaps WHERE channel = ? AND time_to >= ? AND time_from <= ? ORDER BY position';
    const gaps = this.#readable(sql, channel, from, to).map(gapOf);
    const dropped = this.givenUp.dropped(channel, from, to).map(({ end: _, ...gap }) => gap);
    return [...gaps, ...dropped].sort((a, b) => a.from - b.from);
  }

  /** True where samples of a channel were given up while what the index says of them stays. */
  hasThinned(channel: number): boolean {
    return this.givenUp.hasThinned(channel);
  }

  /**
   * Gaps of a channel, and what was given up of it and is in no index any more; `end` is one past the last number of a run, in
   * which more numbers may lie than lack.
   */
  missing(channel: number): (KeptGap & { readonly end: number })[] {
    const gaps = this.#readable('SELECT * FROM gaps WHERE channel = ? ORDER BY position', channel).map(gapOf);
    return [
      ...gaps.map((gap) => ({ ...gap, end: gap.firstSequence + gap.count })),
      ...this.givenUp.dropped(channel, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY),
    ];
  }

  /** What became of the sequence numbers of every channel and boot. */
  accounts(): SequenceAccount[] {
    const gaps = this.sql(GAP_SUMS).all() as GapSum[];
    return sequenceAccounts(this.index, this.index.rosters(), this.givenUp.accounts(), gaps);
  }

  /** What came to be after `after`, at most `itemsMax` steps and, but for the first, `bytesMax` bytes of packs; only of `gateway` where one is named. */
  feed(after: number, itemsMax: number, bytesMax: number, gateway?: string): FeedItem[] {
    // Of one state: what a look finds may be merged or given up before the next.
    return this.snapshot(() => this.#feed.after(after, itemsMax, bytesMax, gateway));
  }

  /** The last boots of the feed at or before a position, in their order; only of `gateway` where one is named. */
  bootsUpTo(position: number, gateway?: string): BootPlace[] {
    return this.#feed.bootsUpTo(position, gateway);
  }

  /** The last position that was ever given out, also to what was dropped since: a cursor behind it must miss nothing. */
  lastPosition(): number {
    return Math.max(this.#feed.lastPosition(), Number(this.meta(LAST_POSITION) ?? 0));
  }

  /** Bytes of the packs that have their samples, by gateway, as the last commit left them. */
  gatewayBytes(): Map<string, number> {
    return gatewayBytes((text) => this.sql(text));
  }

  /** What is held of each gateway, in sums. @param since stored time from which on losses are counted once more, microseconds */
  holdings(since: number): GatewayHolding[] {
    return this.snapshot(() => gatewayHoldings((text) => this.sql(text), since));
  }

  /** Outlines of a channel, of samples that have not come, that touch stored times [from, to], by boot and first number. */
  outlines(channel: number, from: number, to: number): KeptOutline[] {
    return this.keptOutlines.touching(channel, from, to);
  }

  /** False while samples are here that came ahead of their turn, or may still be sealed: what is missing before them may come. */
  isSettled(): boolean {
    const sql = `SELECT 1 FROM meta WHERE key >= ? AND key < ? AND value <> '[]' LIMIT 1`;
    return this.meta(UNSEALED_KEY) !== '1' && this.sql(sql).get(AHEAD_KEY, `${AHEAD_KEY}\uffff`) === undefined;
  }

  /** What came ahead of its turn, over any way, and whose turn has not come. */
  ahead(): AheadRuns[] {
    const sql = 'SELECT value FROM meta WHERE key >= ? AND key < ?';
    const lists = this.sql(sql).pluck().all(AHEAD_KEY, `${AHEAD_KEY}\uffff`) as string[];
    return lists.flatMap((list) => JSON.parse(list) as AheadRuns[]);
  }

  /** True where there are any. */
  hasOutlines(): boolean {
    return this.keptOutlines.isAny();
  }

  /** As {@link Feed.terms}. */
  terms(after: number, itemsMax: number): FeedItem[] {
    return this.snapshot(() => this.#feed.terms(after, itemsMax));
  }

  /** As {@link Feed.packsBefore}. */
  packsBefore(before: number, after: number, packsMax: number): number[] {
    return this.#feed.packsBefore(before, after, packsMax);
  }

  /** As {@link Feed.packRosters}. */
  packRosters(after: number, packsMax: number): { readonly position: number; readonly roster: number }[] {
    return this.#feed.packRosters(after, packsMax);
  }

  /** As {@link Feed.rosterNames}. */
  rosterNames(roster: number): string[] {
    return this.#feed.rosterNames(roster);
  }

  /** As {@link Feed.packAt}. */
  packAt(position: number): Extract<FeedItem, { kind: 'pack' }> | undefined {
    return this.#feed.packAt(position);
  }

  /** As {@link Feed.hasMoreThan}. */
  hasMoreThan(bytes: number, after: number): boolean {
    return this.#feed.hasMoreThan(bytes, after);
  }

  /** One past the greatest sequence number of a channel and boot in blocks that begin before `before`. */
  #blockEnd(channel: number, boot: number, before: number): number {
    const dropped = this.givenUp.droppedEnd(channel, boot);
    return this.#lookup.endBefore(channel, boot, before, dropped <= before ? dropped : 0);
  }

  /** The greatest position of a table, of those that can be read. */
  #lastOf(table: 'packs' | 'gaps'): number {
    const newest = this.sql(`SELECT MAX(position) AS position FROM ${table}`);
    const read = attempt(() => newest.get() as Row);
    const row = 'value' in read ? read.value : this.#readable(`SELECT position FROM ${table} ORDER BY position`).at(-1);
    return Number(row?.position ?? 0);
  }

  /** Position at which a boot was kept: before every pack of it. */
  #positionOf(boot: number): number {
    const row = this.sql('SELECT position FROM boots WHERE id = ?').get(boot) as Row | undefined;
    return Number(row?.position ?? 0);
  }

  /** Position of the `count`th pack after `position`; of so many that there are fewer, the greatest number. */
  #packsFrom(position: number, count: number): number {
    if (count >= Number.MAX_SAFE_INTEGER) return count;
    const sql = 'SELECT position FROM packs WHERE position > ? ORDER BY position LIMIT 1 OFFSET ?';
    const last = this.sql(sql)
      .pluck()
      .get(position, count - 1) as number | undefined;
    return last ?? Number.MAX_SAFE_INTEGER;
  }

  #packRow(pack: Row): IndexRow[] {
    const ordinal = Number(pack.ordinal);
    return this.index.rows(Number(pack.roster), 0, ordinal, ordinal + 1);
  }

  #blocksOf(pack: Row): { position: number; channel: number; boot: number; firstSequence: number; count: number }[] {
    return this.#packRow(pack).flatMap((row) => {
      const channels = this.index.channels(row.roster);
      return row.entries().flatMap((entry, member) => {
        const channel = channels[member];
        if (entry === undefined || channel === undefined) return [];
        const { firstSequence, count } = entry;
        return [{ position: row.firstPosition, channel, boot: row.boot ?? 0, firstSequence, count }];
      });
    });
  }

  /** Rows in the order at the end of `sql`, without those that are damaged. */
  #readable(sql: string, ...args: readonly unknown[]): Row[] {
    return readableRows<Row>(this.sql(sql), this.sql(`${sql} DESC`), args, (damage) =>
      this.#onDamage(`${tableOf(sql)}: ${damage}`),
    );
  }

  /** Statements are prepared once; their text is the key. */
  protected sql(text: string): Statement {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.db.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }
}

function tableOf(sql: string): string {
  return `table ${/ FROM (\w+)/.exec(sql)?.[1] ?? ''}`;
}

const GAP_RUNS = `SELECT * FROM gaps
  WHERE channel = @channel AND boot = @boot AND first_sequence < @to AND first_sequence + count > @from AND first_sequence >= COALESCE(
    (SELECT MAX(first_sequence) FROM gaps WHERE channel = @channel AND boot = @boot AND first_sequence <= @from), @from)`;
