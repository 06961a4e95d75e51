import { isRecordChannel } from '../analysis/record-channels.ts';
import type { Channel } from '../channel.ts';
import type { ChannelActivity } from '../channel-activity.ts';
import type { ClockReading } from '../clock.ts';
import type { LossCause } from '../intake.ts';
import { COMMIT_SLOTS_MAX } from '../limits.ts';
import type { RingReader, RingSink, SampleColumns } from '../ring.ts';
import type { Loss } from '../ring-intake.ts';
import type { BlockDb, KeptGap } from './block-db.ts';
import type { Chunk } from './chunk.ts';
import type { ChunkMemory } from './chunk-memory.ts';
import type { Commit, Journal } from './journal/journal.ts';
import type { JournalLoss } from './journal/row.ts';
import { RowEncoder } from './journal/row-encoder.ts';
import type { OpenChunks } from './open-chunks.ts';
import { PackSealer } from './pack-sealer.ts';
import { UNSEALED_KEY } from './unsealed-before.ts';

/** Chunks from which on a seal pass does not wait for the next second. */
const SEAL_CHUNKS_MIN = 256;

/** Chunks taken into one seal pass. */
const SEAL_CHUNKS_MAX = 1024;

/** Closed chunks that wait to be sealed. At the maximum: nothing more is drained, the ring fills and counts what it refuses. */
const SEAL_QUEUE_MAX = 4096;

/** Samples that memory is taken for between two commits: a MiB. */
const ROOM_SAMPLES = 64 * 1024;

export interface StoreWriterParts {
  readonly ring: RingReader;
  /** Told which channels each commit has. */
  readonly activity: ChannelActivity;
  readonly journal: Journal;
  readonly blocks: BlockDb;
  readonly open: OpenChunks;
  readonly gateway: string;
  /** Local id of the running boot. */
  readonly boot: number;
  /** Channels of the store. */
  readonly channels: readonly Channel[];
  /** Chunks of former boots found in the journal, and gaps of any boot. */
  readonly recovered: readonly Chunk[];
  readonly gaps: readonly RowGap[];
  /** Where all chunks have their samples. */
  readonly memory: ChunkMemory;
  /** Bytes of unsealed samples. At the maximum: nothing more is drained until seals have caught up. */
  readonly unsealedBytesMax: number;
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
}

/** A gap that stands in the journal, with the id of its row. */
export interface RowGap {
  readonly row: number;
  readonly gap: KeptGap;
}

/**
 * Drains the ring into group commits and seals what is full or old into blocks. The only writer of journal and blocks. All
 * calls are synchronous; each either did what it says, durably, or threw: then the store is to be opened anew.
 */
export class StoreWriter implements RingSink {
  readonly #ring: RingReader;
  readonly #activity: ChannelActivity;
  readonly #journal: Journal;
  readonly #blocks: BlockDb;
  readonly #open: OpenChunks;
  readonly #gateway: string;
  readonly #boot: number;
  readonly #channels = new Map<number, Channel>();
  readonly #boots = new Map<number, { readonly boot: string; readonly clock: ClockReading[] }>();
  readonly #sealer: PackSealer;
  #closed: Chunk[] = [];
  /** Chunks of former boots, oldest last. */
  #recovered: Chunk[];
  readonly #gaps: RowGap[];
  readonly #memory: ChunkMemory;
  readonly #unsealedBytesMax: number;
  /** Chunks with a first row before this one are to be sealed. */
  #dueRow = 0;
  /** Small ones with a first row before this one, with those of their cohort that are due. */
  #ripeRow = 0;
  /** Channel from which on due chunks are looked for; undefined when all were found. */
  #sweepFrom: number | undefined;
  readonly #rows = new RowEncoder((channel) => this.scaleOf(channel));
  /** Channels that records of cycles and sessions are kept in, and those of them that have something in no closed chunk. */
  readonly #records = new Set<number>();
  readonly #openRecords = new Set<number>();
  #losses: JournalLoss[] = [];
  #receipts: Uint8Array[] = [];
  #samplesInHand = 0;
  #samples = 0;
  #lost = 0;
  #isHeld = false;
  #sealWaits = 0;

