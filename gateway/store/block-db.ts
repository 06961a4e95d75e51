import type { ChannelClass, ChannelDefinition } from '../channel.ts';
import type { ClockReading } from '../clock.ts';
import { BlockReader, INDEX_VERSION } from './block-reader.ts';
import { gapOf, type KeptBlock, type KeptGap, type KeptOutline, type KeptPack, type Row } from './block-rows.ts';
import { createSchema, damaged, FAN_OUT, requireVersion } from './block-schema.ts';
import { damageOf, type OnDamage } from './damage.ts';
import { type Database, openDatabase } from './database.ts';
import { encodeDefinition } from './definition-bytes.ts';
import { type Derivation, encodeSpans } from './derivation.ts';
import { isDiskTrouble } from './disk-room.ts';
import { LAST_POSITION } from './feed.ts';
import { type GivenUpSoFar, GiveUp, type HeldPack } from './give-up.ts';
import { encodeEntries, type IndexEntry } from './index-entries.ts';
import { envelopeOver } from './index-tree.ts';
import type { KeptImport } from './kept-import.ts';
import { type BlockOutcome, outcomeOf, singlePack } from './known-block.ts';
import { PackMerges } from './merge/pack-merges.ts';
import { countGateways, PackTotals } from './pack-totals.ts';
import { RECENT_CHANGES } from './recent-rows.ts';
import { decodeRoster, encodeRoster, RosterBook } from './roster.ts';
import { RECENT_MAX, type RecentMax, RowPlacement } from './row-placement.ts';

export type { Extent, FeedItem, KeptBlock, KeptGap, KeptPack, SequenceRun } from './block-rows.ts';
export type { BlockOutcome } from './known-block.ts';

/** Pages cached for the large database. */
const CACHE_KIB = 8 * 1024;

/** The large database, to be read and written; one process does. */
export class BlockDb extends BlockReader {
  #nextPosition = 1;
  #rosters = new RosterBook();
  /** Next ordinal by roster. */
  readonly #ordinals = new Map<number, number>();
  /** First box time by boot. */
  readonly #started = new Map<number, number>();
  /** By boot. */
  readonly #gateways = new Map<number, string>();
  /** One past the last sequence number in blocks, by boot and channel; of those that were asked for. */
  readonly #ends = new Map<number, Map<number, number>>();
  readonly #placement: RowPlacement;
  readonly #totals: PackTotals;
  readonly #giveUp: GiveUp;
  /** Merging of packs into larger ones. */
  readonly merges: PackMerges;

