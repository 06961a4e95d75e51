import { Buffer } from 'node:buffer';
import { BLOCK_SAMPLES_MAX, BLOCK_TEXT_BYTES_MAX } from '../limits.ts';
import { CHUNK_ROOM_MIN, ChunkMemory } from './chunk-memory.ts';
import type { RowGroups } from './journal/row-groups.ts';

/** Fewer samples than this are copied one by one, which is faster than to make views of them. */
const SET_SAMPLES_MIN = 32;

/** A chunk with so many of its places taken takes memory for more. */
const CROWDED = 3;
const CROWDED_OF = 4;

const NOTHING = new Float64Array(0);

/** How much memory a chunk takes, and where. */
export interface ChunkRoom {
  /** Samples, of numbers, that it takes memory for at once. CHUNK_ROOM_MIN without. */
  readonly room?: number | undefined;
  /** Samples that are expected: what it takes memory for when it needs more. `room` without. */
  readonly expected?: number;
  /** Without, memory of its own that is not used again. */
  readonly memory?: ChunkMemory;
}

/**
 * Samples of one channel and boot with contiguous sequence numbers that are in no block yet: what becomes the next
 * block. Holds numbers or text, at most a block's worth; grows as it fills, so that a slow channel costs little.
 */
export class Chunk {
  readonly channel: number;
  readonly boot: number;
  /** Id of the journal row that holds the first sample. */
  readonly firstRow: number;
  /** Sequence number of the first sample still held. */
  #firstSequence: number;
  #start = 0;
  #end = 0;
  #textBytes = 0;
  #times: Float64Array;
  #numbers: Float64Array;
  readonly #texts: string[] | undefined;
  readonly #memory: ChunkMemory;
  readonly #expected: number;

  constructor(
    channel: number,
    boot: number,
    firstSequence: number,
    firstRow: number,
    kind: 'number' | 'text',
    { room = CHUNK_ROOM_MIN, expected = room, memory = new ChunkMemory(0) }: ChunkRoom = {},
  ) {
    this.channel = channel;
    this.boot = boot;
    this.firstRow = firstRow;
    this.#firstSequence = firstSequence;
    this.#memory = memory;
    this.#expected = Math.min(expected, BLOCK_SAMPLES_MAX);
    this.#texts = kind === 'text' ? [] : undefined;
    const columns = memory.take(kind === 'text' ? CHUNK_ROOM_MIN : Math.min(Math.max(room, 1), BLOCK_SAMPLES_MAX));
    this.#times = columns.times;
    this.#numbers = columns.numbers;
  }

  get isText(): boolean {
    return this.#texts !== undefined;
  }

  get firstSequence(): number {
    return this.#firstSequence;
  }

  /** One past the last sequence number. */
  get endSequence(): number {
    return this.#firstSequence + this.count;
  }

  get count(): number {
    return this.#end - this.#start;
  }

  get isFull(): boolean {
    return this.count >= BLOCK_SAMPLES_MAX || this.#textBytes >= BLOCK_TEXT_BYTES_MAX;
  }

