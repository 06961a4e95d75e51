import type { Statement } from 'better-sqlite3';
import type { ChannelDefinition } from '../channel.ts';
import type { ClockReading, ClockSource } from '../clock.ts';
import { CaissonError } from '../errors.ts';
import type { StoredChannel } from '../query/telemetry.ts';
import { type Database, openDatabase } from './database.ts';
import { decodeNodeValues, type EnvelopeNode, encodeNodeValues, mergeNodes } from './envelope-node.ts';

const SCHEMA_VERSION = 1;

/** Pages cached for the large database. */
const CACHE_KIB = 8 * 1024;

/** Blocks under one node of the pyramid's next level. */
export const FAN_OUT = 16;

/**
 * The schema. Every row of `channels`, `boots`, `clock`, `blocks` and `gaps` has its `position` from one counter, so that
 * one number is a cursor over everything that a central must know, in the order in which it came to be. An envelope of
 * level n covers FAN_OUT^n blocks of one channel, in the order they were kept.
 */
const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE boots (
  id INTEGER PRIMARY KEY, position INTEGER NOT NULL UNIQUE, gateway TEXT NOT NULL, boot TEXT NOT NULL, started REAL NOT NULL, ended REAL,
  UNIQUE (gateway, boot)) STRICT;
CREATE TABLE channels (
  id INTEGER PRIMARY KEY, position INTEGER NOT NULL UNIQUE, gateway TEXT NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL,
  UNIQUE (gateway, name)) STRICT;
CREATE TABLE clock (
  position INTEGER PRIMARY KEY, boot INTEGER NOT NULL REFERENCES boots, time REAL NOT NULL, offset REAL NOT NULL,
  error REAL NOT NULL, source TEXT NOT NULL) STRICT;
CREATE TABLE blocks (
  position INTEGER PRIMARY KEY, channel INTEGER NOT NULL, boot INTEGER NOT NULL, first_sequence INTEGER NOT NULL,
  count INTEGER NOT NULL, time_min INTEGER NOT NULL, time_max INTEGER NOT NULL,
  ordinal INTEGER NOT NULL, node BLOB, bytes BLOB NOT NULL,
  UNIQUE (channel, boot, first_sequence)) STRICT;
CREATE INDEX blocks_by_time ON blocks (channel, time_max, time_min);
CREATE UNIQUE INDEX blocks_by_ordinal ON blocks (channel, ordinal);
CREATE TABLE envelopes (
  channel INTEGER NOT NULL, level INTEGER NOT NULL, ordinal INTEGER NOT NULL, boot INTEGER, count INTEGER NOT NULL,
  time_min INTEGER NOT NULL, time_max INTEGER NOT NULL, node BLOB,
  PRIMARY KEY (channel, level, ordinal)) STRICT, WITHOUT ROWID;
CREATE TABLE gaps (
  position INTEGER PRIMARY KEY, channel INTEGER NOT NULL, boot INTEGER NOT NULL, first_sequence INTEGER NOT NULL,
  count INTEGER NOT NULL, time_from INTEGER NOT NULL, time_to INTEGER NOT NULL, cause TEXT NOT NULL,
  UNIQUE (channel, boot, first_sequence)) STRICT;
