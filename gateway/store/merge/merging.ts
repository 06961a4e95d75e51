import { Buffer } from 'node:buffer';
import { CaissonError } from '../../errors.ts';
import { BLOCK_TEXT_BYTES_MAX } from '../../limits.ts';
import type { ScaleHint } from '../block/column.ts';
import { nodeOf } from '../envelope-node.ts';
import type { IndexEntry } from '../index-entries.ts';
import { PackEncoder } from '../pack/encode-pack.ts';
import { Pack } from '../pack/pack.ts';
import { type BlockInfo, type PackHeader, sameSamples } from '../pack/pack-info.ts';
import { MERGE_PACKS_MIN, type MergeSource } from './merge-plan.ts';
import { digestOf, type MergedPart, type PartBlock } from './merged-parts.ts';

/** Samples read, encoded or compared between two yields: some milliseconds. */
const STEP_SAMPLES_MAX = 8 * 1024;

/** A block that is read takes as long as so many samples more. */
const BLOCK_SAMPLES = 8;

export interface MergingParts {
  /** By member of the roster. */
  readonly channels: readonly number[];
  readonly sources: readonly MergeSource[];
  /** The bytes of a pack; undefined where it is gone. */
  readonly packBytes: (position: number) => Uint8Array | undefined;
  /** What a merged pack was made of; undefined for one as it was sealed. */
  readonly partsOf: (source: MergeSource) => MergedPart[] | undefined;
  /** Gain and offset of the integers behind a channel's numbers, where they are known. */
  readonly scaleOf: (channel: number) => ScaleHint | undefined;
}

/** Several packs as one. */
export interface Merged {
  readonly sources: readonly MergeSource[];
  readonly bytes: Uint8Array;
  /** By member of the roster. */
  readonly entries: readonly (IndexEntry | undefined)[];
  readonly parts: readonly MergedPart[];
}

/** A block that grows: the samples of a member of the roster. */
interface Column extends Pick<BlockInfo, 'channel' | 'type' | 'firstSequence'> {
  readonly times: Float64Array;
  readonly values: Float64Array | string[];
  count: number;
}

/** What {@link mergePacks} came to. */
export interface MergeOutcome {
  /** How many of the sources were looked at to the end; the others cannot be one pack with them. */
  readonly taken: number;
  /** Undefined where those are too few. */
  readonly merged: Merged | undefined;
}

/**
 * Makes one pack of several, a step at a time, and reads it back: every sample under its number, bit for bit. It changes
 * nothing. Throws CaissonError `block-invalid` where one is damaged.
 */
export function* mergePacks(parts: MergingParts): Generator<void, MergeOutcome> {
  const columns = new Columns(parts);
  const used: MergeSource[] = [];
  let header: PackHeader | undefined;
  let samples = 0;
  for (const source of parts.sources) {
    const bytes = parts.packBytes(source.position);
    if (bytes === undefined) return { taken: parts.sources.length, merged: undefined };
    const pack = Pack.open(bytes);
    header ??= pack.header;
    if (!isOneHeader(header, pack.header) || !columns.take(source, pack)) break;
    used.push(source);
    samples += columns.samplesTaken + source.entries.length * BLOCK_SAMPLES;
    if (samples < STEP_SAMPLES_MAX) continue;
    samples = 0;
    yield;
  }
  const taken = Math.max(1, used.length);
  if (header === undefined || used.length < MERGE_PACKS_MIN) return { taken, merged: undefined };
  yield;
  const bytes = yield* encoded(header, columns, parts);
  yield;
  const entries = yield* verified(bytes, header, columns);
  return { taken, merged: { sources: used, bytes, entries, parts: columns.parts() } };
}

function* encoded(header: PackHeader, columns: Columns, parts: MergingParts): Generator<void, Uint8Array> {
  const encoder = new PackEncoder(header);
  let samples = 0;
  for (const [member, { channel, type, firstSequence, times, values, count }] of columns.members()) {
    const scale = parts.scaleOf(parts.channels[member] ?? 0);
    encoder.add({ channel, type, firstSequence, times: times.subarray(0, count), values: upTo(values, count), scale });
    samples += count;
    if (samples < STEP_SAMPLES_MAX) continue;
    samples = 0;
    yield;
  }
  return encoder.finish();
}

