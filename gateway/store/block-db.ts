import type { ChannelDefinition } from '../channel.ts';
import type { ClockReading } from '../clock.ts';
import { BlockReader } from './block-reader.ts';
import type { KeptBlock, KeptGap, Row } from './block-rows.ts';
import { createSchema, FAN_OUT, requireVersion } from './block-schema.ts';
import { openDatabase } from './database.ts';
import { encodeNodeValues, mergeNodes } from './envelope-node.ts';

export type { Extent, FeedItem, KeptBlock, KeptGap, SequenceRun } from './block-rows.ts';

/** Pages cached for the large database. */
const CACHE_KIB = 8 * 1024;

/** What became of a block that was offered. */
export type BlockOutcome = 'kept' | 'known' | 'conflict';

/** The large database, to be read and written; one process does. */
export class BlockDb extends BlockReader {
  #nextPosition = 1;
  #totals = { blocks: 0, bytes: 0 };

  /**
   * Opens the database, making it if it is not there.
   * @throws CaissonError `store-unusable`
   */
  static open(path: string): BlockDb {
    const db = openDatabase(path, { cacheKiB: CACHE_KIB });
    createSchema(db);
    requireVersion(db, path);
    const blocks = new BlockDb(db);
    blocks.#nextPosition = blocks.#lastPosition() + 1;
    blocks.#totals = { blocks: Number(blocks.meta('blocks') ?? 0), bytes: Number(blocks.meta('bytes') ?? 0) };
    return blocks;
  }

