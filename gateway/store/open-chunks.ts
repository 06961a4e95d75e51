import type { SampleColumns } from '../ring.ts';
import { Chunk } from './chunk.ts';
import { CHUNK_ROOM_MIN, type ChunkMemory, roomFor, SPARE_ROOM_MIN } from './chunk-memory.ts';
import { RowGroups } from './journal/row-groups.ts';
import { SampleSorter, type TakeRun } from './sample-sorter.ts';
import { COHORT_CHANNELS } from './seal-plan.ts';

/** Samples up to which a chunk gains by being sealed early together with others. */
const SMALL_CHUNK_SAMPLES = 1024;

/** A channel of the running boot: its open chunk, and what the commit in hand added to it. */
interface OpenChannel {
  readonly id: number;
  chunk: Chunk | undefined;
  /** Sequence number of the next sample where no chunk is open, which otherwise tells. */
  nextSequence: number;
  /** Samples that the next chunk expects: as many as the last one came to have. */
  expected: number;
  /** True while it stands among those that will need memory. */
  isCrowded: boolean;
  /** Samples of the chunk that were there before the commit in hand; -1 when it adds none. */
  mark: number;
}

/**
 * The unsealed samples of the running boot, by channel. Between {@link OpenChunks.begin} and {@link OpenChunks.finish}
 * lies one group commit; its samples are appended once, and the journal row's groups tell where they stand.
 */
export class OpenChunks {
  readonly #boot: number;
  readonly #memory: ChunkMemory;
  /** By channel id. */
  readonly #channels: (OpenChannel | undefined)[] = [];
  readonly #firstSequenceOf: (channel: number) => number;
  readonly #sorter = new SampleSorter();
  readonly #touched: OpenChannel[] = [];
  readonly #groups = new RowGroups();
  #closed: Chunk[] = [];
  /** Channels whose chunks will need memory, the first to come to it first; those before `#crowdedFrom` are done. */
  #crowded: OpenChannel[] = [];
  #crowdedFrom = 0;
  #row = 0;

  /** @param firstSequenceOf where a channel's sequence numbers go on, asked once a channel */
  constructor(boot: number, memory: ChunkMemory, firstSequenceOf: (channel: number) => number) {
    this.#boot = boot;
    this.#memory = memory;
    this.#firstSequenceOf = firstSequenceOf;
  }

  /** Begins the commit that becomes journal row `row`. */
  begin(row: number): void {
    this.#row = row;
  }

  /** Appends samples [from, to) of many channels, which must stand until the commit is finished. */
  appendSamples(columns: SampleColumns, from: number, to: number): void {
    this.#sorter.add(columns, from, to);
  }

  /** Appends samples [from, to) of one channel. */
  appendRun(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): void {
    this.#settle(channel);
    this.#takeRun(channel, times, values, from, to);
  }

  appendText(channel: number, time: number, text: string): void {
    this.#settle(channel);
    this.#touch(this.#channel(channel), true).appendText(time, text);
  }

  /** Gives `count` sequence numbers to samples that are lost; returns the first. A block never spans such a hole. */
  skip(channel: number, count: number): number {
    this.#settle(channel);
    const open = this.#channel(channel);
    this.#close(open);
    const first = open.nextSequence;
    open.nextSequence += count;
    return first;
  }

