import { CaissonError } from '../errors.ts';
import type { BlockReader } from '../store/block-reader.ts';
import type { KeptGap } from '../store/block-rows.ts';
import { Chunk } from '../store/chunk.ts';
import { ChunkMemory } from '../store/chunk-memory.ts';
import type { JournalReader } from '../store/journal/journal-reader.ts';
import type { JournalGroup, JournalLoss, JournalRow } from '../store/journal/row.ts';
import { decodeJournalRow } from '../store/journal/row-decoder.ts';

/** Journal rows read at a time: what one look holds in memory twice. */
const ROWS_MAX = 64;

/** Bytes of memory, in use and spare, up to which what a chunk gives back is kept for the next. */
const KEPT_BYTES_MAX = 64 << 20;
/** Looks with new rows after which memory that was spare all the time is let go of. */
const LOOKS_SPARE_MAX = 4096;

/** A loss that stands in the journal, with the local id of its boot. */
export interface TailLoss extends JournalLoss {
  readonly boot: number;
}

/** A row of the journal, decoded. */
export interface TailRow extends JournalRow {
  readonly id: number;
  readonly boot: number;
}

/** What {@link TailReader.read} found. */
export interface TailRows {
  readonly rows: readonly TailRow[];
  /** True where more may wait. */
  readonly hasMore: boolean;
  /** True where rows may have been recycled before this reader came to them: what they held is in blocks only. */
  readonly hasMissed: boolean;
}

/**
 * Follows the journal, so that a reader sees every committed sample: it keeps what is in no block yet, in memory, and
 * forgets it when the block appears. It shares nothing with the store thread but journal and blocks, which have
 * no common moment; so rows are read first, and taken in by a look at the blocks that is later: a row recycled between the
 * two is in a block that the later look finds.
 */
export class TailReader {
  readonly #journal: JournalReader;
  readonly #blocks: BlockReader;
  readonly #onProblem: (text: string) => void;
  readonly #memory = new ChunkMemory(KEPT_BYTES_MAX);
  #looks = 0;
  /** By channel, in the order of sequence numbers within a boot. */
  readonly #chunks = new Map<number, Chunk[]>();
  /** By boot and channel: one past the last sequence number known to be in a block. */
  readonly #sealed = new Map<number, Map<number, number>>();
  /** Local ids of boots. */
  readonly #boots = new Map<string, number>();
  /** By boot and channel. */
  readonly #losses = new Map<string, TailLoss[]>();
  #row = 0;
  #blockPosition: number;
  #gapPosition: number;
  #indexVersion: string | undefined;

  constructor(journal: JournalReader, blocks: BlockReader, onProblem: (text: string) => void = () => {}) {
    this.#journal = journal;
    this.#blocks = blocks;
    this.#onProblem = onProblem;
    this.#blockPosition = blocks.lastPackPosition();
    this.#gapPosition = blocks.lastGapPosition();
    this.#indexVersion = blocks.indexVersion();
  }

  /** Rows committed since the last call; to be handed to {@link TailReader.take}, in the same order. */
  read(): TailRows {
    const rows: TailRow[] = [];
    const last = this.#row;
    let count = 0;
    let first = last + 1;
    for (const { id, boot, bytes } of this.#journal.rowsAfter(last, ROWS_MAX)) {
      if (count === 0) first = id;
      count += 1;
      this.#row = id;
      const content = this.#decode(id, bytes);
      const localBoot = this.#bootOf(boot);
      if (content !== undefined && localBoot !== undefined) rows.push({ id, boot: localBoot, ...content });
    }
    return { rows, hasMore: count === ROWS_MAX, hasMissed: first > last + 1 };
  }

