import type { Statement } from 'better-sqlite3';
import type { ChannelDefinition } from '../channel.ts';
import type { ClockReading } from '../clock.ts';
import type { StoredChannel } from '../query/telemetry.ts';
import {
  type Extent,
  extentOf,
  type FeedItem,
  gapOf,
  type KeptGap,
  type Row,
  readingOf,
  type SequenceRun,
} from './block-rows.ts';
import { FAN_OUT, requireVersion } from './block-schema.ts';
import { type Database, openDatabase } from './database.ts';

/** Pages cached for the large database. */
const CACHE_KIB = 8 * 1024;

/** Reads the large database: channels, boots, the UTC map, blocks with their envelopes, gaps. Any number may at a time. */
export class BlockReader {
  protected readonly db: Database;
  readonly #snapshot: (read: () => unknown) => unknown;
  readonly #statements = new Map<string, Statement>();

  protected constructor(db: Database) {
    this.db = db;
    this.#snapshot = db.transaction((read: () => unknown) => read());
  }

  /**
   * Opens the database for reading only.
   * @param cacheKiB memory for its pages; less where each is read once
   * @throws CaissonError `store-unusable`
   */
  static openReadonly(path: string, cacheKiB: number = CACHE_KIB): BlockReader {
    const db = openDatabase(path, { cacheKiB, readonly: true });
    requireVersion(db, path);
    return new BlockReader(db);
  }

  close(): void {
    this.db.close();
  }

  /** Runs `read` on one state of the database, whatever is committed meanwhile. */
  snapshot<Result>(read: () => Result): Result {
    return this.#snapshot(read) as Result;
  }

  meta(key: string): string | undefined {
    const row = this.sql('SELECT value FROM meta WHERE key = ?').get(key) as Row | undefined;
    return row === undefined ? undefined : String(row.value);
  }

  cursor(gateway: string): number {
    const row = this.sql('SELECT position FROM cursors WHERE gateway = ?').get(gateway) as Row | undefined;
    return Number(row?.position ?? 0);
  }