  /** Runs `change` as one transaction; when it returns, the change is on disk, fsynced. */
  transaction<Result>(change: () => Result): Result {
    const position = this.#nextPosition;
    const totals = this.#totals;
    try {
      return this.db
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

  // Each of the following belongs inside a transaction.

  keepMeta(key: string, value: string): void {
    this.sql('INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value').run(key, value);
  }

  /** Returns the local id of a boot, kept now if it is new. `started` is its first box time, microseconds. */
  keepBoot(gateway: string, boot: string, started: number): number {
    const known = this.sql('SELECT id FROM boots WHERE gateway = ? AND boot = ?').get(gateway, boot) as Row | undefined;
    if (known !== undefined) return Number(known.id);
    const position = this.#takePosition();
    return Number(
      this.sql('INSERT INTO boots (position, gateway, boot, started) VALUES (?, ?, ?, ?)').run(
        position,
        gateway,
        boot,
        started,
      ).lastInsertRowid,
    );
  }

  /** A boot ended as it should, at box time `ended`, microseconds. */
  keepBootEnd(boot: number, ended: number): void {
    this.sql('UPDATE boots SET ended = ? WHERE id = ?').run(ended, boot);
  }

  /** Keeps a channel's definition; a known name keeps its id. `id` is chosen by the caller or, undefined, here. */
  keepChannel(gateway: string, definition: ChannelDefinition, id?: number): number {
    const text = JSON.stringify(definition);
    const known = this.sql('SELECT id, definition FROM channels WHERE gateway = ? AND name = ?').get(
      gateway,
      definition.name,
    ) as Row | undefined;
    if (known !== undefined) {
      if (known.definition !== text) {
        this.sql('UPDATE channels SET definition = ?, position = ? WHERE id = ?').run(
          text,
          this.#takePosition(),
          known.id,
        );
      }
      return Number(known.id);
    }
    return Number(
      this.sql('INSERT INTO channels (id, position, gateway, name, definition) VALUES (?, ?, ?, ?, ?)').run(
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
   * Keeps a block under its identity, once. Other bytes for sequence numbers that are accounted for are kept apart, never
   * merged.
   */
  keepBlock(block: KeptBlock): BlockOutcome {
    const { channel, boot, firstSequence } = block;
    if (this.runs(channel, boot, firstSequence, firstSequence + block.count).length > 0) {
      const known = this.sql('SELECT bytes FROM blocks WHERE channel = ? AND boot = ? AND first_sequence = ?').get(
        channel,
        boot,
        firstSequence,
      ) as { bytes: Buffer } | undefined;
      if (known?.bytes.equals(block.bytes)) return 'known';
      this.#keepConflict(block);
      return 'conflict';
    }
    const ordinal = this.#nextOrdinal(channel);
    this.sql('INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      this.#takePosition(),
      channel,
      boot,
      firstSequence,
      block.count,
      block.timeMin,
      block.timeMax,
      block.stamp,
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
    const known = this.sql('SELECT 1 FROM gaps WHERE channel = ? AND boot = ? AND first_sequence = ?').get(
      gap.channel,
      gap.boot,
      gap.firstSequence,
    );
    if (known !== undefined) return;
    this.sql('INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
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
    this.sql('DELETE FROM gaps WHERE channel = ? AND boot = ? AND first_sequence = ?').run(
      channel,
      boot,
      firstSequence,
    );
  }

  /** How far the feed of `gateway` was taken over; belongs in the transaction that keeps its items. */
  keepCursor(gateway: string, position: number): void {
    this.sql('INSERT INTO cursors VALUES (?, ?) ON CONFLICT (gateway) DO UPDATE SET position = excluded.position').run(
      gateway,
      position,
    );
  }

  /** Blocks kept and their bytes; of a writing connection only. */
  get totals(): { readonly blocks: number; readonly bytes: number } {
    return this.#totals;
  }

  /** Makes the envelope `ordinal` of `level` from the FAN_OUT extents under it, and those above that it completes. */
  #raisePyramid(channel: number, level: number, ordinal: number): void {
    const under = this.extents(channel, level - 1, ordinal * FAN_OUT, (ordinal + 1) * FAN_OUT);
    const [head, ...rest] = under;
    if (head === undefined || under.length < FAN_OUT) return;
    const isOfOneKind = under.every((extent) => extent.boot === head.boot && extent.stamp === head.stamp);
    const nodes = under.map((extent) => extent.node);
    const node = nodes.every((each) => each !== undefined) ? nodes.reduce(mergeNodes) : undefined;
    this.sql('INSERT INTO envelopes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      channel,
      level,
      ordinal,
      isOfOneKind ? (head.boot ?? null) : null,
      head.stamp,
      rest.reduce((sum, extent) => sum + extent.count, head.count),
      Math.min(...under.map((extent) => extent.timeMin)),
      Math.max(...under.map((extent) => extent.timeMax)),
      node === undefined ? null : encodeNodeValues(node),
    );
    if ((ordinal + 1) % FAN_OUT === 0) this.#raisePyramid(channel, level + 1, (ordinal + 1) / FAN_OUT - 1);
  }

  #keepConflict(block: KeptBlock): void {
    const { channel, boot, firstSequence, bytes } = block;
    const known = this.sql(
      'SELECT 1 FROM conflicts WHERE channel = ? AND boot = ? AND first_sequence = ? AND bytes = ?',
    ).get(channel, boot, firstSequence, bytes);
    if (known !== undefined) return;
    this.sql('INSERT INTO conflicts VALUES (?, ?, ?, ?, ?)').run(channel, boot, firstSequence, Date.now() * 1e3, bytes);
  }

  #nextOrdinal(channel: number): number {
    const [newest] = this.sql('SELECT MAX(ordinal) FROM blocks WHERE channel = ?').raw().get(channel) as [
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
    const row = this.sql(
      `SELECT MAX(position) AS position FROM (
         SELECT MAX(position) AS position FROM boots UNION ALL SELECT MAX(position) FROM channels
         UNION ALL SELECT MAX(position) FROM clock UNION ALL SELECT MAX(position) FROM blocks
         UNION ALL SELECT MAX(position) FROM gaps)`,
    ).get() as Row;
    return Number(row.position ?? 0);
  }
}