/** What the index is to say of the pack, once it was decoded and found to be what it was made of. */
function* verified(
  bytes: Uint8Array,
  header: PackHeader,
  columns: Columns,
): Generator<void, (IndexEntry | undefined)[]> {
  const pack = Pack.open(bytes);
  const entries: (IndexEntry | undefined)[] = columns.roster.map(() => undefined);
  if (!isOneHeader(pack.header, header)) refuse('a merged pack does not say what its sources said');
  let samples = 0;
  for (const [block, [member, column]] of [...columns.members()].entries()) {
    const { channel, type, firstSequence, count } = column;
    const info = pack.blocks[block];
    const read = pack.samples(block);
    const isNamed = info?.channel === channel && info.type === type && info.firstSequence === firstSequence;
    const made = { times: column.times.subarray(0, count), values: upTo(column.values, count) };
    if (info === undefined || !isNamed || !sameSamples(read, made)) {
      throw new Error(
        `a merged block of ${channel}, samples ${firstSequence} to ${firstSequence + count - 1}, differs`,
      );
    }
    const { timeMin, timeMax } = info;
    const node = read.values instanceof Float64Array ? nodeOf(read.times, read.values, 0, count) : undefined;
    const endSequence = firstSequence + count;
    entries[member] = { block, count, firstSequence, endSequence, timeMin, timeMax, node };
    samples += count;
    if (samples < STEP_SAMPLES_MAX) continue;
    samples = 0;
    yield;
  }
  return entries;
}

/** The samples of packs, channel by channel, in the order of their numbers. */
class Columns {
  readonly roster: readonly number[];
  readonly #parts: MergingParts;
  readonly #columns = new Map<number, Column>();
  /** Of the parts: samples by member. */
  readonly #taken: (Omit<MergedPart, 'counts'> & { readonly counts: ReadonlyMap<number, number> })[] = [];
  #textBytes = 0;
  /** Samples of the pack taken last. */
  samplesTaken = 0;

  constructor(parts: MergingParts) {
    this.#parts = parts;
    this.roster = parts.channels;
  }

  /** Columns by member, ascending. */
  members(): [number, Column][] {
    return [...this.#columns].sort(([a], [b]) => a - b);
  }

  /**
   * Takes over the blocks of a pack; false, and nothing is taken, where one is of another type than those before, or there
   * would be too much text.
   */
  take(source: MergeSource, pack: Pack): boolean {
    const blocks = source.entries.flatMap((entry, member) => {
      const info = entry === undefined ? undefined : pack.blocks[entry.block];
      return entry === undefined || info === undefined ? [] : [{ member, block: entry.block, info }];
    });
    if (blocks.some(({ member, info }) => (this.#columns.get(member)?.type ?? info.type) !== info.type)) return false;
    const taken = blocks.map(({ member, block, info: { channel, type, firstSequence } }) => {
      return { member, channel, type, firstSequence, ...pack.samples(block) };
    });
    this.#textBytes += taken.reduce((sum, { values }) => sum + textBytesOf(values), 0);
    if (this.#textBytes > BLOCK_TEXT_BYTES_MAX) return false;
    for (const block of taken) this.#append(block);
    this.samplesTaken = taken.reduce((sum, { times }) => sum + times.length, 0);
    const before = this.#parts.partsOf(source);
    if (before === undefined) {
      const counts = new Map(taken.map(({ member, times }) => [member, times.length]));
      this.#taken.push({ position: source.position, counts, digest: digestOf(pack.header, taken) });
    } else {
      // The blocks of a merged pack are all in the index, in the order of its members.
      for (const { position, counts, digest } of before) {
        this.#taken.push({
          ...{ position, digest },
          counts: new Map(blocks.map(({ member, block }) => [member, counts[block] ?? 0])),
        });
      }
    }
    return true;
  }

  parts(): MergedPart[] {
    const members = this.members().map(([member]) => member);
    return this.#taken.map(({ counts, ...part }) => {
      return { ...part, counts: members.map((member) => counts.get(member) ?? 0) };
    });
  }

  #append({ member, channel, type, firstSequence, times, values }: PartBlock & { readonly member: number }): void {
    let column = this.#columns.get(member);
    if (column === undefined) {
      const room = this.#parts.sources.reduce((sum, { entries }) => sum + (entries[member]?.count ?? 0), 0);
      const isText = !(values instanceof Float64Array);
      column = {
        ...{ channel, type, firstSequence, count: 0 },
        times: new Float64Array(room),
        values: isText ? [] : new Float64Array(room),
      };
      this.#columns.set(member, column);
    }
    if (column.firstSequence + column.count !== firstSequence) {
      refuse(`block of ${channel} from number ${firstSequence} on does not follow the one before`);
    }
    column.times.set(times, column.count);
    if (values instanceof Float64Array) (column.values as Float64Array).set(values, column.count);
    else (column.values as string[]).push(...values);
    column.count += times.length;
  }
}

function textBytesOf(values: Float64Array | readonly string[]): number {
  return values instanceof Float64Array ? 0 : values.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

function upTo(values: Float64Array | string[], count: number): Float64Array | readonly string[] {
  return values instanceof Float64Array ? values.subarray(0, count) : values;
}

/** True where two packs say the same of all their blocks; only then may one stand for both. */
function isOneHeader(a: PackHeader, b: PackHeader): boolean {
  const fields = ['gateway', 'boot', 'stamp', 'clockSource', 'clockErrorUs'] as const;
  return fields.every((field) => a[field] === b[field]);
}

function refuse(problem: string): never {
  throw new CaissonError('block-invalid', problem);
}
