import type { Stamp } from '../channel.ts';
import type { UtcMap } from '../clock.ts';
import type { Extent } from '../store/block-rows.ts';
import type { BlockContents, FoldedBlock } from './block-contents.ts';
import type { BlockSource } from './block-source.ts';
import { Lateness } from './lateness.ts';
import { lowerBound } from './lower-bound.ts';
import type { PixelGrid } from './pixel-grid.ts';
import type { TailReader } from './tail-reader.ts';
import type { Samples } from './telemetry.ts';
import type { BootClocks } from './utc.ts';
import { howMuch, shownOf, type Versions } from './versions.ts';

/** Samples of one block or chunk in UTC, in the order of their sequence numbers. */
export interface Run {
  readonly times: Float64Array;
  readonly values: Float64Array | readonly string[];
  /** Least and greatest time, UTC, microseconds. */
  readonly timeMin: number;
  readonly timeMax: number;
  /** Runs taken in later have greater ones. */
  readonly order: number;
  /** 1 where a sample is late; undefined where none is, or nobody asked. */
  readonly late?: Uint8Array | undefined;
}

/** A run as it is stored, in UTC once `shift` is added to its times; shared with others, not to be changed. */
export interface ShiftedRun {
  readonly times: Float64Array;
  readonly values: Float64Array | readonly string[];
  /** What is added to a stored time, microseconds. */
  readonly shift: number;
  readonly order: number;
  /** True where no time is before the one before it. */
  readonly ascends: boolean;
}

/** Where a run is, without its samples. Bounds are UTC, microseconds. */
interface Piece {
  readonly timeMin: number;
  readonly timeMax: number;
  load(): Run | undefined;
}

/** Order of the first unsealed run of a channel: behind every block's position. */
const BEHIND_BLOCKS = 2 ** 52;

export interface RangeReaderParts {
  readonly blocks: BlockSource;
  readonly contents: BlockContents;
  readonly tail: TailReader | undefined;
  readonly clocks: BootClocks;
  readonly versions: Versions;
}

/** A channel as it is in a version. */
export interface VersionedChannel {
  readonly id: number;
  readonly stamp: Stamp;
  readonly version: number;
}

/** Reads stretches of one channel from blocks and tail, in UTC: the samples that are shown in a version. */
export class RangeReader {
  readonly #blocks: BlockSource;
  readonly #contents: BlockContents;
  readonly #tail: TailReader | undefined;
  readonly #clocks: BootClocks;
  readonly #versions: Versions;

  constructor(parts: RangeReaderParts) {
    this.#blocks = parts.blocks;
    this.#contents = parts.contents;
    this.#tail = parts.tail;
    this.#clocks = parts.clocks;
    this.#versions = parts.versions;
  }

  /**
   * The samples of [from, to) in time order, a piece at a time. Runs that overlap in time are merged. Which samples those are
   * is settled by this call, however late they are asked for.
   */
  samples(channel: VersionedChannel, from: number, to: number): IterableIterator<Samples> {
    return merged(this.#pieces(channel, from, to), from, to);
  }

  /** Times in [from, to), ascending, at which that range can be cut so that a stretch has some `blocks` blocks. */
  cuts(channel: VersionedChannel, from: number, to: number, blocks: number): number[] {
    const starts = this.#pieces(channel, from, to).map(({ timeMin }) => timeMin);
    return [...new Set(starts.filter((time, i) => i % blocks === 0 && time > from && time < to))];
  }

  /** How much of an extent is shown; `some` also where that is not known. */
  howMuch(channel: VersionedChannel, extent: Extent): 'all' | 'some' | 'none' {
    return extent.boot === undefined ? 'some' : this.howMuchOf(channel, extent.boot, extent);
  }

  /** The same of samples of one boot and stamp. */
  howMuchOf(
    { id, version }: VersionedChannel,
    boot: number,
    { stamp, timeMin, timeMax }: Pick<Extent, 'stamp' | 'timeMin' | 'timeMax'>,
  ): 'all' | 'some' | 'none' {
    return howMuch(this.#versions.shown(id, boot, stamp, version), timeMin, timeMax);
  }

  /**
   * What is shown of a sealed block, times as stored; undefined when it is gone, thinned or damaged, or nothing is. Shared with
   * others, not to be changed.
   */
  stored(channel: VersionedChannel, extent: Extent, lateness?: Lateness): Samples | undefined {
    const { boot, stamp, firstSequence } = extent;
    if (boot === undefined) return undefined;
    const samples = this.#contents.of(extent);
    const columns =
      samples === undefined
        ? this.#merged(channel, extent, boot, lateness)
        : { ...samples, late: lateness?.of(samples.times, boot, firstSequence) };
    return columns && shownOf(this.#versions.shown(channel.id, boot, stamp, channel.version), columns);
  }

  /** The samples of a block that was merged into a larger one after its extent was looked up. */
  #merged({ id }: VersionedChannel, extent: Extent, boot: number, lateness?: Lateness): Samples | undefined {
    const { firstSequence: first, endSequence: end, count } = extent;
    return this.#blocks.snapshot(() => {
      const into = this.#blocks
        .blocksHolding(id, boot, first, end)
        .find((other) => other.firstSequence <= first && other.endSequence >= end && other.count > count);
      const samples = into && this.#contents.of(into);
      if (samples === undefined || into === undefined) return undefined;
      const [from, to] = [first - into.firstSequence, end - into.firstSequence];
      const late = lateness?.of(samples.times, boot, into.firstSequence)?.subarray(from, to);
      const [times, values] = [samples.times.slice(from, to), samples.values.slice(from, to)];
      return { times, values, late: late?.includes(1) === true ? late : undefined };
    });
  }

