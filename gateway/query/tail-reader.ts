import { CaissonError } from '../errors.ts';
import type { BlockReader } from '../store/block-reader.ts';
import { Chunk } from '../store/chunk.ts';
import type { JournalDb } from '../store/journal-db.ts';
import { decodeJournalRow, type JournalGroup, type JournalLoss, type JournalRow } from '../store/journal-row.ts';

/** A loss that stands in the journal, with the local id of its boot. */
export interface TailLoss extends JournalLoss {
  readonly boot: number;
}

/** Told of every group of samples met for the first time. */
export type GroupListener = (boot: number, group: JournalGroup) => void;

/**
 * Follows the journal, so that a reader sees every committed sample: it keeps what is in no block yet, in memory, and
 * forgets it when the block appears. It shares nothing with the store thread but the database.
 */
export class TailReader {
  readonly #journal: JournalDb;
  readonly #blocks: BlockReader;
  /** By channel, in the order of sequence numbers within a boot. */
  readonly #chunks = new Map<number, Chunk[]>();
  /** By boot and channel: one past the last sequence number known to be in a block. */
  readonly #sealed = new Map<number, Map<number, number>>();
  #losses: TailLoss[] = [];
  #row = 0;
  #position: number;
  #damaged = 0;

  constructor(journal: JournalDb, blocks: BlockReader) {
    this.#journal = journal;
    this.#blocks = blocks;
    this.#position = blocks.lastBlockPosition();
    this.#takeRows(() => {});
  }

  /** Journal rows that could not be read. */
  get damaged(): number {
    return this.#damaged;
  }

  /** Takes in what was committed and sealed since the last call. */
  poll(listener: GroupListener): void {
    // Rows first: a row trimmed between the two looks is in a block that the second look finds.
    this.#takeRows(listener);
    for (const block of this.#blocks.blocksAfter(this.#position)) {
      this.#position = block.position;
      const end = block.firstSequence + block.count;
      this.#sealedOf(block.boot).set(block.channel, end);
      this.#drop(block.channel, block.boot, end);
    }
    this.#losses = this.#losses.filter(
      (loss) => this.#blocks.nextSequence(loss.channel, loss.boot) < loss.firstSequence + loss.count,
    );
  }

  /** What is in no block, of one channel. */
  chunks(channel: number): readonly Chunk[] {
    return this.#chunks.get(channel) ?? [];
  }

  /** Channels with samples in no block. */
  channels(): IterableIterator<number> {
    return this.#chunks.keys();
  }

  /** Losses that are not in the ledger's table yet. */
  losses(): readonly TailLoss[] {
    return this.#losses;
  }

  #takeRows(listener: GroupListener): void {
    for (const row of this.#journal.rowsAfter(this.#row)) {
      this.#row = row.id;
      const decoded = this.#decode(row.bytes);
      if (decoded === undefined) continue;
      for (const group of decoded.groups) {
        this.#append(row.boot, row.id, group);
        listener(row.boot, group);
      }
      for (const loss of decoded.losses) this.#losses.push({ ...loss, boot: row.boot });
    }
  }

  /** A damaged row is the store thread's to report and set aside; here it only costs itself. */
  #decode(bytes: Uint8Array): JournalRow | undefined {
    try {
      return decodeJournalRow(bytes);
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      this.#damaged += 1;
      return undefined;
    }
  }

  #sealedOf(boot: number): Map<number, number> {
    let sealed = this.#sealed.get(boot);
    if (sealed === undefined) {
      sealed = new Map();
      this.#sealed.set(boot, sealed);
    }
    return sealed;
  }

  /** A row may be read after the block that holds its samples was seen. */
  #sealedEnd(boot: number, channel: number): number {
    const sealed = this.#sealedOf(boot);
    let end = sealed.get(channel);
    if (end === undefined) {
      end = this.#blocks.nextSequence(channel, boot);
      sealed.set(channel, end);
    }
    return end;
  }

  #append(boot: number, row: number, group: JournalGroup): void {
    let chunks = this.#chunks.get(group.channel);
    if (chunks === undefined) {
      chunks = [];
      this.#chunks.set(group.channel, chunks);
    }
    let from = Math.max(0, this.#sealedEnd(boot, group.channel) - group.firstSequence);
    const isText = !(group.values instanceof Float64Array);
    while (from < group.times.length) {
      const last = chunks.at(-1);
      let chunk = last;
      if (
        last === undefined ||
        last.isFull ||
        last.boot !== boot ||
        last.isText !== isText ||
        last.endSequence !== group.firstSequence + from
      ) {
        chunk = new Chunk(group.channel, boot, group.firstSequence + from, row, isText ? 'text' : 'number');
        chunks.push(chunk);
      }
      from += (chunk as Chunk).appendColumns(group.times, group.values, from);
    }
  }

  #drop(channel: number, boot: number, endSequence: number): void {
    const chunks = this.#chunks.get(channel);
    if (chunks === undefined) return;
    for (const chunk of chunks) if (chunk.boot === boot) chunk.dropBefore(endSequence);
    const left = chunks.filter((chunk) => chunk.count > 0);
    if (left.length === 0) this.#chunks.delete(channel);
    else this.#chunks.set(channel, left);
  }
}
