import { Buffer } from 'node:buffer';
import { LOSS_CAUSES, type LossCause, TEXT_BYTES_PER_SLOT, textRoom } from './intake.ts';

/** Samples of one channel that are worth an entry of their own; fewer are written one by one, which costs less. */
const RUN_SAMPLES_MIN = 32;

/** Samples of one entry. A longer run becomes several, so that a commit can end between them. */
export const RUN_SAMPLES_MAX = 4096;

/**
 * Single-producer, single-consumer ring between the thread that takes samples in and the thread that stores them, in one
 * SharedArrayBuffer of (channel u32, time f64, value f64) columns. The producer writes ahead of the published head and
 * publishes once a batch; the consumer frees slots only when what they held is on disk, so a consumer that dies loses
 * nothing: its successor reads the same slots again.
 *
 * Policy when full: a write is refused as a whole and says so; the caller counts the loss.
 *
 * What a slot holds is told by the two top bits of its channel column:
 *   00 sample   channel | time | value
 *   01 text     channel | time | length in bytes, then ceil(length / 16) continuation slots of 16 bytes (time and value columns)
 *   10 loss     channel | first time | last time, then a continuation slot: count | index of the cause
 *   11 receipt  16 bytes of digest in the time and value columns; or a continuation slot; or, with the next bit set as well,
 *      run      count | first time | first value, then channel | second time | second value, then the other samples of the
 *               channel: as many slots as samples, their times and values as columns
 */
export interface RingMemory {
  readonly buffer: SharedArrayBuffer;
  /** A power of two. */
  readonly slots: number;
}

const KIND_MASK = 0xc0000000;
const KIND_TEXT = 0x40000000;
const KIND_LOSS = 0x80000000;
const CHANNEL_MASK = 0x3fffffff;
const RECEIPT = 0xc0000000;
const CONTINUATION = 0xc0000001;
const KIND_RUN = 0xe0000000;
const RUN_COUNT_MASK = 0x1fffffff;

/** Published positions that are remembered over the length of a ring, as float64. */
const MARKS = 4096;

const CONTROL_BYTES = 256;
// Words of the control block, each on a cache line of its own.
const HEAD = 0;
const TAIL = 16;
const BELL = 32;
const HURRY = 48;

export function createRing(slots: number): RingMemory {
  if (slots < 2 || (slots & (slots - 1)) !== 0) throw new RangeError(`ring of ${slots} slots, expected a power of two`);
  return { buffer: new SharedArrayBuffer(CONTROL_BYTES + slots * 20 + MARKS * 8), slots };
}

/** Samples of many channels, one element of each column a sample. */
export interface SampleColumns {
  readonly channels: Uint32Array;
  readonly times: Float64Array;
  readonly values: Float64Array;
}

class RingColumns implements SampleColumns {
  readonly control: Int32Array;
  readonly channels: Uint32Array;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly timeBytes: Uint8Array;
  readonly valueBytes: Uint8Array;
  /** Positions that were published, at least {@link RingColumns.markInterval} apart, in no order: a message ends at each. */
  readonly marks: Float64Array;
  readonly markInterval: number;
  readonly mask: number;

  constructor({ buffer, slots }: RingMemory) {
    this.control = new Int32Array(buffer, 0, CONTROL_BYTES / 4);
    this.times = new Float64Array(buffer, CONTROL_BYTES, slots);
    this.values = new Float64Array(buffer, CONTROL_BYTES + slots * 8, slots);
    this.channels = new Uint32Array(buffer, CONTROL_BYTES + slots * 16, slots);
    this.timeBytes = new Uint8Array(buffer, CONTROL_BYTES, slots * 8);
    this.valueBytes = new Uint8Array(buffer, CONTROL_BYTES + slots * 8, slots * 8);
    // Where slots are few they may not end at a multiple of 8.
    this.marks = new Float64Array(buffer, buffer.byteLength - MARKS * 8, MARKS);
    this.markInterval = Math.max(1, slots / MARKS);
    this.mask = slots - 1;
  }
}