  /** What is shown of a sealed block of numbers, for a look, valid until the next block is read; undefined as above. */
  look({ id, version }: VersionedChannel, extent: Extent): ShiftedRun | undefined {
    const { boot, stamp } = extent;
    const looked = this.#contents.look(extent);
    if (looked === undefined || boot === undefined) return undefined;
    const stored = shownOf(this.#versions.shown(id, boot, stamp, version), looked);
    if (stored === undefined) return undefined;
    const { times, values } = stored;
    const map = this.#clocks.of(boot, stamp);
    const order = extent.firstPosition;
    // What is shown is some of what was looked at, in its order; and UTC never goes back where box time does not.
    const { ascends } = looked;
    if (map.isUniform(extent.timeMin, extent.timeMax)) {
      return { times, values, shift: map.offsetAt(extent.timeMin), order, ascends };
    }
    return { ...this.#run(map, times.slice(), values, order), shift: 0, ascends };
  }

  /**
   * A sealed block of numbers of which all is shown, folded to the pixels of a chart; undefined where it has to be looked at.
   * @param shift what is added to its stored times to give UTC
   */
  fold(extent: Extent, grid: PixelGrid, shift: number): FoldedBlock | undefined {
    return this.#contents.fold(extent, grid, shift);
  }

  /** What is shown of the unsealed runs of a channel, times as stored; views that are valid until the tail grows. */
  *storedTail({ id, stamp, version }: VersionedChannel): IterableIterator<Samples & { readonly boot: number }> {
    for (const chunk of this.#tail?.chunks(id) ?? []) {
      const columns = { times: chunk.timesFrom(0), values: chunk.valuesFrom(0) };
      const samples = shownOf(this.#versions.shown(id, chunk.boot, stamp, version), columns);
      if (samples !== undefined) yield { ...samples, boot: chunk.boot };
    }
  }

  /** The same, to be read in UTC. */
  *tail(channel: VersionedChannel): IterableIterator<ShiftedRun> {
    let order = BEHIND_BLOCKS;
    for (const { boot, times, values } of this.storedTail(channel)) {
      const map = this.#clocks.of(boot, channel.stamp);
      const { timeMin, timeMax, ascends } = spanOf(times);
      if (map.isUniform(timeMin, timeMax)) yield { times, values, shift: map.offsetAt(timeMin), order, ascends };
      else yield { ...this.#run(map, times.slice(), values, order), shift: 0, ascends };
      order += 1;
    }
  }

  /** What is shown of a sealed block in UTC, as a copy with its late samples marked. */
  #marked(channel: VersionedChannel, extent: Extent, lateness: Lateness): Run | undefined {
    const stored = this.stored(channel, extent, lateness);
    if (stored === undefined || extent.boot === undefined) return undefined;
    const { times, values, late } = stored;
    const map = this.#clocks.of(extent.boot, extent.stamp);
    const order = extent.firstPosition;
    if (!map.isUniform(extent.timeMin, extent.timeMax) || times.length < extent.count) {
      return { ...this.#run(map, times.slice(), values, order), late };
    }
    const shift = map.offsetAt(extent.timeMin);
    const [timeMin, timeMax] = [extent.timeMin + shift, extent.timeMax + shift];
    return { times: shifted(times, shift), values, timeMin, timeMax, order, late };
  }

  #pieces(channel: VersionedChannel, from: number, to: number): Piece[] {
    const { least, greatest } = this.#clocks.span();
    const pieces: Piece[] = [];
    const lateness = this.#lateness(channel.id);
    for (const extent of this.#blocks.overlapping(channel.id, from - greatest, to - least)) {
      if (extent.boot === undefined || this.howMuch(channel, extent) === 'none') continue;
      const map = this.#clocks.of(extent.boot, extent.stamp);
      const { least: low, greatest: high } = map.span(extent.timeMin, extent.timeMax);
      pieces.push({
        timeMin: extent.timeMin + low,
        timeMax: extent.timeMax + high,
        load: () => this.#marked(channel, extent, lateness),
      });
    }
    pieces.push(...this.#tailPieces(channel, lateness));
    return pieces.filter((piece) => piece.timeMax >= from && piece.timeMin < to).sort((a, b) => a.timeMin - b.timeMin);
  }

  *#tailPieces({ id, stamp, version }: VersionedChannel, lateness: Lateness): IterableIterator<Piece> {
    for (const [index, chunk] of (this.#tail?.chunks(id) ?? []).entries()) {
      const { boot, firstSequence } = chunk;
      const shown = this.#versions.shown(id, boot, stamp, version);
      // Copies, because mapping to UTC changes the times and the chunk goes on growing.
      const [times, values] = [chunk.timesFrom(0).slice(), chunk.valuesFrom(0).slice()];
      const samples = shownOf(shown, { times, values });
      if (samples === undefined) continue;
      const run = this.#run(this.#clocks.of(boot, stamp), samples.times.slice(), samples.values, BEHIND_BLOCKS + index);
      const late = () => shownOf(shown, { times, values, late: lateness.of(times, boot, firstSequence) })?.late;
      yield { timeMin: run.timeMin, timeMax: run.timeMax, load: () => ({ ...run, late: late() }) };
    }
  }

  /** Which samples of a channel are late, of those that are there now. */
  #lateness(channel: number): Lateness {
    const unsealed = (this.#tail?.chunks(channel) ?? []).map(({ boot, endSequence, timeMax }) => {
      return { boot, endSequence, timeMax };
    });
    return new Lateness((boot, sequence) => {
      const before = unsealed.filter((chunk) => chunk.boot === boot && chunk.endSequence <= sequence);
      return Math.max(this.#blocks.reachBefore(channel, boot, sequence), ...before.map(({ timeMax }) => timeMax));
    });
  }

  /** Maps `times` to UTC in place. */
  #run(map: UtcMap, times: Float64Array, values: Float64Array | readonly string[], order: number): Run {
    let timeMin = Number.POSITIVE_INFINITY;
    let timeMax = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < times.length; i += 1) {
      const stored = times[i] as number;
      const time = stored + map.offsetAt(stored);
      times[i] = time;
      if (time < timeMin) timeMin = time;
      if (time > timeMax) timeMax = time;
    }
    return { times, values, timeMin, timeMax, order };
  }
}

/** Least and greatest of times, at least one, and whether they ascend. */
function spanOf(times: Float64Array): { timeMin: number; timeMax: number; ascends: boolean } {
  let timeMin = times[0] as number;
  let timeMax = timeMin;
  let ascends = true;
  for (let i = 1; i < times.length; i += 1) {
    const time = times[i] as number;
    if (time < timeMin) timeMin = time;
    if (time < (times[i - 1] as number)) ascends = false;
    else if (time > timeMax) timeMax = time;
  }
  return { timeMin, timeMax, ascends };
}

function shifted(times: Float64Array, shift: number): Float64Array {
  const result = new Float64Array(times.length);
  for (let i = 0; i < times.length; i += 1) result[i] = (times[i] as number) + shift;
  return result;
}

/** Loads pieces, in the order of their first times, and merges those that overlap. */
function* merged(pieces: readonly Piece[], from: number, to: number): IterableIterator<Samples> {
  let pending: Run[] = [];
  let reach = Number.NEGATIVE_INFINITY;
  for (const piece of pieces) {
    if (piece.timeMin > reach && pending.length > 0) {
      yield* inOrder(pending, from, to);
      pending = [];
    }
    const run = piece.load();
    if (run === undefined) continue;
    pending.push(run);
    reach = Math.max(reach, run.timeMax);
  }
  if (pending.length > 0) yield* inOrder(pending, from, to);
}

/** The samples of runs that overlap, in [from, to), in time order; equal times keep the order in which they were taken in. */
function* inOrder(runs: readonly Run[], from: number, to: number): IterableIterator<Samples> {
  for (const run of runs.length === 1 || !overlap(runs) ? runs : [joined(runs)]) {
    const sorted = sortedByTime(run);
    const start = lowerBound(sorted.times, from);
    const end = lowerBound(sorted.times, to);
    if (start === end) continue;
    const times = sorted.times.subarray(start, end);
    yield { times, values: slice(sorted.values, start, end), late: sorted.late?.subarray(start, end) };
  }
}

/** True unless each run begins where those before it end; at equal times what was taken in first must come first. */
function overlap(runs: readonly Run[]): boolean {
  let reach = Number.NEGATIVE_INFINITY;
  let newest = 0;
  for (const run of runs) {
    if (run.timeMin < reach || (run.timeMin === reach && run.order < newest)) return true;
    reach = Math.max(reach, run.timeMax);
    newest = Math.max(newest, run.order);
  }
  return false;
}

function joined(overlapping: readonly Run[]): Run {
  const runs = overlapping.toSorted((a, b) => a.order - b.order);
  const count = runs.reduce((sum, run) => sum + run.times.length, 0);
  const times = new Float64Array(count);
  const isText = runs.some((run) => !(run.values instanceof Float64Array));
  const numbers = new Float64Array(isText ? 0 : count);
  const texts: string[] = [];
  const late = runs.some((run) => run.late !== undefined) ? new Uint8Array(count) : undefined;
  let at = 0;
  for (const run of runs) {
    times.set(run.times, at);
    if (run.late !== undefined) late?.set(run.late, at);
    if (!isText) numbers.set(run.values as Float64Array, at);
    else for (const value of run.values) texts.push(String(value));
    at += run.times.length;
  }
  return {
    times,
    values: isText ? texts : numbers,
    timeMin: Math.min(...runs.map((run) => run.timeMin)),
    timeMax: Math.max(...runs.map((run) => run.timeMax)),
    order: 0,
    late,
  };
}

function sortedByTime(run: Run): Run {
  const { times, values } = run;
  let sorted = true;
  for (let i = 1; i < times.length && sorted; i += 1) sorted = (times[i - 1] as number) <= (times[i] as number);
  if (sorted) return run;
  const order = Uint32Array.from(times.keys()).sort((a, b) => (times[a] as number) - (times[b] as number) || a - b);
  const orderedTimes = new Float64Array(times.length);
  order.forEach((from, to) => {
    orderedTimes[to] = times[from] as number;
  });
  const late = run.late === undefined ? undefined : run.late.map((_, to) => run.late?.[order[to] ?? 0] ?? 0);
  if (!(values instanceof Float64Array)) {
    return { ...run, late, times: orderedTimes, values: Array.from(order, (from) => values[from] as string) };
  }
  // Moved as bit patterns: a NaN's payload must not pass through a number.
  const bits = new BigUint64Array(values.buffer, values.byteOffset, values.length);
  const orderedBits = new BigUint64Array(values.length);
  order.forEach((from, to) => {
    orderedBits[to] = bits[from] as bigint;
  });
  return { ...run, late, times: orderedTimes, values: new Float64Array(orderedBits.buffer) };
}

function slice(values: Float64Array | readonly string[], start: number, end: number): Float64Array | readonly string[] {
  return values instanceof Float64Array ? values.subarray(start, end) : values.slice(start, end);
}