  constructor(parts: StoreWriterParts) {
    this.#ring = parts.ring;
    this.#activity = parts.activity;
    this.#journal = parts.journal;
    this.#blocks = parts.blocks;
    this.#open = parts.open;
    this.#gateway = parts.gateway;
    this.#boot = parts.boot;
    this.#recovered = parts.recovered.toReversed();
    this.#sealer = new PackSealer({ ...parts, channels: this.#channels, boots: this.#boots });
    this.#gaps = [...parts.gaps];
    this.#memory = parts.memory;
    this.#unsealedBytesMax = parts.unsealedBytesMax;
    for (const { id, boot } of parts.blocks.boots()) this.#boots.set(id, { boot, clock: [] });
    for (const { boot, reading } of parts.blocks.clockAfter(0).rows) this.#boots.get(boot)?.clock.push(reading);
    for (const channel of parts.channels) this.#know(channel);
  }

  /** Samples committed by this writer. */
  get samples(): number {
    return this.#samples;
  }

  /** Samples counted as lost by this writer. */
  get lost(): number {
    return this.#lost;
  }

  /** Gain and offset of the integers behind a channel's numbers, where its source knows them. */
  scaleOf(channel: number): Channel['scale'] {
    return this.#channels.get(channel)?.scale;
  }

  /** Samples in the journal and in no block. */
  unsealed(): number {
    let count = this.#open.count();
    for (const chunks of [this.#closed, this.#recovered, this.#sealer.chunks()]) {
      for (const chunk of chunks) count += chunk.count;
    }
    return count;
  }

  /** Keeps definitions; must be called before a commit that holds samples of them. */
  keepChannels(channels: readonly Channel[]): void {
    if (channels.length === 0) return;
    this.#sealRedefined(channels);
    this.#blocks.transaction(() => {
      for (const { id, ...definition } of channels) this.#blocks.keepChannel(this.#gateway, definition, id);
    });
    for (const channel of channels) this.#know(channel);
  }

  keepClock(reading: ClockReading): void {
    this.#blocks.transaction(() => this.#blocks.keepClock(this.#boot, reading));
    this.#boots.get(this.#boot)?.clock.push(reading);
  }

  /** What there is of records is sealed with the next pass, whatever its age: it is small, and travels before what it tells of. */
  closeRecords(): void {
    for (const channel of this.#openRecords) this.#open.close(channel);
    this.#openRecords.clear();
    this.#takeClosed();
  }

  /** How often nothing was drained any more because seals had to catch up. */
  get sealWaits(): number {
    return this.#sealWaits;
  }

  /** Published slots that a commit may take now. 0 while more is unsealed than may be. */
  waiting(): number {
    const isHeld = this.#isFull() || this.#closed.length >= SEAL_QUEUE_MAX;
    if (isHeld && !this.#isHeld) this.#sealWaits += 1;
    this.#isHeld = isHeld;
    return isHeld ? 0 : this.#ring.available();
  }

  /**
   * One group commit of about `slots` slots, and then of losses that never came into the ring. When it returns, everything drained so far is on disk; the returned ring
   * position says how far. When it throws, nothing is freed: what to do is to open the store anew.
   */
  commit(slots: number, losses: readonly Loss[] = []): number {
    this.#journal.append(this.#drain(slots, losses), this.#receipts);
    this.#ring.release();
    this.#takeClosed();
    return this.#ring.tail;
  }

  /** Takes some of the memory that coming commits need. */
  makeRoom(): void {
    this.#open.makeRoom(ROOM_SAMPLES);
  }

  /** Gives back the memory that was not used since the last call. */
  dropUnusedMemory(): void {
    this.#memory.dropUnused();
  }

  /** True while a seal pass is under way, or enough waits for one. */
  hasSealBatch(): boolean {
    if (this.#sealer.isBusy || this.#sweepFrom !== undefined || this.#isFull()) return true;
    return this.#closed.length + this.#recovered.length >= SEAL_CHUNKS_MIN;
  }

  /**
   * From now on chunks whose first sample stands in a journal row before `due` are sealed, and with them small ones of
   * neighbouring channels that began before `ripe`. They are closed as seals come to them: 100,000 channels that are due at
   * once are no reason to keep commits waiting.
   */
  sealOlderThan(due: number, ripe: number = due): void {
    this.#dueRow = Math.max(this.#dueRow, due);
    this.#ripeRow = Math.max(this.#ripeRow, ripe);
    this.#sweepFrom ??= 0;
  }

  /**
   * One step of a seal pass, which takes up to SEAL_CHUNKS_MAX chunks and writes the gaps met at its end. Returns the number
   * of chunks it encoded; 0 when there is nothing more to seal.
   */
  seal(): number {
    if (!this.#sealer.isBusy) {
      if (this.#isFull()) this.#hastenOldest();
      this.#sweep();
      this.#sealer.begin(this.#takeForSeal());
    }
    if (this.#sealer.isBusy) return this.#step();
    if (this.#gaps.length > 0) {
      this.#blocks.transaction(() => this.#keepGaps());
      this.#gaps.length = 0;
    }
    return 0;
  }

  /** Lets go of the journal rows all of whose samples are in blocks. */
  trim(): void {
    this.#journal.trimBefore(this.oldestRow());
  }

  /** Id of the oldest journal row of which not everything is in blocks and gaps; of the next one where there is none. */
  oldestRow(): number {
    let oldest = this.#open.oldestRow() ?? this.nextRow;
    for (const chunk of this.#closed) oldest = Math.min(oldest, chunk.firstRow);
    for (const chunk of this.#sealer.chunks()) oldest = Math.min(oldest, chunk.firstRow);
    oldest = Math.min(oldest, this.#recovered.at(-1)?.firstRow ?? oldest);
    for (const { row } of this.#gaps) oldest = Math.min(oldest, row);
    return oldest;
  }

  /** Position in the ring behind everything that was published until now. */
  get published(): number {
    return this.#ring.tail + this.#ring.available();
  }

  /** Id of the row that the next commit writes. */
  get nextRow(): number {
    return this.#journal.nextRow;
  }

  stretch(columns: SampleColumns, from: number, to: number): void {
    this.#open.appendSamples(columns, from, to);
    this.#samplesInHand += to - from;
  }

  run(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): void {
    this.#open.appendRun(channel, times, values, from, to);
    this.#samplesInHand += to - from;
  }

  text(channel: number, time: number, text: string): void {
    this.#open.appendText(channel, time, text);
    if (this.#records.has(channel)) this.#openRecords.add(channel);
    this.#samplesInHand += 1;
  }

  loss(channel: number, from: number, to: number, count: number, cause: LossCause): void {
    const firstSequence = this.#open.skip(channel, count);
    this.#losses.push({ channel, firstSequence, count, from, to, cause });
    this.#lost += count;
  }

  receipt(digest: Uint8Array): void {
    this.#receipts.push(digest);
  }

  #know(channel: Channel): void {
    this.#channels.set(channel.id, channel);
    if (isRecordChannel(channel.name)) this.#records.add(channel.id);
  }

  /** A block says of what type and stamp its samples are, so none may span a change of them. */
  #sealRedefined(channels: readonly Channel[]): void {
    const changed = new Set<number>();
    for (const { id, type, stamp } of channels) {
      const known = this.#channels.get(id);
      if (known !== undefined && (known.type !== type || known.stamp !== stamp)) changed.add(id);
    }
    if (changed.size === 0) return;
    for (const id of changed) this.#open.close(id);
    this.#takeClosed();
    const isChanged = (chunk: Chunk) => changed.has(chunk.channel);
    const chunks = [...this.#recovered.filter(isChanged).reverse(), ...this.#closed.filter(isChanged)];
    this.#recovered = this.#recovered.filter((chunk) => !isChanged(chunk));
    this.#closed = this.#closed.filter((chunk) => !isChanged(chunk));
    this.#finishPass();
    this.#sealer.begin(chunks);
    this.#finishPass();
  }

  #finishPass(): void {
    while (this.#sealer.isBusy) this.#step();
  }

  #isFull(): boolean {
    return this.#memory.usedBytes >= this.#unsealedBytesMax;
  }

  /** Where nothing that is closed waits, open chunks hold it all: the older half of what they were begun in is due. */
  #hastenOldest(): void {
    const oldest = this.#open.oldestRow();
    if (this.#closed.length + this.#recovered.length > 0 || oldest === undefined) return;
    this.sealOlderThan(oldest + Math.ceil((this.nextRow - oldest) / 2));
  }

  /** Closes what is due, until a seal pass is full. */
  #sweep(): void {
    if (this.#sweepFrom === undefined || this.#closed.length >= SEAL_CHUNKS_MAX) return;
    const room = SEAL_CHUNKS_MAX - this.#closed.length;
    this.#sweepFrom = this.#open.closeOlder(this.#dueRow, this.#ripeRow, this.#sweepFrom, room);
    this.#takeClosed();
  }

  #takeClosed(): void {
    for (const chunk of this.#open.takeClosed()) this.#closed.push(chunk);
  }

  /** The chunks of the next pass: in the order their samples were taken in, unless a backlog would keep commits waiting. */
  #takeForSeal(): Chunk[] {
    const most = this.#closed.length < SEAL_QUEUE_MAX ? Math.min(this.#recovered.length, SEAL_CHUNKS_MAX) : 0;
    const recovered = this.#recovered.splice(this.#recovered.length - most, most).reverse();
    return [...recovered, ...this.#closed.splice(0, SEAL_CHUNKS_MAX - most)];
  }

  /** One step of a pass; gaps are forgotten here when the transaction that has them is committed. */
  #step(): number {
    const count = this.#sealer.step(() => this.#keepGaps());
    if (!this.#sealer.isBusy) this.#gaps.length = 0;
    return count;
  }

  /** Belongs in the last transaction of a pass. */
  #keepGaps(): void {
    for (const { gap } of this.#gaps) this.#blocks.keepGap(gap);
    if (this.#recovered.length === 0 && this.#blocks.meta(UNSEALED_KEY) === '1') {
      this.#blocks.keepMeta(UNSEALED_KEY, '0');
    }
  }

  #drain(slots: number, losses: readonly Loss[]): Commit {
    const id = this.nextRow;
    this.#samplesInHand = 0;
    this.#losses = [];
    this.#receipts = [];
    this.#open.begin(id);
    this.#ring.drain(slots <= COMMIT_SLOTS_MAX ? slots : this.#ring.whole(COMMIT_SLOTS_MAX), this);
    for (const { channel, from, to, count, cause } of losses) this.loss(channel, from, to, count, cause);
    const groups = this.#open.finish();
    for (let index = 0; index < groups.count; index += 1) this.#activity[groups.at(index).channel] = 1;
    const bytes = this.#rows.encode(groups, this.#losses);
    groups.clear();
    this.#samples += this.#samplesInHand;
    for (const { channel, firstSequence, count, from, to, cause } of this.#losses) {
      this.#activity[channel] = 1;
      this.#gaps.push({ row: id, gap: { channel, boot: this.#boot, firstSequence, count, from, to, cause } });
    }
    return { boot: this.#boots.get(this.#boot)?.boot ?? '', ringEnd: this.#ring.drained, bytes };
  }
}