  private constructor(db: Database, recentMax: RecentMax, onDamage?: OnDamage) {
    super(db, onDamage);
    this.#placement = new RowPlacement((text) => this.sql(text), this.index, recentMax);
    this.#totals = new PackTotals((key) => this.meta(key), this.gatewayBytes());
    this.#giveUp = new GiveUp({
      sql: (text) => this.sql(text),
      placement: this.#placement,
      totals: this.#totals,
      givenUp: this.givenUp,
      packAsGaps: (position, cause) => this.packAsGaps(position, cause),
      gatewayOf: (boot) => this.#gatewayOf(boot),
      onNewestRecentGone: () => this.#count(RECENT_CHANGES),
    });
    this.merges = new PackMerges({
      sql: (text) => this.sql(text),
      index: this.index,
      placement: this.#placement,
      totals: this.#totals,
      gatewayOf: (boot) => this.#gatewayOf(boot),
      onChanged: () => this.#count(INDEX_VERSION),
    });
  }

  /**
   * Opens the database, making it if it is not there.
   * @param recentMax how many rows of the index wait to be placed; fewer where a test wants to see them placed
   * @param onDamage told of rows that cannot be read
   * @throws CaissonError `store-unusable`
   */
  static open(path: string, recentMax = RECENT_MAX, onDamage?: OnDamage): BlockDb {
    const db = openDatabase(path, { cacheKiB: CACHE_KIB });
    createSchema(db);
    requireVersion(db, path);
    try {
      countGateways(db);
      const blocks = new BlockDb(db, recentMax, onDamage);
      blocks.#nextPosition = blocks.lastPosition() + 1;
      blocks.#learnRosters();
      return blocks;
    } catch (error) {
      db.close();
      const damage = isDiskTrouble(error) ? undefined : damageOf(error);
      throw damage === undefined ? error : damaged(path, damage, error);
    }
  }

  /** Runs `change` as one transaction; when it returns, the change is on disk, fsynced. */
  transaction<Result>(change: () => Result): Result {
    const before = this.#remember();
    try {
      return this.db
        .transaction(() => {
          const result = change();
          before.keepTotals();
          return result;
        })
        .immediate();
    } catch (error) {
      before.restore();
      throw error;
    }
  }

  /**
   * As {@link BlockDb.transaction}, of a change that waits for something; nothing else may be done with this connection
   * meanwhile. {@link BlockDb.transaction} within it is part of it.
   */
  async longTransaction<Result>(change: () => Promise<Result>): Promise<Result> {
    const before = this.#remember();
    this.db.exec('BEGIN IMMEDIATE');
    try {
      const result = await change();
      before.keepTotals();
      this.db.exec('COMMIT');
      return result;
    } catch (error) {
      // A disk that is full may have ended it.
      if (this.db.inTransaction) this.db.exec('ROLLBACK');
      before.restore();
      throw error;
    }
  }

  /** What is known from memory beside the database, before a transaction. */
  #remember(): { readonly keepTotals: () => void; readonly restore: () => void } {
    const position = this.#nextPosition;
    if (!this.db.inTransaction) this.#totals.settle();
    const totals = this.#totals.now;
    return {
      keepTotals: () => {
        if (this.#totals.now !== totals) this.#totals.keep((key, value) => this.keepMeta(key, value));
      },
      restore: () => {
        this.#nextPosition = position;
        this.#totals.now = totals;
        this.#learnRosters();
      },
    };
  }

  // Each of the following belongs inside a transaction.

  keepMeta(key: string, value: string): void {
    this.sql('INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value').run(key, value);
  }

  /**
   * Returns the local id of a boot, kept now if it is new.
   * @param started its first box time, microseconds
   * @param origin local id of the boot that its samples derive from; undefined where they are taken in
   */
  keepBoot(gateway: string, boot: string, started: number, origin?: number): number {
    const known = this.sql('SELECT id FROM boots WHERE gateway = ? AND boot = ?').get(gateway, boot) as Row | undefined;
    if (known !== undefined) return Number(known.id);
    const position = this.#takePosition();
    return Number(
      this.sql('INSERT INTO boots (position, gateway, boot, started, origin) VALUES (?, ?, ?, ?, ?)').run(
        ...[position, gateway, boot, started, origin ?? null],
      ).lastInsertRowid,
    );
  }

  /** A boot ended as it should, at box time `ended`, microseconds. */
  keepBootEnd(boot: number, ended: number): void {
    this.sql('UPDATE boots SET ended = ? WHERE id = ?').run(ended, boot);
  }

  /**
   * Keeps a channel's definition, or another one of a channel that is there.
   * @param id what the channel is known as, or the caller chose; without one it is new to the store, and gets an id
   */
  keepChannel(gateway: string, definition: ChannelDefinition, id?: number): number {
    const bytes = encodeDefinition(definition);
    const known = id === undefined ? undefined : this.#channelRow(id);
    if (id === undefined || known === undefined) {
      const position = this.#takePosition();
      const { lastInsertRowid } = this.sql('INSERT INTO channels VALUES (?, ?, ?, ?, ?, ?)').run(
        ...[id ?? null, position, position, gateway, definition.name, bytes],
      );
      return Number(lastInsertRowid);
    }
    if (known.gateway !== gateway || known.name !== definition.name) {
      throw new Error(`channel ${id} is ${known.name} of ${known.gateway}, not ${definition.name} of ${gateway}`);
    }
    if (!known.definition.equals(bytes)) {
      this.sql('UPDATE channels SET definition = ?, position = ? WHERE id = ?').run(bytes, this.#takePosition(), id);
    }
    return id;
  }

  /** Adds a row of the UTC map, once. */
  keepClock(boot: number, reading: ClockReading): void {
    const { time, offset, error, source } = reading;
    const known = this.sql('SELECT 1 FROM clock WHERE boot = ? AND time = ? AND offset = ? AND source = ?').get(
      boot,
      time,
      offset,
      source,
    );
    if (known !== undefined) return;
    this.sql('INSERT INTO clock VALUES (?, ?, ?, ?, ?, ?)').run(
      this.#takePosition(),
      boot,
      time,
      offset,
      error,
      source,
    );
  }

  /**
   * Keeps a pack: each of its blocks under its identity, once. Blocks that are known, with the same content, are not kept
   * again, however they are packed; other content for sequence numbers that are accounted for is kept apart, never merged.
   * The bytes stay as they are, whether all of their blocks are new or one. Returns what became of each block.
   */
  keepPack(pack: KeptPack): BlockOutcome[] {
    const { boot, blocks, bytes } = pack;
    const outcomes = blocks.map((block, index) => outcomeOf(this, pack, block, index));
    for (const [index, block] of blocks.entries()) {
      if (outcomes[index] === 'conflict') this.#keepConflict(boot, block, singlePack(bytes, index));
    }
    const fresh = blocks.flatMap((block, index) => (outcomes[index] === 'kept' ? [{ block, index }] : []));
    if (fresh.length > 0) this.#insertPack(pack, fresh);
    return outcomes;
  }

  /**
   * Gives up packs of a class, oldest first, while `goesOn` says so: their samples (thin), or of thinned ones what the index
   * says of them, and every envelope over them (drop). Returns their number.
   */
  giveUp(
    packClass: ChannelClass,
    act: 'thin' | 'drop',
    cause: string,
    goesOn: (pack: HeldPack, done: GivenUpSoFar) => boolean,
  ): number {
    const packs = this.#giveUp.run(packClass, act, cause, goesOn);
    if (packs > 0) this.#count(INDEX_VERSION);
    if (act === 'drop' && packs > 0) this.keepMeta(LAST_POSITION, String(this.#nextPosition - 1));
    return packs;
  }

  /** The samples of these packs are given up, what the index says of them stays. Returns what went. */
  retire(positions: readonly number[], cause: string): ReturnType<GiveUp['thin']> {
    const gone = this.#giveUp.thin(positions, cause);
    if (gone.packs > 0) this.#count(INDEX_VERSION);
    return gone;
  }

  /** The oldest pack of a class that has its samples, or of which they were given up. */
  oldestPack(packClass: ChannelClass, state: 'whole' | 'thinned'): HeldPack | undefined {
    return this.#giveUp.oldest(packClass, state);
  }

  /** Bytes of packs that have their samples, by class. */
  classBytes(): Readonly<Record<ChannelClass, number>> {
    const { critical, standard, bulk } = this.#totals.now.classes;
    return { critical: critical.bytes, standard: standard.bytes, bulk: bulk.bytes };
  }

  /** Bytes of pages in use, and of pages that wait to be used again. */
  pageBytes(): { readonly used: number; readonly free: number } {
    const pageBytes = Number(this.db.pragma('page_size', { simple: true }));
    const pages = Number(this.db.pragma('page_count', { simple: true }));
    const free = Number(this.db.pragma('freelist_count', { simple: true }));
    return { used: (pages - free) * pageBytes, free: free * pageBytes };
  }

  /** Gives up to so many free pages back to the disk. Not inside a transaction. */
  vacuum(pages: number): void {
    if (this.pageBytes().free === 0) return;
    this.db.pragma(`incremental_vacuum(${pages})`);
    // The file becomes shorter when the write-ahead log is taken over, which a store that has come to rest would not do.
    this.db.pragma('wal_checkpoint(PASSIVE)');
  }

  /**
   * Adds a gap to the ledger, once. One that goes on where another of the same cause ends lets that one grow, which moves it
   * to the end of the feed: what is refused for days is one row.
   */
  keepGap(gap: KeptGap): void {
    const { channel, boot, firstSequence, count, from, to, cause } = gap;
    const before = this.sql(
      'SELECT * FROM gaps WHERE channel = ? AND boot = ? AND first_sequence <= ? ORDER BY first_sequence DESC LIMIT 1',
    ).get(channel, boot, firstSequence) as Row | undefined;
    const known = before === undefined ? undefined : gapOf(before);
    const end = known === undefined ? 0 : known.firstSequence + known.count;
    if (known?.firstSequence === firstSequence || end > firstSequence) return;
    if (known !== undefined && known.cause === cause && known.count > 0 && count > 0 && end === firstSequence) {
      this.sql('UPDATE gaps SET position = ?, count = ?, time_from = ?, time_to = ? WHERE position = ?').run(
        ...[this.#takePosition(), known.count + count, Math.min(known.from, from), Math.max(known.to, to)],
        Number(before?.position),
      );
      return;
    }
    this.sql('INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
      ...[this.#takePosition(), channel, boot, firstSequence, count, from, to, cause],
    );
  }

  /** Takes back a gap that turned out not to be one. */
  dropGap(channel: number, boot: number, firstSequence: number): void {
    this.sql('DELETE FROM gaps WHERE channel = ? AND boot = ? AND first_sequence = ?').run(
      channel,
      boot,
      firstSequence,
    );
  }

  /** Keeps an outline of samples that have not come, in the place of one with the same first number. */
  keepOutline(outline: KeptOutline): void {
    this.keptOutlines.keep(outline);
  }

  /** Forgets outlines that lie in numbers of [from, to) with all of theirs. */
  dropOutlines(channel: number, boot: number, from: number, to: number): void {
    this.keptOutlines.drop(channel, boot, from, to);
  }

  /** Keeps a derivation, once: from now on its samples are shown. They must have been kept before. */
  keepDerivation({ boot, version, made, spans, channels, recipe }: Omit<Derivation, 'origin'>): void {
    if (this.sql('SELECT 1 FROM derivations WHERE boot = ?').get(boot) !== undefined) return;
    this.sql('INSERT INTO derivations VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
      ...[this.#takePosition(), boot, version, made, encodeSpans(spans.arrival), encodeSpans(spans.device)],
      ...[encodeRoster(channels.toSorted((a, b) => a - b)), JSON.stringify(recipe)],
    );
  }

  /** Keeps that a recording was imported; its samples must have been kept before. */
  keepImport({ boot, digest, file, made, samples, from, to, recipe }: KeptImport): void {
    this.sql('INSERT INTO imports VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
      ...[boot, digest, file, made, samples, from, to, recipe],
    );
  }

  /** How far the feed of `gateway` was taken over; belongs in the transaction that keeps its items. */
  keepCursor(gateway: string, position: number): void {
    this.sql('INSERT INTO cursors VALUES (?, ?) ON CONFLICT (gateway) DO UPDATE SET position = excluded.position').run(
      gateway,
      position,
    );
  }

  /** Blocks kept and the bytes of their packs; of a writing connection only. */
  get totals(): { readonly blocks: number; readonly bytes: number } {
    return this.#totals.now;
  }

  /** True where a gap has sequence numbers of [first, end). */
  touchesGap(channel: number, boot: number, first: number, end: number): boolean {
    const row = this.sql(
      'SELECT first_sequence + count AS next FROM gaps WHERE channel = ? AND boot = ? AND first_sequence < ? ORDER BY first_sequence DESC LIMIT 1',
    ).get(channel, boot, end) as Row | undefined;
    return row !== undefined && Number(row.next) > first;
  }

  /** One past the last sequence number of a channel and boot in blocks, from memory where it was asked for before. */
  endOf(channel: number, boot: number): number {
    const ends = this.#endsOf(boot);
    let end = ends.get(channel);
    if (end === undefined) {
      end = this.sealedEnd(channel, boot);
      ends.set(channel, end);
    }
    return end;
  }

  #endsOf(boot: number): Map<number, number> {
    let ends = this.#ends.get(boot);
    if (ends === undefined) {
      ends = new Map();
      this.#ends.set(boot, ends);
    }
    return ends;
  }

  #insertPack(
    { boot, stamp, class: packClass, bytes }: KeptPack,
    fresh: readonly { readonly block: KeptBlock; readonly index: number }[],
  ): void {
    const channels = fresh.map(({ block }) => block.channel).sort((a, b) => a - b);
    const roster = this.#rosterOf(channels);
    const members = this.index.channels(roster);
    const entries: (IndexEntry | undefined)[] = members.map(() => undefined);
    for (const { block, index } of fresh) {
      const { channel, firstSequence, count, timeMin, timeMax, node } = block;
      const endSequence = firstSequence + count;
      entries[members.indexOf(channel)] = { block: index, count, firstSequence, endSequence, timeMin, timeMax, node };
      const ends = this.#endsOf(boot);
      ends.set(channel, Math.max(ends.get(channel) ?? 0, endSequence));
    }
    const position = this.#takePosition();
    const ordinal = this.#takeOrdinal(roster);
    const timeMin = Math.min(...fresh.map(({ block }) => block.timeMin));
    const timeMax = Math.max(...fresh.map(({ block }) => block.timeMax));
    const kept = Math.max(this.#totals.now.lastTime, this.#startedOf(boot));
    this.sql('INSERT INTO packs VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
      ...[position, roster, ordinal, boot, packClass, kept, bytes.length, bytes],
    );
    this.#placement.add({
      ...{ position, roster, ordinal, boot, stamp, timeMin, timeMax },
      entries: encodeEntries(entries),
    });
    this.#totals.add({
      gateway: this.#gatewayOf(boot),
      class: packClass,
      position,
      blocks: fresh.length,
      bytes: bytes.length,
      lastTime: stamp === 'arrival' ? timeMax : Number.NEGATIVE_INFINITY,
    });
    if ((ordinal + 1) % FAN_OUT === 0) this.#raisePyramid(roster, 1, (ordinal + 1) / FAN_OUT - 1);
  }

  /** Makes the envelope `ordinal` of `level` from the rows under it, and those above that it completes. */
  #raisePyramid(roster: number, level: number, ordinal: number): void {
    const under = this.index.cover(roster, level - 1, ordinal * FAN_OUT, (ordinal + 1) * FAN_OUT);
    const envelope = envelopeOver(under, this.index.channels(roster).length);
    if (envelope !== undefined) {
      const { firstPosition, lastPosition, boot, stamp, timeMin, timeMax, entries } = envelope;
      this.sql('INSERT INTO envelopes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
        ...[roster, level, ordinal, firstPosition, lastPosition, boot ?? null, stamp, timeMin, timeMax],
        encodeEntries(entries),
      );
    }
    if ((ordinal + 1) % FAN_OUT === 0) this.#raisePyramid(roster, level + 1, (ordinal + 1) / FAN_OUT - 1);
  }

  /** Makes a number in `meta` another one. */
  #count(key: string): void {
    this.keepMeta(key, String(Number(this.meta(key) ?? 0) + 1));
  }

  #channelRow(id: number): { gateway: string; name: string; definition: Buffer } | undefined {
    return this.sql('SELECT gateway, name, definition FROM channels WHERE id = ?').get(id) as
      | { gateway: string; name: string; definition: Buffer }
      | undefined;
  }

  /** First box time of a boot, microseconds. */
  #startedOf(boot: number): number {
    let started = this.#started.get(boot);
    if (started === undefined) {
      started = Number((this.sql('SELECT started FROM boots WHERE id = ?').get(boot) as Row | undefined)?.started ?? 0);
      this.#started.set(boot, started);
    }
    return started;
  }

  #gatewayOf(boot: number): string {
    let gateway = this.#gateways.get(boot);
    if (gateway === undefined) {
      const row = this.sql('SELECT gateway FROM boots WHERE id = ?').get(boot) as Row | undefined;
      if (row === undefined) throw new Error(`no boot ${boot}`);
      gateway = String(row.gateway);
      this.#gateways.set(boot, gateway);
    }
    return gateway;
  }

  #rosterOf(channels: readonly number[]): number {
    const choice = this.#rosters.choose(channels);
    if ('roster' in choice) return choice.roster;
    const { lastInsertRowid } = this.sql('INSERT INTO rosters (channels) VALUES (?)').run(
      encodeRoster(choice.channels),
    );
    const roster = Number(lastInsertRowid);
    this.#rosters.add(roster, choice.channels);
    return roster;
  }

  /** Reads anew what is known from memory: a transaction that failed took back part of it. */
  #learnRosters(): void {
    this.#ordinals.clear();
    this.#started.clear();
    this.#gateways.clear();
    this.#ends.clear();
    this.index.forget();
    this.#placement.learn();
    this.#rosters = new RosterBook();
    for (const row of this.sql('SELECT id, channels FROM rosters').all() as Row[]) {
      this.#rosters.add(Number(row.id), decodeRoster(row.channels as Buffer));
    }
  }

  #keepConflict(boot: number, { channel, firstSequence }: KeptBlock, bytes: Uint8Array): void {
    const known = this.sql(
      'SELECT 1 FROM conflicts WHERE channel = ? AND boot = ? AND first_sequence = ? AND bytes = ?',
    ).get(channel, boot, firstSequence, bytes);
    if (known !== undefined) return;
    this.sql('INSERT INTO conflicts VALUES (?, ?, ?, ?, ?)').run(channel, boot, firstSequence, Date.now() * 1e3, bytes);
  }

  #takeOrdinal(roster: number): number {
    let ordinal = this.#ordinals.get(roster);
    if (ordinal === undefined) {
      ordinal = this.index.lastOrdinal(roster, 0) + 1;
    }
    this.#ordinals.set(roster, ordinal + 1);
    return ordinal;
  }

  #takePosition(): number {
    const position = this.#nextPosition;
    this.#nextPosition += 1;
    return position;
  }
}