  /** Takes in rows and forgets what is in blocks. Belongs in one snapshot of `blocks` with what is asked next. */
  take(rows: readonly TailRow[]): void {
    for (const row of rows) {
      for (const group of row.groups) this.#append(row, group);
      for (const loss of row.losses) this.#addLoss(row, loss);
    }
    for (const { position, channel, boot, firstSequence, count } of this.#blocks.blocksAfter(this.#blockPosition)) {
      this.#blockPosition = position;
      const end = firstSequence + count;
      const sealed = this.#sealedOf(boot);
      sealed.set(channel, Math.max(sealed.get(channel) ?? 0, end));
      this.#drop(channel, boot, end);
    }
    this.#looks += 1;
    if (this.#looks % LOOKS_SPARE_MAX === 0) this.#memory.dropUnused();
    this.#forgetGivenUp();
    for (const { position, ...gap } of this.#blocks.gapsAfter(this.#gapPosition)) {
      this.#gapPosition = position;
      this.#dropLosses(gap);
    }
  }

  /** Where a disk runs full, blocks may come and go between two looks; what they held is accounted for as given up. */
  #forgetGivenUp(): void {
    const version = this.#blocks.indexVersion();
    if (version === this.#indexVersion) return;
    this.#indexVersion = version;
    for (const { channel, boot, end } of this.#blocks.droppedEnds()) {
      if (end <= this.#sealedEnd(boot, channel)) continue;
      this.#sealedOf(boot).set(channel, end);
      this.#drop(channel, boot, end);
    }
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
  *losses(): IterableIterator<TailLoss> {
    for (const losses of this.#losses.values()) yield* losses;
  }

  /** The store thread sets a damaged row aside when it starts; here it only costs itself. */
  #decode(id: number, bytes: Uint8Array): JournalRow | undefined {
    try {
      return decodeJournalRow(bytes);
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      this.#onProblem(`journal row ${id} cannot be read: ${error.message}`);
      return undefined;
    }
  }

  /** Local id of a boot; undefined for one of another store, whose rows the store thread sets aside when it starts. */
  #bootOf(boot: string): number | undefined {
    let id = this.#boots.get(boot);
    if (id !== undefined) return id;
    for (const known of this.#blocks.boots()) this.#boots.set(known.boot, known.id);
    id = this.#boots.get(boot);
    if (id === undefined) this.#onProblem(`a journal row is of boot ${boot}, which is not in blocks.db`);
    return id;
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
      end = this.#blocks.sealedEnd(channel, boot);
      sealed.set(channel, end);
    }
    return end;
  }

  #append({ id, boot }: TailRow, group: JournalGroup): void {
    let chunks = this.#chunks.get(group.channel);
    let from = Math.max(0, this.#sealedEnd(boot, group.channel) - group.firstSequence);
    const isText = !(group.values instanceof Float64Array);
    while (from < group.times.length) {
      if (chunks === undefined) {
        chunks = [];
        this.#chunks.set(group.channel, chunks);
      }
      const sequence = group.firstSequence + from;
      let chunk = chunks.at(-1);
      const goesOn = chunk !== undefined && chunk.boot === boot && chunk.endSequence === sequence;
      if (chunk === undefined || !goesOn || chunk.isFull || chunk.isText !== isText) {
        chunk = new Chunk(group.channel, boot, sequence, id, isText ? 'text' : 'number', { memory: this.#memory });
        chunks.push(chunk);
      }
      from += chunk.appendColumns(group.times, group.values, from);
    }
  }

  #addLoss({ boot }: TailRow, loss: JournalLoss): void {
    const { channel, firstSequence } = loss;
    if (this.#blocks.hasGap(channel, boot, firstSequence)) return;
    const losses = this.#losses.get(lossKey(boot, channel));
    if (losses === undefined) this.#losses.set(lossKey(boot, channel), [{ ...loss, boot }]);
    else losses.push({ ...loss, boot });
  }

  /** A gap of the ledger may stand for several losses that followed one another. */
  #dropLosses({ boot, channel, firstSequence, count }: KeptGap): void {
    const key = lossKey(boot, channel);
    const end = firstSequence + count;
    const left = this.#losses
      .get(key)
      ?.filter((loss) => loss.firstSequence < firstSequence || loss.firstSequence >= end);
    if (left === undefined) return;
    if (left.length === 0) this.#losses.delete(key);
    else this.#losses.set(key, left);
  }

  #drop(channel: number, boot: number, endSequence: number): void {
    const chunks = this.#chunks.get(channel);
    if (chunks === undefined) return;
    for (const chunk of chunks) if (chunk.boot === boot) chunk.dropBefore(endSequence);
    const left = chunks.filter((chunk) => {
      if (chunk.count === 0) chunk.release();
      return chunk.count > 0;
    });
    if (left.length === 0) this.#chunks.delete(channel);
    else this.#chunks.set(channel, left);
  }
}

function lossKey(boot: number, channel: number): string {
  return `${boot} ${channel}`;
}