  /** Ends the commit in hand: its groups, to be written as one row and then cleared, in the order of their channels. */
  finish(): RowGroups {
    this.#sorter.deliver(this.#takeRun);
    for (const open of this.#touched) this.#emit(open);
    this.#touched.length = 0;
    this.#groups.sort();
    return this.#groups;
  }

  /** Puts back a chunk found in the journal, of a store thread of the same boot that died. */
  restore(chunk: Chunk): void {
    const open = this.#channel(chunk.channel);
    this.#close(open);
    open.chunk = chunk;
  }

  /** Says that the sequence numbers before `sequence` were given out before this thread began. */
  reserve(channel: number, sequence: number): void {
    const open = this.#channel(channel);
    if ((open.chunk?.endSequence ?? open.nextSequence) >= sequence) return;
    this.#close(open);
    open.nextSequence = sequence;
  }

  /** Chunks that are full or were closed; the caller's from now on. Only between commits. */
  takeClosed(): Chunk[] {
    const closed = this.#closed;
    this.#closed = [];
    return closed;
  }

  /** Closes the chunk of a channel. */
  close(channel: number): void {
    const open = this.#channels[channel];
    if (open !== undefined) this.#close(open);
  }

  /**
   * Closes chunks whose first sample stands in a journal row before `due`, of channels from `channel` on, and with them the
   * small ones of their cohort that began before `ripe`: slow channels come to begin together, and share packs. Stops behind
   * the cohort with which `chunksMax` are reached. Returns the channel to go on from; undefined where there are no more.
   */
  closeOlder(due: number, ripe: number, channel: number, chunksMax: number): number | undefined {
    let closed = 0;
    for (let first = channel; first < this.#channels.length; first += COHORT_CHANNELS) {
      if (closed >= chunksMax) return first;
      const cohort = this.#channels.slice(first, first + COHORT_CHANNELS);
      if (!cohort.some((open) => open?.chunk !== undefined && open.chunk.firstRow < due)) continue;
      for (const open of cohort) {
        if (open?.chunk === undefined) continue;
        const { firstRow, count } = open.chunk;
        if (firstRow >= due && (firstRow >= ripe || count > SMALL_CHUNK_SAMPLES)) continue;
        this.#close(open);
        closed += 1;
      }
    }
    return undefined;
  }

  /**
   * Takes memory of up to about `samplesMax` for chunks that will need it. Channels of one rate come to it in the same
   * commit, which would have to wait for all of them; one that finds none takes it then. Only between commits.
   */
  makeRoom(samplesMax: number): void {
    let samples = 0;
    while (samples < samplesMax) {
      const open = this.#crowded[this.#crowdedFrom];
      if (open === undefined) {
        this.#crowded = [];
        this.#crowdedFrom = 0;
        return;
      }
      this.#crowdedFrom += 1;
      open.isCrowded = false;
      if (open.chunk?.isCrowded === true) samples += open.chunk.makeRoom();
    }
  }

  /** Id of the oldest journal row that holds a sample of an open chunk; undefined where there is none. */
  oldestRow(): number | undefined {
    let oldest: number | undefined;
    for (const open of this.#channels) {
      const row = open?.chunk?.firstRow;
      if (row !== undefined && (oldest === undefined || row < oldest)) oldest = row;
    }
    return oldest;
  }

  /** Samples in open chunks. */
  count(): number {
    let count = 0;
    for (const open of this.#channels) count += open?.chunk?.count ?? 0;
    return count;
  }

  /** What came before of a channel stands in its chunk afterwards. */
  #settle(channel: number): void {
    if (this.#sorter.has(channel)) this.#sorter.deliver(this.#takeRun);
  }

  readonly #takeRun: TakeRun = (channel, times, values, from, to) => {
    const open = this.#channel(channel);
    while (from < to) from += this.#touch(open, false).appendNumbers(times, from, values, from, to - from);
    if (open.isCrowded || open.chunk?.isCrowded !== true) return;
    open.isCrowded = true;
    this.#crowded.push(open);
  };

  /** The chunk that takes the next sample of a channel. */
  #touch(open: OpenChannel, text: boolean): Chunk {
    if (open.chunk !== undefined && (open.chunk.isFull || open.chunk.isText !== text)) this.#close(open);
    open.chunk ??= new Chunk(open.id, this.#boot, open.nextSequence, this.#row, text ? 'text' : 'number', {
      room: Math.min(open.expected, SPARE_ROOM_MIN),
      expected: open.expected,
      memory: this.#memory,
    });
    if (open.mark < 0) {
      open.mark = open.chunk.count;
      this.#touched.push(open);
    }
    return open.chunk;
  }

  #channel(id: number): OpenChannel {
    let open = this.#channels[id];
    if (open === undefined) {
      open = {
        id,
        chunk: undefined,
        nextSequence: this.#firstSequenceOf(id),
        expected: CHUNK_ROOM_MIN,
        isCrowded: false,
        mark: -1,
      };
      this.#channels[id] = open;
    }
    return open;
  }

  #close(open: OpenChannel): void {
    if (open.chunk === undefined) return;
    this.#emit(open);
    this.#closed.push(open.chunk);
    open.nextSequence = open.chunk.endSequence;
    open.expected = roomFor(open.chunk.count);
    open.chunk = undefined;
  }

  #emit(open: OpenChannel): void {
    const { chunk, mark } = open;
    open.mark = -1;
    if (chunk === undefined || mark < 0 || mark === chunk.count) return;
    chunk.tellFrom(mark, this.#groups);
  }
}