  /** True where it will need more memory soon. */
  get isCrowded(): boolean {
    const room = this.#times.length;
    return room < BLOCK_SAMPLES_MAX && (room < this.#expected || this.#end * CROWDED_OF >= room * CROWDED);
  }

  /** Bytes of all text held, in UTF-8; 0 for numbers. */
  get textBytes(): number {
    return this.#textBytes;
  }

  /** Time of the first sample, as stored. */
  get firstTime(): number {
    return this.timeAt(0);
  }

  /** Time of sample `index` of those held. */
  timeAt(index: number): number {
    return this.#times[this.#start + index] ?? Number.NaN;
  }

  /** Greatest stored time. */
  get timeMax(): number {
    let max = Number.NEGATIVE_INFINITY;
    for (let i = this.#start; i < this.#end; i += 1) max = Math.max(max, this.#times[i] as number);
    return max;
  }

  append(time: number, value: number): void {
    const at = this.#end;
    if (at === this.#times.length) this.#grow(at + 1);
    this.#times[at] = time;
    this.#numbers[at] = value;
    this.#end = at + 1;
  }

  appendText(time: number, text: string): void {
    const at = this.#end;
    if (at === this.#times.length) this.#grow(at + 1);
    this.#times[at] = time;
    this.#texts?.push(text);
    this.#countText(Buffer.byteLength(text));
    this.#end = at + 1;
  }

  /** Takes over as many of samples [from, ...) as fit; returns how many. */
  appendColumns(times: Float64Array, values: Float64Array | readonly string[], from: number): number {
    const most = times.length - from;
    if (values instanceof Float64Array) return this.appendNumbers(times, from, values, from, most);
    const count = Math.min(BLOCK_SAMPLES_MAX - this.count, most);
    let taken = 0;
    while (taken < count && !this.isFull) {
      this.appendText(times[from + taken] as number, values[from + taken] as string);
      taken += 1;
    }
    return taken;
  }

  /** Takes over as many of `most` numbers as fit, from where they begin in both columns; returns how many. */
  appendNumbers(
    times: Float64Array,
    timesFrom: number,
    values: Float64Array,
    valuesFrom: number,
    most: number,
  ): number {
    const count = Math.min(BLOCK_SAMPLES_MAX - this.count, most);
    const end = this.#end;
    this.#grow(end + count);
    if (count < SET_SAMPLES_MIN) {
      for (let i = 0; i < count; i += 1) {
        this.#times[end + i] = times[timesFrom + i] as number;
        this.#numbers[end + i] = values[valuesFrom + i] as number;
      }
    } else {
      this.#times.set(times.subarray(timesFrom, timesFrom + count), end);
      this.#numbers.set(values.subarray(valuesFrom, valuesFrom + count), end);
    }
    this.#end = end + count;
    return count;
  }

  /** Takes memory for what is expected, or twice what it has, before that is needed; returns how many samples it is for. */
  makeRoom(): number {
    this.#grow(this.#times.length + 1);
    return this.#times.length;
  }

  /** Forgets the samples before `sequence`: they are in a block. */
  dropBefore(sequence: number): void {
    const dropped = Math.min(Math.max(0, sequence - this.#firstSequence), this.count);
    this.#start += dropped;
    this.#firstSequence += dropped;
    // Moving what is left costs no more than was dropped. Else a chunk that is never empty would grow without end.
    if (this.#start >= this.count) this.#moveToFront();
  }

  /** Times from sample `from` of those held, a view; valid until the chunk changes. */
  timesFrom(from: number): Float64Array {
    return this.#times.subarray(this.#start + from, this.#end);
  }

  /** Values from sample `from` of those held, a view or, for text, a copy. */
  valuesFrom(from: number): Float64Array | readonly string[] {
    if (this.#texts !== undefined) return this.#texts.slice(this.#start + from, this.#end);
    return this.#numbers.subarray(this.#start + from, this.#end);
  }

  /** Adds samples from `from` on of those held to the groups of a row; they stand until the chunk changes. */
  tellFrom(from: number, groups: RowGroups): void {
    const [first, last] = [this.#start + from, this.#end];
    groups.add(this.channel, this.#firstSequence + from, this.#times, this.#texts ?? this.#numbers, first, last);
  }

  /** Gives its memory back. What it counts stays; no view of its samples may be used any more. */
  release(): void {
    this.#memory.giveBack({ times: this.#times, numbers: this.#numbers });
    this.#memory.countText(-this.#textBytes);
    this.#times = NOTHING;
    this.#numbers = NOTHING;
    this.#texts?.splice(0);
  }

  #moveToFront(): void {
    this.#times.copyWithin(0, this.#start, this.#end);
    this.#numbers.copyWithin(0, this.#start, this.#end);
    for (const text of this.#texts?.splice(0, this.#start) ?? []) this.#countText(-Buffer.byteLength(text));
    this.#end -= this.#start;
    this.#start = 0;
  }

  #countText(bytes: number): void {
    this.#textBytes += bytes;
    this.#memory.countText(bytes);
  }

  #grow(needed: number): void {
    const room = this.#times.length;
    if (needed <= room) return;
    let larger = Math.max(room, this.#expected);
    while (larger < needed) larger = larger < BLOCK_SAMPLES_MAX ? Math.min(2 * larger, BLOCK_SAMPLES_MAX) : 2 * larger;
    const old = { times: this.#times, numbers: this.#numbers };
    const { times, numbers } = this.#memory.take(larger);
    times.set(old.times);
    numbers.set(old.numbers);
    this.#times = times;
    this.#numbers = numbers;
    this.#memory.giveBack(old);
  }
}