CREATE TABLE conflicts (
  channel INTEGER NOT NULL, boot INTEGER NOT NULL, first_sequence INTEGER NOT NULL, met REAL NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE TABLE cursors (gateway TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** A block as the database keeps it: identity, extent, and the bytes that travel. */
export interface KeptBlock {
  readonly channel: number;
  readonly boot: number;
  readonly firstSequence: number;
  readonly count: number;
  /** Least and greatest stored time, microseconds. */
  readonly timeMin: number;
  readonly timeMax: number;
  /** Absent for text. */
  readonly node: EnvelopeNode | undefined;
  readonly bytes: Uint8Array;
}

/** Missing samples, with sequence numbers of their own. Times as stored, microseconds, both inclusive. */
export interface KeptGap {
  readonly channel: number;
  readonly boot: number;
  readonly firstSequence: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly cause: string;
}

/** Where a block or an envelope of blocks lies, without its bytes. Level 0 is a block, then `position` reads it. */
export interface Extent {
  readonly level: number;
  readonly ordinal: number;
  readonly position: number;
  /** Undefined where an envelope covers several boots. */
  readonly boot: number | undefined;
  readonly count: number;
  readonly timeMin: number;
  readonly timeMax: number;
  readonly node: EnvelopeNode | undefined;
}

/** One step of the log that a central follows, in the order in which it came to be. */
export type FeedItem =
  | {
      readonly kind: 'boot';
      readonly position: number;
      readonly gateway: string;
      readonly boot: string;
      readonly started: number;
    }
  | {
      readonly kind: 'channel';
      readonly position: number;
      readonly gateway: string;
      readonly definition: ChannelDefinition;
    }
  | {
      readonly kind: 'clock';
      readonly position: number;
      readonly gateway: string;
      readonly boot: string;
      readonly reading: ClockReading;
    }
  | { readonly kind: 'block'; readonly position: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'gap';
      readonly position: number;
      readonly gateway: string;
      readonly boot: string;
      readonly channel: string;
      readonly gap: Omit<KeptGap, 'channel' | 'boot'>;
    };

/** Sequence numbers that are accounted for, by a block or by a gap. Times as stored, microseconds, both inclusive. */
export interface SequenceRun {
  readonly kind: 'block' | 'gap';
  readonly firstSequence: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
  /** Of a gap; empty for a block. */
  readonly cause: string;
}

/** What became of a block that was offered. */
export type BlockOutcome = 'kept' | 'known' | 'conflict';

interface Row {
  readonly [column: string]: number | string | Buffer | null;
}

/** The large database: channels, boots, the UTC map, blocks with their envelopes, gaps. One writer, any number of readers. */
export class BlockDb {
  readonly #db: Database;
  readonly #statements = new Map<string, Statement>();
  #nextPosition = 1;
  #totals = { blocks: 0, bytes: 0 };

  private constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Opens the database, making it if it is not there.
   * @throws CaissonError `store-unusable`
   */
  static open(path: string): BlockDb {
    const db = openDatabase(path, { cacheKiB: CACHE_KIB });
    const version = Number(db.pragma('user_version', { simple: true }));
    if (version === 0) {
      db.transaction(() => {
        db.exec(SCHEMA);
        db.pragma(`user_version = ${SCHEMA_VERSION}`);
      })();
    }
    requireVersion(db, path);
    const blocks = new BlockDb(db);
    blocks.#nextPosition = blocks.#lastPosition() + 1;
    blocks.#totals = { blocks: Number(blocks.meta('blocks') ?? 0), bytes: Number(blocks.meta('bytes') ?? 0) };
    return blocks;
  }

  /**
   * Opens the database for reading only.
   * @throws CaissonError `store-unusable`
   */
  static openReadonly(path: string): BlockDb {
    const db = openDatabase(path, { cacheKiB: CACHE_KIB, readonly: true });
    requireVersion(db, path);
    return new BlockDb(db);
  }

  close(): void {
    this.#db.close();
  }

  /** Runs `change` as one transaction; when it returns, the change is on disk, fsynced. */
  transaction<Result>(change: () => Result): Result {
    const position = this.#nextPosition;
    const totals = this.#totals;
    try {
      return this.#db
        .transaction(() => {
          const result = change();
          if (this.#totals !== totals) {
            this.keepMeta('blocks', String(this.#totals.blocks));
            this.keepMeta('bytes', String(this.#totals.bytes));
          }
          return result;
        })
        .immediate();
    } catch (error) {
      this.#nextPosition = position;
      this.#totals = totals;
      throw error;
    }
  }

  // Writing. Each of these belongs inside a transaction.

  keepMeta(key: string, value: string): void {
    this.#sql('INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value').run(key, value);
  }

  /** Returns the local id of a boot, kept now if it is new. `started` is its first box time, microseconds. */
  keepBoot(gateway: string, boot: string, started: number): number {
    const known = this.#sql('SELECT id FROM boots WHERE gateway = ? AND boot = ?').get(gateway, boot) as
      | Row
      | undefined;
    if (known !== undefined) return Number(known.id);
    const position = this.#takePosition();
    return Number(
      this.#sql('INSERT INTO boots (position, gateway, boot, started) VALUES (?, ?, ?, ?)').run(
        position,
        gateway,
        boot,
        started,
      ).lastInsertRowid,
    );
  }

  /** A boot ended as it should, at box time `ended`, microseconds. */
  keepBootEnd(boot: number, ended: number): void {
    this.#sql('UPDATE boots SET ended = ? WHERE id = ?').run(ended, boot);
  }

  /** Keeps a channel's definition; a known name keeps its id. `id` is chosen by the caller or, undefined, here. */
  keepChannel(gateway: string, definition: ChannelDefinition, id?: number): number {
    const text = JSON.stringify(definition);
    const known = this.#sql('SELECT id, definition FROM channels WHERE gateway = ? AND name = ?').get(
      gateway,
      definition.name,
    ) as Row | undefined;
    if (known !== undefined) {
      if (known.definition !== text) {
        this.#sql('UPDATE channels SET definition = ?, position = ? WHERE id = ?').run(
          text,
          this.#takePosition(),
          known.id,
        );
      }
      return Number(known.id);
    }
    return Number(
      this.#sql('INSERT INTO channels (id, position, gateway, name, definition) VALUES (?, ?, ?, ?, ?)').run(
        id ?? null,
        this.#takePosition(),
        gateway,
        definition.name,
        text,
      ).lastInsertRowid,
    );
  }

  /** Adds a row of the UTC map, once. */
  keepClock(boot: number, reading: ClockReading): void {
    const { time, offset, error, source } = reading;
    const known = this.#sql('SELECT 1 FROM clock WHERE boot = ? AND time = ? AND offset = ? AND source = ?').get(
      boot,
      time,
      offset,
      source,
    );
    if (known !== undefined) return;
    this.#sql('INSERT INTO clock VALUES (?, ?, ?, ?, ?, ?)').run(
      this.#takePosition(),
      boot,
      time,
      offset,
      error,
      source,
    );
  }

  /**
   * Keeps a block under its identity, once. Other bytes for sequence numbers that are accounted for are kept apart, never
   * merged.
   */
  keepBlock(block: KeptBlock): BlockOutcome {
    const { channel, boot, firstSequence } = block;
    if (this.runs(channel, boot, firstSequence, firstSequence + block.count).length > 0) {
      const known = this.#sql('SELECT bytes FROM blocks WHERE channel = ? AND boot = ? AND first_sequence = ?').get(
        channel,
        boot,
        firstSequence,
      ) as { bytes: Buffer } | undefined;
      if (known?.bytes.equals(block.bytes)) return 'known';
      this.#keepConflict(block);
      return 'conflict';
    }
    const ordinal = this.#nextOrdinal(channel);
    this.#sql('INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      this.#takePosition(),
      channel,
      boot,
      firstSequence,
      block.count,
      block.timeMin,
      block.timeMax,
      ordinal,
      block.node === undefined ? null : encodeNodeValues(block.node),
      block.bytes,
    );
    this.#totals = { blocks: this.#totals.blocks + 1, bytes: this.#totals.bytes + block.bytes.length };
    if ((ordinal + 1) % FAN_OUT === 0) this.#raisePyramid(channel, 1, (ordinal + 1) / FAN_OUT - 1);
    return 'kept';
  }

  /** Adds a gap to the ledger, once. */
  keepGap(gap: KeptGap): void {
    const known = this.#sql('SELECT 1 FROM gaps WHERE channel = ? AND boot = ? AND first_sequence = ?').get(
      gap.channel,
      gap.boot,
      gap.firstSequence,
    );
    if (known !== undefined) return;
    this.#sql('INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
      this.#takePosition(),
      gap.channel,
      gap.boot,
      gap.firstSequence,
      gap.count,
      gap.from,
      gap.to,
      gap.cause,
    );
  }

  /** Takes back a gap that turned out not to be one. */
  dropGap(channel: number, boot: number, firstSequence: number): void {
    this.#sql('DELETE FROM gaps WHERE channel = ? AND boot = ? AND first_sequence = ?').run(
      channel,
      boot,
      firstSequence,
    );
  }

  /** How far the feed of `gateway` was taken over; belongs in the transaction that keeps its items. */
  keepCursor(gateway: string, position: number): void {
    this.#sql('INSERT INTO cursors VALUES (?, ?) ON CONFLICT (gateway) DO UPDATE SET position = excluded.position').run(
      gateway,
      position,
    );
  }

  // Reading.

  meta(key: string): string | undefined {
    const row = this.#sql('SELECT value FROM meta WHERE key = ?').get(key) as Row | undefined;
    return row === undefined ? undefined : String(row.value);
  }

  cursor(gateway: string): number {
    const row = this.#sql('SELECT position FROM cursors WHERE gateway = ?').get(gateway) as Row | undefined;
    return Number(row?.position ?? 0);
  }

  /** Channels kept or redefined after `position`, with the position to go on from. */
  channelsAfter(position: number): { channels: StoredChannel[]; position: number } {
    const rows = this.#sql(
      'SELECT id, position, gateway, definition FROM channels WHERE position > ? ORDER BY position',
    ).all(position) as Row[];
    return {
      channels: rows.map((row) => ({
        ...(JSON.parse(String(row.definition)) as ChannelDefinition),
        id: Number(row.id),
        gateway: String(row.gateway),
      })),
      position: Number(rows.at(-1)?.position ?? position),
    };
  }

  /** Every boot, oldest first; `ended` undefined where it did not end as it should, or still runs. */
  boots(): { id: number; gateway: string; boot: string; started: number; ended: number | undefined }[] {
    return (this.#sql('SELECT id, gateway, boot, started, ended FROM boots ORDER BY id').all() as Row[]).map((row) => ({
      id: Number(row.id),
      gateway: String(row.gateway),
      boot: String(row.boot),
      started: Number(row.started),
      ended: row.ended === null ? undefined : Number(row.ended),
    }));
  }

  /** Per channel with blocks in `boot`: one past the last sequence number in blocks, and the last block's greatest time. */
  endsOfBoot(boot: number): { channel: number; next: number; time: number }[] {
    const last = 'FROM blocks WHERE channel = channels.id AND boot = @boot ORDER BY first_sequence DESC LIMIT 1';
    const rows = this.#sql(
      `SELECT id, (SELECT first_sequence + count ${last}) AS next, (SELECT time_max ${last}) AS time FROM channels`,
    ).all({ boot }) as Row[];
    return rows.flatMap((row) =>
      row.next === null ? [] : [{ channel: Number(row.id), next: Number(row.next), time: Number(row.time) }],
    );
  }

  /** Rows of the UTC map after `position`, with the position to go on from. */
  clockAfter(position: number): { rows: { boot: number; reading: ClockReading }[]; position: number } {
    const rows = this.#sql('SELECT * FROM clock WHERE position > ? ORDER BY position').all(position) as Row[];
    return {
      rows: rows.map((row) => ({ boot: Number(row.boot), reading: readingOf(row) })),
      position: Number(rows.at(-1)?.position ?? position),
    };
  }

  /** Identity of the blocks kept after `position`: what a follower of the journal may forget. */
  blocksAfter(
    position: number,
  ): { position: number; channel: number; boot: number; firstSequence: number; count: number }[] {
    const rows = this.#sql(
      'SELECT position, channel, boot, first_sequence, count FROM blocks WHERE position > ? ORDER BY position',
    ).all(position) as Row[];
    return rows.map((row) => ({
      position: Number(row.position),
      channel: Number(row.channel),
      boot: Number(row.boot),
      firstSequence: Number(row.first_sequence),
      count: Number(row.count),
    }));
  }

  /** Position of the newest block, 0 where there is none. */
  lastBlockPosition(): number {
    return Number((this.#sql('SELECT MAX(position) AS position FROM blocks').get() as Row).position ?? 0);
  }

  /** One past the greatest sequence number of a channel and boot that is in a block or gap which begins before `before`. */
  nextSequence(channel: number, boot: number, before: number = Number.MAX_SAFE_INTEGER): number {
    const row = this.#sql(
      `SELECT MAX(first_sequence + count) AS next FROM (
         SELECT * FROM (SELECT first_sequence, count FROM blocks
           WHERE channel = @channel AND boot = @boot AND first_sequence < @before ORDER BY first_sequence DESC LIMIT 1)
         UNION ALL
         SELECT * FROM (SELECT first_sequence, count FROM gaps
           WHERE channel = @channel AND boot = @boot AND first_sequence < @before ORDER BY first_sequence DESC LIMIT 1))`,
    ).get({ channel, boot, before }) as Row;
    return Number(row.next ?? 0);
  }

  /** Blocks and gaps of a channel and boot that hold sequence numbers of [from, to), in their order. */
  runs(channel: number, boot: number, from: number, to: number): SequenceRun[] {
    // Runs do not overlap, so that of all that begin before `from` only the last can reach into the range.
    const runs: SequenceRun[] = [];
    for (const [kind, sql] of RUN_SQL) {
      for (const row of this.#sql(sql).all({ channel, boot, from, to }) as Row[]) {
        runs.push({
          kind,
          firstSequence: Number(row.first_sequence),
          count: Number(row.count),
          from: Number(row.time_from),
          to: Number(row.time_to),
          cause: String(row.cause),
        });
      }
    }
    return runs.sort((a, b) => a.firstSequence - b.firstSequence);
  }

  /** Greatest stored time of all blocks whose stamp is box time of `gateway`, microseconds; 0 where there is none. */
  lastTime(): number {
    const row = this.#sql(
      `SELECT MAX(time_max) AS time FROM (SELECT (SELECT MAX(time_max) FROM blocks WHERE channel = channels.id) AS time_max
       FROM channels WHERE json_extract(definition, '$.stamp') = 'arrival')`,
    ).get() as Row;
    return Number(row.time ?? 0);
  }

  /** The nodes that cover all blocks of a channel with as few rows as can be, in the order the blocks were kept. */
  roots(channel: number): Extent[] {
    const roots: Extent[] = [];
    let covered = 0;
    const top = Number(
      (this.#sql('SELECT MAX(level) AS level FROM envelopes WHERE channel = ?').get(channel) as Row).level ?? 0,
    );
    for (let level = top; level >= 0; level -= 1) {
      const extents = this.extents(channel, level, covered / FAN_OUT ** level, Number.MAX_SAFE_INTEGER);
      roots.push(...extents);
      const end = extents.at(-1);
      if (end !== undefined) covered = (end.ordinal + 1) * FAN_OUT ** level;
    }
    return roots;
  }

  /** What lies directly under an envelope. */
  children(channel: number, extent: Extent): Extent[] {
    return this.extents(channel, extent.level - 1, extent.ordinal * FAN_OUT, (extent.ordinal + 1) * FAN_OUT);
  }

  /** Extents of one level with ordinals [from, to). */
  extents(channel: number, level: number, from: number, to: number): Extent[] {
    const rows = (
      level === 0
        ? this.#sql(
            'SELECT position, ordinal, boot, count, time_min, time_max, node FROM blocks WHERE channel = ? AND ordinal >= ? AND ordinal < ? ORDER BY ordinal',
          ).all(channel, from, to)
        : this.#sql(
            'SELECT 0 AS position, ordinal, boot, count, time_min, time_max, node FROM envelopes WHERE channel = ? AND ordinal >= ? AND ordinal < ? AND level = ? ORDER BY ordinal',
          ).all(channel, from, to, level)
    ) as Row[];
    return rows.map((row) => extentOf(row, level));
  }

  /** Blocks of a channel that may hold a stored time in [from, to], by time. */
  overlapping(channel: number, from: number, to: number): Extent[] {
    const rows = this.#sql(
      `SELECT position, ordinal, boot, count, time_min, time_max, node FROM blocks
       WHERE channel = ? AND time_max >= ? AND time_min <= ? ORDER BY time_min, ordinal`,
    ).all(channel, from, to) as Row[];
    return rows.map((row) => extentOf(row, 0));
  }

  /** The block of a channel with the greatest stored time. */
  newest(channel: number): Extent | undefined {
    const row = this.#sql(
      `SELECT position, ordinal, boot, count, time_min, time_max, node FROM blocks
       WHERE channel = ? ORDER BY time_max DESC, ordinal DESC LIMIT 1`,
    ).get(channel) as Row | undefined;
    return row === undefined ? undefined : extentOf(row, 0);
  }

  /** The bytes of a block; undefined when it is gone. */
  blockBytes(position: number): Uint8Array | undefined {
    const row = this.#sql('SELECT bytes FROM blocks WHERE position = ?').get(position) as { bytes: Buffer } | undefined;
    return row?.bytes;
  }

  /** Gaps of a channel whose stored times touch [from, to]. */
  gaps(channel: number, from: number, to: number): KeptGap[] {
    const rows = this.#sql(
      'SELECT * FROM gaps WHERE channel = ? AND time_to >= ? AND time_from <= ? ORDER BY time_from',
    ).all(channel, from, to) as Row[];
    return rows.map(gapOf);
  }

  /** Per channel and boot: samples in blocks and in gaps, and one past the last sequence number of either. */
  accounts(): { channel: number; boot: number; kept: number; lost: number; next: number }[] {
    const rows = this.#sql(
      `SELECT channel, boot, SUM(kept) AS kept, SUM(lost) AS lost, MAX(next) AS next FROM (
         SELECT channel, boot, SUM(count) AS kept, 0 AS lost, MAX(first_sequence + count) AS next FROM blocks GROUP BY channel, boot
         UNION ALL
         SELECT channel, boot, 0, SUM(count), MAX(first_sequence + count) FROM gaps GROUP BY channel, boot)
       GROUP BY channel, boot ORDER BY channel, boot`,
    ).all() as Row[];
    return rows.map((row) => ({
      channel: Number(row.channel),
      boot: Number(row.boot),
      kept: Number(row.kept),
      lost: Number(row.lost),
      next: Number(row.next),
    }));
  }

  /** Blocks kept and their bytes; of a writing connection only. */
  get totals(): { readonly blocks: number; readonly bytes: number } {
    return this.#totals;
  }

  /** What came to be after `after`, at most `itemsMax` steps and, but for the first, `bytesMax` bytes of blocks. */
  feed(after: number, itemsMax: number, bytesMax: number): FeedItem[] {
    const keys = this.#sql(
      `SELECT position, 'boot' AS kind FROM boots WHERE position > @after
       UNION ALL SELECT position, 'channel' FROM channels WHERE position > @after
       UNION ALL SELECT position, 'clock' FROM clock WHERE position > @after
       UNION ALL SELECT position, 'block' FROM blocks WHERE position > @after
       UNION ALL SELECT position, 'gap' FROM gaps WHERE position > @after
       ORDER BY position LIMIT @itemsMax`,
    ).all({ after, itemsMax }) as { position: number; kind: FeedItem['kind'] }[];
    const items: FeedItem[] = [];
    let bytes = 0;
    for (const { position, kind } of keys) {
      const item = this.#feedItem(position, kind);
      if (item === undefined) continue;
      if (item.kind === 'block') {
        bytes += item.bytes.length;
        if (bytes > bytesMax && items.length > 0) break;
      }
      items.push(item);
    }
    return items;
  }

  #feedItem(position: number, kind: FeedItem['kind']): FeedItem | undefined {
    const row = this.#sql(FEED_SQL[kind]).get(position) as Row | undefined;
    if (row === undefined) return undefined;
    const gateway = String(row.gateway);
    const boot = String(row.boot);
    switch (kind) {
      case 'boot':
        return { kind, position, gateway, boot, started: Number(row.started) };
      case 'channel':
        return { kind, position, gateway, definition: JSON.parse(String(row.definition)) as ChannelDefinition };
      case 'clock':
        return { kind, position, gateway, boot, reading: readingOf(row) };
      case 'block':
        return { kind, position, bytes: row.bytes as Buffer };
      case 'gap': {
        const { channel: _channel, boot: _boot, ...gap } = gapOf(row);
        return { kind, position, gateway, boot, channel: String(row.channel_name), gap };
      }
    }
  }

  /** Makes the envelope `ordinal` of `level` from the FAN_OUT extents under it, and those above that it completes. */
  #raisePyramid(channel: number, level: number, ordinal: number): void {
    const under = this.extents(channel, level - 1, ordinal * FAN_OUT, (ordinal + 1) * FAN_OUT);
    const [head, ...rest] = under;
    if (head === undefined || under.length < FAN_OUT) return;
    const boot = under.every((extent) => extent.boot === head.boot) ? head.boot : undefined;
    const nodes = under.map((extent) => extent.node);
    const node = nodes.every((each) => each !== undefined) ? nodes.reduce(mergeNodes) : undefined;
    this.#sql('INSERT INTO envelopes VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
      channel,
      level,
      ordinal,
      boot ?? null,
      rest.reduce((sum, extent) => sum + extent.count, head.count),
      Math.min(...under.map((extent) => extent.timeMin)),
      Math.max(...under.map((extent) => extent.timeMax)),
      node === undefined ? null : encodeNodeValues(node),
    );
    if ((ordinal + 1) % FAN_OUT === 0) this.#raisePyramid(channel, level + 1, (ordinal + 1) / FAN_OUT - 1);
  }

  #keepConflict(block: KeptBlock): void {
    const { channel, boot, firstSequence, bytes } = block;
    const known = this.#sql(
      'SELECT 1 FROM conflicts WHERE channel = ? AND boot = ? AND first_sequence = ? AND bytes = ?',
    ).get(channel, boot, firstSequence, bytes);
    if (known !== undefined) return;
    this.#sql('INSERT INTO conflicts VALUES (?, ?, ?, ?, ?)').run(
      channel,
      boot,
      firstSequence,
      Date.now() * 1e3,
      bytes,
    );
  }

  #nextOrdinal(channel: number): number {
    const [newest] = this.#sql('SELECT MAX(ordinal) FROM blocks WHERE channel = ?').raw().get(channel) as [
      number | null,
    ];
    return newest === null ? 0 : newest + 1;
  }

  #takePosition(): number {
    const position = this.#nextPosition;
    this.#nextPosition += 1;
    return position;
  }

  #lastPosition(): number {
    const row = this.#sql(
      `SELECT MAX(position) AS position FROM (
         SELECT MAX(position) AS position FROM boots UNION ALL SELECT MAX(position) FROM channels
         UNION ALL SELECT MAX(position) FROM clock UNION ALL SELECT MAX(position) FROM blocks
         UNION ALL SELECT MAX(position) FROM gaps)`,
    ).get() as Row;
    return Number(row.position ?? 0);
  }

  /** Statements are prepared once; their text is the key. */
  #sql(text: string): Statement {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }
}