/**
 * The producing end. Positions count slots since the ring was made and are exact to 2^53; in the shared words they are
 * cut to 32 bits, which is enough because head and tail are never further apart than the ring is long.
 */
export class RingWriter {
  readonly slots: number;
  readonly #columns: RingColumns;
  #position = 0;
  #published = 0;
  #marked = 0;
  #nextMark = 0;
  /** A lower bound of what the consumer has freed, read again only when the ring looks full. */
  #freed = 0;

  constructor(memory: RingMemory) {
    this.slots = memory.slots;
    this.#columns = new RingColumns(memory);
  }

  /** Slots that can be written now. */
  free(): number {
    const { control } = this.#columns;
    this.#freed += (Atomics.load(control, TAIL) - (this.#freed | 0)) >>> 0;
    return this.slots - (this.#position - this.#freed);
  }

  /** Slots written and not yet freed. */
  used(): number {
    return this.slots - this.free();
  }

  writeSample(channel: number, time: number, value: number): boolean {
    if (!this.#fits(1)) return false;
    const { channels, times, values, mask } = this.#columns;
    const slot = this.#position & mask;
    channels[slot] = channel;
    times[slot] = time;
    values[slot] = value;
    this.#position += 1;
    return true;
  }

  /** Writes as many of samples [from, to) of one channel as there is room for, each in a slot; returns how many. */
  writeColumns(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    const count = this.#fits(to - from) ? to - from : Math.min(to - from, this.free());
    const end = from + count;
    let at = from;
    while (end - at >= RUN_SAMPLES_MIN) {
      const next = Math.min(end, at + RUN_SAMPLES_MAX);
      this.#putRun(channel, times.subarray(at, next), values.subarray(at, next));
      at = next;
    }
    for (; at < end; at += 1) this.#put(channel, times[at] as number, values[at] as number);
    return count;
  }

  /** `text` in UTF-8, its first `length` bytes. */
  writeText(channel: number, time: number, text: Uint8Array, length = text.length): boolean {
    const slots = textRoom(length);
    if (!this.#fits(slots)) return false;
    this.#put((channel | KIND_TEXT) >>> 0, time, length);
    for (let piece = 0; piece < slots - 1; piece += 1) {
      this.#putBytes(CONTINUATION, text, piece * TEXT_BYTES_PER_SLOT, length);
    }
    return true;
  }

  writeLoss(channel: number, from: number, to: number, count: number, cause: LossCause): boolean {
    if (!this.#fits(2)) return false;
    this.#put((channel | KIND_LOSS) >>> 0, from, to);
    this.#put(CONTINUATION, count, LOSS_CAUSES.indexOf(cause));
    return true;
  }

  /** `digest` 16 bytes. */
  writeReceipt(digest: Uint8Array): boolean {
    if (!this.#fits(1)) return false;
    this.#putBytes(RECEIPT, digest, 0, digest.length);
    return true;
  }

  /** Shows everything written so far to the consumer. Returns the position behind it. */
  publish(): number {
    if (this.#published !== this.#position) {
      this.#published = this.#position;
      this.#mark();
      Atomics.store(this.#columns.control, HEAD, this.#position | 0);
      this.ring();
    }
    return this.#position;
  }

  #mark(): void {
    const { marks, markInterval } = this.#columns;
    if (this.#position - this.#marked < markInterval) return;
    this.#marked = this.#position;
    marks[this.#nextMark] = this.#position;
    this.#nextMark = (this.#nextMark + 1) % MARKS;
  }

  /** Wakes a waiting consumer. */
  ring(): void {
    Atomics.add(this.#columns.control, BELL, 1);
    Atomics.notify(this.#columns.control, BELL);
  }

  /** Ends every pause of the consumer, from now on: the producer is done. */
  hurry(): void {
    Atomics.store(this.#columns.control, HURRY, 1);
    Atomics.notify(this.#columns.control, HURRY);
    this.ring();
  }

  #fits(slots: number): boolean {
    return this.#position + slots - this.#freed <= this.slots || this.free() >= slots;
  }

  #put(channel: number, time: number, value: number): void {
    const { channels, times, values, mask } = this.#columns;
    const slot = this.#position & mask;
    channels[slot] = channel;
    times[slot] = time;
    values[slot] = value;
    this.#position += 1;
  }

  /** At least two samples. */
  #putRun(channel: number, times: Float64Array, values: Float64Array): void {
    const columns = this.#columns;
    const count = times.length;
    const slot = this.#position & columns.mask;
    columns.channels[slot] = KIND_RUN + count;
    columns.channels[(slot + 1) & columns.mask] = channel;
    const atEnd = Math.min(count, this.slots - slot);
    if (atEnd === count) {
      columns.times.set(times, slot);
      columns.values.set(values, slot);
    } else {
      columns.times.set(times.subarray(0, atEnd), slot);
      columns.values.set(values.subarray(0, atEnd), slot);
      columns.times.set(times.subarray(atEnd));
      columns.values.set(values.subarray(atEnd));
    }
    this.#position += count;
  }

  /** As many of the bytes [from, to) as a slot holds. */
  #putBytes(channel: number, bytes: Uint8Array, from: number, to: number): void {
    const { channels, timeBytes, valueBytes, mask } = this.#columns;
    const slot = this.#position & mask;
    channels[slot] = channel;
    // Byte by byte, because a view for so few costs more.
    const byte = slot * 8;
    const length = Math.min(TEXT_BYTES_PER_SLOT, to - from);
    for (let at = 0; at < 8 && at < length; at += 1) timeBytes[byte + at] = bytes[from + at] as number;
    for (let at = 8; at < length; at += 1) valueBytes[byte + at - 8] = bytes[from + at] as number;
    this.#position += 1;
  }
}

/** What the consumer does with what is in the ring. Columns are the ring's own: they stand until the slots are freed. */
export interface RingSink {
  /** Samples [from, to) of many channels, in the order in which they were written. */
  stretch(columns: SampleColumns, from: number, to: number): void;
  /** Samples [from, to) of one channel. */
  run(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): void;
  text(channel: number, time: number, text: string): void;
  loss(channel: number, from: number, to: number, count: number, cause: LossCause): void;
  /** `digest` is the sink's to keep. */
  receipt(digest: Uint8Array): void;
}

/** The consuming end. */
export class RingReader {
  readonly #columns: RingColumns;
  /** Position of the first slot that is not freed. */
  #tail: number;
  /** Position up to which {@link RingReader.drain} went. */
  #drained: number;

  /** @param tail position to go on from: 0 for a new ring, or what the last consumer made durable */
  constructor(memory: RingMemory, tail = 0) {
    this.#columns = new RingColumns(memory);
    // A dead consumer may have made more durable than it lived to free.
    const shared = Atomics.load(this.#columns.control, TAIL);
    const ahead = (tail - shared) | 0;
    this.#tail = ahead > 0 ? tail : tail - ahead;
    this.#drained = this.#tail;
    Atomics.store(this.#columns.control, TAIL, this.#tail | 0);
  }

  /** Position of the first slot that is not freed. */
  get tail(): number {
    return this.#tail;
  }

  /** Position behind what was drained. */
  get drained(): number {
    return this.#drained;
  }

  /** Published slots not drained yet. */
  available(): number {
    return (Atomics.load(this.#columns.control, HEAD) - (this.#drained | 0)) >>> 0;
  }

  /**
   * So many slots of those that wait, at most `slotsMax`, that what was published together stays together: a message and its
   * receipt. `slotsMax` where one message is more than that.
   */
  whole(slotsMax: number): number {
    let last = 0;
    for (const mark of this.#columns.marks) if (mark <= this.#drained + slotsMax && mark > last) last = mark;
    return last > this.#drained ? last - this.#drained : slotsMax;
  }

  /** Value of the bell, to be given to {@link RingReader.sleep}. */
  bell(): number {
    return Atomics.load(this.#columns.control, BELL);
  }

  /** Sleeps until the bell no longer is `bell`, at most `timeoutMs`. */
  sleep(bell: number, timeoutMs: number): void {
    Atomics.wait(this.#columns.control, BELL, bell, timeoutMs);
  }

  /** Sleeps for `timeoutMs` whatever is published, unless the producer hurries. */
  pause(timeoutMs: number): void {
    Atomics.wait(this.#columns.control, HURRY, 0, timeoutMs);
  }

  /** Hands whole entries to `sink`, about `slotsMax` slots at most; the slots stay until {@link RingReader.release}. */
  drain(slotsMax: number, sink: RingSink): void {
    const { channels, times, values, mask } = this.#columns;
    const stop = this.#drained + Math.min(this.available(), slotsMax);
    let position = this.#drained;
    while (position < stop) {
      const slot = position & mask;
      const head = channels[slot] as number;
      if (head < KIND_TEXT) {
        const end = endOfSamples(channels, slot, Math.min(slot + stop - position, mask + 1));
        sink.stretch(this.#columns, slot, end);
        position += end - slot;
        continue;
      }
      if (head >= KIND_RUN) {
        const count = head & RUN_COUNT_MASK;
        // Unless it is the first, a run that would exceed the maximum is left for the next drain.
        if (position + count > stop && position > this.#drained) break;
        this.#drainRun(slot, count, sink);
        position += count;
        continue;
      }
      position += 1;
      const kind = (head & KIND_MASK) >>> 0;
      const channel = head & CHANNEL_MASK;
      if (kind === KIND_TEXT) {
        const length = values[slot] as number;
        sink.text(channel, times[slot] as number, this.#textAt(position, length));
        position += Math.ceil(length / TEXT_BYTES_PER_SLOT);
      } else if (kind === KIND_LOSS) {
        const next = position & mask;
        const cause = LOSS_CAUSES[values[next] as number] ?? 'store-failed';
        sink.loss(channel, times[slot] as number, values[slot] as number, times[next] as number, cause);
        position += 1;
      } else if (head === RECEIPT) {
        sink.receipt(this.#bytesAt(position - 1, 1));
      }
    }
    this.#drained = position;
  }

  /** Frees everything drained so far: it is on disk. */
  release(): void {
    this.#tail = this.#drained;
    Atomics.store(this.#columns.control, TAIL, this.#tail | 0);
  }

  /** A run that goes on at the ring's beginning is given in two. */
  #drainRun(slot: number, count: number, sink: RingSink): void {
    const { channels, times, values, mask } = this.#columns;
    const channel = channels[(slot + 1) & mask] as number;
    const end = slot + count;
    const slots = mask + 1;
    sink.run(channel, times, values, slot, Math.min(end, slots));
    if (end > slots) sink.run(channel, times, values, 0, end - slots);
  }

  #textAt(position: number, length: number): string {
    const bytes = this.#bytesAt(position, Math.ceil(length / TEXT_BYTES_PER_SLOT));
    return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('utf8');
  }

  #bytesAt(position: number, slots: number): Uint8Array {
    const { timeBytes, valueBytes, mask } = this.#columns;
    const bytes = new Uint8Array(slots * TEXT_BYTES_PER_SLOT);
    for (let piece = 0; piece < slots; piece += 1) {
      const at = ((position + piece) & mask) * 8;
      bytes.set(timeBytes.subarray(at, at + 8), piece * TEXT_BYTES_PER_SLOT);
      bytes.set(valueBytes.subarray(at, at + 8), piece * TEXT_BYTES_PER_SLOT + 8);
    }
    return bytes;
  }
}

/** Where the plain samples end that begin at `from`, `to` at the latest. */
function endOfSamples(channels: Uint32Array, from: number, to: number): number {
  let at = from + 1;
  while (at < to && (channels[at] as number) < KIND_TEXT) at += 1;
  return at;
}