  /** Channels kept or redefined after `position`, with the position to go on from. */
  channelsAfter(position: number): { channels: StoredChannel[]; position: number } {
    const rows = this.sql(
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
    return (this.sql('SELECT id, gateway, boot, started, ended FROM boots ORDER BY id').all() as Row[]).map((row) => ({
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
    const rows = this.sql(
      `SELECT id, (SELECT first_sequence + count ${last}) AS next, (SELECT time_max ${last}) AS time FROM channels`,
    ).all({ boot }) as Row[];
    return rows.flatMap((row) =>
      row.next === null ? [] : [{ channel: Number(row.id), next: Number(row.next), time: Number(row.time) }],
    );
  }

  /** Rows of the UTC map after `position`, with the position to go on from. */
  clockAfter(position: number): { rows: { boot: number; reading: ClockReading }[]; position: number } {
    const rows = this.sql('SELECT * FROM clock WHERE position > ? ORDER BY position').all(position) as Row[];
    return {
      rows: rows.map((row) => ({ boot: Number(row.boot), reading: readingOf(row) })),
      position: Number(rows.at(-1)?.position ?? position),
    };
  }

  /** Identity of the blocks kept after `position`: what a follower of the journal may forget. */
  blocksAfter(
    position: number,
  ): { position: number; channel: number; boot: number; firstSequence: number; count: number }[] {
    const rows = this.sql(
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
    return Number((this.sql('SELECT MAX(position) AS position FROM blocks').get() as Row).position ?? 0);
  }

  /** The gaps kept after `position`. */
  gapsAfter(position: number): { position: number; channel: number; boot: number; firstSequence: number }[] {
    const rows = this.sql(
      'SELECT position, channel, boot, first_sequence FROM gaps WHERE position > ? ORDER BY position',
    ).all(position) as Row[];
    return rows.map((row) => ({
      position: Number(row.position),
      channel: Number(row.channel),
      boot: Number(row.boot),
      firstSequence: Number(row.first_sequence),
    }));
  }

  /** Position of the newest gap, 0 where there is none. */
  lastGapPosition(): number {
    return Number((this.sql('SELECT MAX(position) AS position FROM gaps').get() as Row).position ?? 0);
  }

  /** True when a gap begins at that sequence number. */
  hasGap(channel: number, boot: number, firstSequence: number): boolean {
    const sql = 'SELECT 1 FROM gaps WHERE channel = ? AND boot = ? AND first_sequence = ?';
    return this.sql(sql).get(channel, boot, firstSequence) !== undefined;
  }

  /** One past the last sequence number of a channel and boot that is in a block; 0 where there is none. */
  sealedEnd(channel: number, boot: number): number {
    const row = this.sql(
      'SELECT first_sequence + count AS next FROM blocks WHERE channel = ? AND boot = ? ORDER BY first_sequence DESC LIMIT 1',
    ).get(channel, boot) as Row | undefined;
    return Number(row?.next ?? 0);
  }

  /**
   * One past the greatest sequence number of a channel and boot that is in a block or gap which begins before `before`.
   * Gaps are kept at once and blocks later: samples with lesser numbers may still be in no block.
   */
  nextSequence(channel: number, boot: number, before: number = Number.MAX_SAFE_INTEGER): number {
    const row = this.sql(
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
      for (const row of this.sql(sql).all({ channel, boot, from, to }) as Row[]) {
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
    const row = this.sql(
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
      (this.sql('SELECT MAX(level) AS level FROM envelopes WHERE channel = ?').get(channel) as Row).level ?? 0,
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
        ? this.sql(
            'SELECT position, ordinal, boot, stamp, count, time_min, time_max, node FROM blocks WHERE channel = ? AND ordinal >= ? AND ordinal < ? ORDER BY ordinal',
          ).all(channel, from, to)
        : this.sql(
            'SELECT 0 AS position, ordinal, boot, stamp, count, time_min, time_max, node FROM envelopes WHERE channel = ? AND ordinal >= ? AND ordinal < ? AND level = ? ORDER BY ordinal',
          ).all(channel, from, to, level)
    ) as Row[];
    return rows.map((row) => extentOf(row, level));
  }

  /** Blocks of a channel that may hold a stored time in [from, to], by time; without their nodes. */
  overlapping(channel: number, from: number, to: number): Extent[] {
    const rows = this.sql(
      `SELECT position, ordinal, boot, stamp, count, time_min, time_max, NULL AS node FROM blocks
       WHERE channel = ? AND time_max >= ? AND time_min <= ? ORDER BY time_min, ordinal`,
    ).all(channel, from, to) as Row[];
    return rows.map((row) => extentOf(row, 0));
  }

  /** The block of a channel with the greatest stored time. */
  newest(channel: number): Extent | undefined {
    const row = this.sql(
      `SELECT position, ordinal, boot, stamp, count, time_min, time_max, node FROM blocks
       WHERE channel = ? ORDER BY time_max DESC, ordinal DESC LIMIT 1`,
    ).get(channel) as Row | undefined;
    return row === undefined ? undefined : extentOf(row, 0);
  }

  /** The bytes of a block; undefined when it is gone. */
  blockBytes(position: number): Uint8Array | undefined {
    const row = this.sql('SELECT bytes FROM blocks WHERE position = ?').get(position) as { bytes: Buffer } | undefined;
    return row?.bytes;
  }

  /** What the block at `position` stands for, as if it were a gap: to be told where its bytes are damaged. */
  blockAsGap(position: number, cause: string): KeptGap | undefined {
    const row = this.sql(
      'SELECT channel, boot, first_sequence, count, time_min AS time_from, time_max AS time_to, ? AS cause FROM blocks WHERE position = ?',
    ).get(cause, position) as Row | undefined;
    return row === undefined ? undefined : gapOf(row);
  }

  /** Gaps of a channel whose stored times touch [from, to]. */
  gaps(channel: number, from: number, to: number): KeptGap[] {
    const rows = this.sql(
      'SELECT * FROM gaps WHERE channel = ? AND time_to >= ? AND time_from <= ? ORDER BY time_from',
    ).all(channel, from, to) as Row[];
    return rows.map(gapOf);
  }

  /** Per channel and boot: samples in blocks and in gaps, and one past the last sequence number of either. */
  accounts(): { channel: number; boot: number; kept: number; lost: number; next: number }[] {
    const rows = this.sql(
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

  /** What came to be after `after`, at most `itemsMax` steps and, but for the first, `bytesMax` bytes of blocks. */
  feed(after: number, itemsMax: number, bytesMax: number): FeedItem[] {
    const keys = this.sql(
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
    const row = this.sql(FEED_SQL[kind]).get(position) as Row | undefined;
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