const FEED_SQL: Record<FeedItem['kind'], string> = {
  boot: 'SELECT gateway, boot, started FROM boots WHERE position = ?',
  channel: 'SELECT gateway, definition FROM channels WHERE position = ?',
  clock:
    'SELECT boots.gateway, boots.boot, time, offset, error, source FROM clock JOIN boots ON boots.id = clock.boot WHERE clock.position = ?',
  block: 'SELECT bytes FROM blocks WHERE position = ?',
  gap: `SELECT boots.gateway, boots.boot, channels.name AS channel_name, gaps.channel, first_sequence, count, time_from, time_to, cause
    FROM gaps JOIN boots ON boots.id = gaps.boot JOIN channels ON channels.id = gaps.channel WHERE gaps.position = ?`,
};

const RUN_SQL: readonly (readonly [SequenceRun['kind'], string])[] = [
  ['block', runSql('blocks', "time_min AS time_from, time_max AS time_to, '' AS cause")],
  ['gap', runSql('gaps', 'time_from, time_to, cause')],
];

function runSql(table: string, columns: string): string {
  return `SELECT first_sequence, count, ${columns} FROM ${table}
    WHERE channel = @channel AND boot = @boot AND first_sequence < @to AND first_sequence + count > @from AND first_sequence >= COALESCE(
      (SELECT MAX(first_sequence) FROM ${table} WHERE channel = @channel AND boot = @boot AND first_sequence <= @from), @from)`;
}

function requireVersion(db: Database, path: string): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version === SCHEMA_VERSION) return;
  db.close();
  throw new CaissonError('store-unusable', `${path}: schema version ${version}, expected ${SCHEMA_VERSION}`, {
    hint:
      version === 0
        ? 'it is not a store, or the gateway has not made it yet'
        : 'it was written by another version of Caisson',
    retryable: version === 0,
  });
}

function readingOf(row: Row): ClockReading {
  return {
    time: Number(row.time),
    offset: Number(row.offset),
    error: Number(row.error),
    source: String(row.source) as ClockSource,
  };
}

function gapOf(row: Row): KeptGap {
  return {
    channel: Number(row.channel),
    boot: Number(row.boot),
    firstSequence: Number(row.first_sequence),
    count: Number(row.count),
    from: Number(row.time_from),
    to: Number(row.time_to),
    cause: String(row.cause),
  };
}

function extentOf(row: Row, level: number): Extent {
  const count = Number(row.count);
  const timeMin = Number(row.time_min);
  const timeMax = Number(row.time_max);
  return {
    level,
    ordinal: Number(row.ordinal),
    position: Number(row.position),
    boot: row.boot === null ? undefined : Number(row.boot),
    count,
    timeMin,
    timeMax,
    node: row.node instanceof Uint8Array ? { count, timeMin, timeMax, ...decodeNodeValues(row.node) } : undefined,
  };
}
