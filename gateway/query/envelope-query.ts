import type { Extent } from '../store/block-rows.ts';
import { extremesOf, greatest, least, nodeOf } from '../store/envelope-node.ts';
import type { OutlineNode } from '../store/outline/outline.ts';
import type { BlockSource } from './block-source.ts';
import { lowerBound } from './lower-bound.ts';
import { lackingNodes } from './outlines.ts';
import { OUTSIDE, PixelGrid, type Stretches } from './pixel-grid.ts';
import type { RangeReader, ShiftedRun, VersionedChannel } from './range-reader.ts';
import type { Envelope } from './telemetry.ts';
import type { BootClocks } from './utc.ts';

/** A stretch of the order in which runs were taken in: of the packs, or the unsealed run, that samples come from. */
interface Order {
  readonly low: number;
  readonly high: number;
}

/** Memory for what is known of the pixels of a chart while it is drawn; for one chart after the other. */
export class PixelEdges {
  /** Times of the first and of the last sample of each. */
  timeFirst = new Float64Array(0);
  timeLast = new Float64Array(0);
  /** Where these come from; meaningful of pixels with samples. */
  orderFirst: Order[] = [];
  orderLast: Order[] = [];

  begin(pixels: number): void {
    if (this.timeFirst.length < pixels) {
      this.timeFirst = new Float64Array(pixels);
      this.timeLast = new Float64Array(pixels);
      this.orderFirst = new Array(pixels).fill(NOWHERE);
      this.orderLast = new Array(pixels).fill(NOWHERE);
    }
    this.timeFirst.fill(Number.POSITIVE_INFINITY, 0, pixels);
    this.timeLast.fill(Number.NEGATIVE_INFINITY, 0, pixels);
  }
}

const NOWHERE: Order = { low: 0, high: 0 };

/** Outlines stand for samples of other seconds than blocks do: of equal times it matters to nobody which was first. */
const BEFORE_BLOCKS: Order = { low: 0, high: 0 };

/**
 * Columns of a chart, filled in any order: each remembers the times of its first and last sample, so that runs may come
 * as they lie. Of equal times the sample that was taken in first is the first, and the one taken in last is the last. Where
 * two envelopes leave open which that is, the pixel is said to be open, and settled by the samples themselves.
 */
export class EnvelopeColumns {
  readonly grid: PixelGrid;
  readonly #edges: PixelEdges;
  readonly #open = new Set<number>();
  readonly envelope: Envelope;

  /** @param edges memory that no other chart uses until this one is drawn */
  constructor(from: number, to: number, pixels: number, edges: PixelEdges) {
    this.grid = new PixelGrid(from, to, pixels);
    this.#edges = edges;
    edges.begin(pixels);
    // One piece of memory for all columns: a page of charts would take and give back thousands.
    const room = new Float64Array(5 * pixels).fill(Number.NaN, pixels);
    const column = (index: number) => room.subarray(index * pixels, (index + 1) * pixels);
    this.envelope = {
      from,
      to,
      pixels,
      count: column(0),
      min: column(1),
      max: column(2),
      first: column(3),
      last: column(4),
    };
  }

  /** Pixels of which it is open which sample is the first or the last. */
  get open(): Iterable<number> {
    return this.#open;
  }

  /** Says which samples are the first and the last of an open pixel: only where they are those that were met. */
  settle(pixel: number, times: Float64Array, values: Float64Array): void {
    const { timeFirst, timeLast } = this.#edges;
    if (times[0] === timeFirst[pixel]) this.envelope.first[pixel] = values[0] as number;
    if (times.at(-1) === timeLast[pixel]) this.envelope.last[pixel] = values.at(-1) as number;
  }

  /** Adds a node that lies in one pixel; `shift` is added to its times. */
  addNode(node: OutlineNode, shift: number, order: Order): void {
    const { count, min, max, first, last } = node;
    const timeMin = node.timeMin + shift;
    this.#merge(this.grid.pixelOf(timeMin), timeMin, node.timeMax + shift, count, min, max, first, last, order);
  }

  /**
   * Adds a block whose samples were given up and that lies in several pixels. Its first and last sample are known and stand
   * where they were. Of the others only how many and how far: they are spread evenly, and the extremes widen every pixel that
   * gets some, so that none is hidden; which is the first and the last of a pixel between is not known, and is NaN.
   * @param timeMin UTC of the first sample, microseconds; `timeMax` of the last
   */
  addThinned({ count, min, max, first, last }: OutlineNode, timeMin: number, timeMax: number, order: Order): void {
    const [start, end] = [this.grid.place(timeMin), this.grid.place(timeMax)];
    const pixels = end - start + 1;
    for (let pixel = Math.max(0, start); pixel <= Math.min(end, this.envelope.pixels - 1); pixel += 1) {
      const isFirst = pixel === start;
      const isLast = pixel === end;
      const share = shareOf(count, pixel - start, pixels);
      if (share === 0) continue;
      const [low, high] = [isFirst ? timeMin : Number.POSITIVE_INFINITY, isLast ? timeMax : Number.NEGATIVE_INFINITY];
      this.#merge(pixel, low, high, share, min, max, first, last, order);
    }
  }

  /** Adds a block of which the stretches of each pixel are folded. */
  addFolded(
    { count: stretches, ends, pixels, timesFirst, timesLast }: Stretches,
    corners: Float64Array,
    order: Order,
  ): void {
    const { count: counts, min: mins, max: maxs, first: firsts, last: lasts } = this.envelope;
    const edges = this.#edges;
    let start = 0;
    for (let i = 0; i < stretches; i += 1) {
      const end = ends[i] as number;
      const pixel = pixels[i] as number;
      const count = end - start;
      start = end;
      if (pixel === OUTSIDE) continue;
      const timeMin = timesFirst[i] as number;
      const timeMax = timesLast[i] as number;
      const min = corners[4 * i] as number;
      const max = corners[4 * i + 1] as number;
      const first = corners[4 * i + 2] as number;
      const last = corners[4 * i + 3] as number;
      // Not by methods, to which numbers are handed over as objects: a page of charts has 250,000 stretches.
      if (counts[pixel] === 0) {
        counts[pixel] = count;
        mins[pixel] = min;
        maxs[pixel] = max;
        firsts[pixel] = first;
        edges.timeFirst[pixel] = timeMin;
        edges.orderFirst[pixel] = order;
      } else if (timeMin > (edges.timeLast[pixel] as number) && timeMin > (edges.timeFirst[pixel] as number)) {
        counts[pixel] = (counts[pixel] as number) + count;
        mins[pixel] = least(mins[pixel] as number, min);
        maxs[pixel] = greatest(maxs[pixel] as number, max);
      } else {
        this.#merge(pixel, timeMin, timeMax, count, min, max, first, last, order);
        continue;
      }
      lasts[pixel] = last;
      edges.timeLast[pixel] = timeMax;
      edges.orderLast[pixel] = order;
    }
  }

  /** Adds the samples of [from, to). Samples of one pixel that lie side by side are folded first. */
  addRun({ times, values, shift, order, ascends }: ShiftedRun): void {
    if (!(values instanceof Float64Array)) return;
    const here = { low: order, high: order };
    if (ascends) this.#addAscending(times, values, shift, here);
    // A copy: nodes of samples in any order are made where a look leaves its values.
    else this.#addUnordered(times, values.slice(), shift, here);
  }

  #addAscending(times: Float64Array, values: Float64Array, shift: number, order: Order): void {
    const { grid } = this;
    const timeAt = (i: number) => times[i] as number;
    const end = lowerBound(times, grid.to, shift);
    let start = lowerBound(times, grid.from, shift);
    while (start < end) {
      const time = (times[start] as number) + shift;
      const pixel = grid.pixelOf(time);
      const next = grid.endOfPixel(timeAt, start, end, shift, pixel);
      const last = next - 1;
      const { min, max } = extremesOf(values, start, next);
      const timeLast = (times[last] as number) + shift;
      const [first, final] = [values[start] as number, values[last] as number];
      this.#merge(pixel, time, timeLast, next - start, min, max, first, final, order);
      start = next;
    }
  }

  #addUnordered(times: Float64Array, values: Float64Array, shift: number, order: Order): void {
    const { grid } = this;
    const isIn = (time: number, pixel: number) => grid.holds(time) && grid.pixelOf(time) === pixel;
    let i = 0;
    while (i < times.length) {
      const time = (times[i] as number) + shift;
      if (!grid.holds(time)) {
        i += 1;
        continue;
      }
      const pixel = grid.pixelOf(time);
      const start = i;
      do i += 1;
      while (i < times.length && isIn((times[i] as number) + shift, pixel));
      this.addNode(nodeOf(times, values, start, i), shift, order);
    }
  }

  #merge(
    pixel: number,
    timeMin: number,
    timeMax: number,
    count: number,
    min: number,
    max: number,
    first: number,
    last: number,
    order: Order,
  ): void {
    const { envelope } = this;
    const edges = this.#edges;
    envelope.count[pixel] = (envelope.count[pixel] as number) + count;
    envelope.min[pixel] = least(envelope.min[pixel] as number, min);
    envelope.max[pixel] = greatest(envelope.max[pixel] as number, max);
    const timeFirst = edges.timeFirst[pixel] as number;
    const isTieFirst = timeMin === timeFirst && Number.isFinite(timeMin);
    if (timeMin < timeFirst || (isTieFirst && this.#isBefore(order, edges.orderFirst[pixel], pixel))) {
      edges.timeFirst[pixel] = timeMin;
      edges.orderFirst[pixel] = order;
      envelope.first[pixel] = first;
    }
    const timeLast = edges.timeLast[pixel] as number;
    const isTieLast = timeMax === timeLast && Number.isFinite(timeMax);
    if (timeMax > timeLast || (isTieLast && !this.#isBefore(order, edges.orderLast[pixel], pixel))) {
      edges.timeLast[pixel] = timeMax;
      edges.orderLast[pixel] = order;
      envelope.last[pixel] = last;
    }
  }

  /** True where `order` is before `other`; later parts of one run are behind it. What cannot be told makes the pixel open. */
  #isBefore(order: Order, other: Order | undefined, pixel: number): boolean {
    if (other === undefined || order.low > other.high) return false;
    if (order.high < other.low) return true;
    const isOneRun = order.low === order.high && other.low === order.low && other.high === order.low;
    if (!isOneRun) this.#open.add(pixel);
    return false;
  }
}

/** Samples of `count` that fall to place `at` of `pixels` when they are spread evenly; the first and last place have one each. */
function shareOf(count: number, at: number, pixels: number): number {
  const part = (all: number, place: number, places: number) =>
    Math.floor(((place + 1) * all) / places) - Math.floor((place * all) / places);
  if (count >= pixels) return part(count, at, pixels);
  return at === 0 || at === pixels - 1 ? 1 : part(count - 2, at - 1, pixels - 2);
}

/**
 * An envelope over blocks and tail, exact: a node of the pyramid is used where it lies in one pixel, what straddles the
 * edge of a pixel is opened, down to the samples. Where only an outline has come of samples, a second is what there is.
 */
export function queryEnvelope(
  parts: { readonly blocks: BlockSource; readonly reader: RangeReader; readonly clocks: BootClocks },
  channel: VersionedChannel,
  columns: EnvelopeColumns,
): Envelope {
  const { blocks, reader, clocks } = parts;
  const { grid } = columns;
  const { from, to } = grid;
  const { least: low, greatest: high } = clocks.span();

  const add = (extent: Extent): void => {
    if (extent.timeMax + high < from || extent.timeMin + low >= to) return;
    const shown = reader.howMuch(channel, extent);
    if (shown === 'none') return;
    if (extent.node !== undefined && extent.boot !== undefined && shown === 'all') {
      const map = clocks.of(extent.boot, extent.stamp);
      const shift = map.offsetAt(extent.timeMin);
      const whole = map.isUniform(extent.timeMin, extent.timeMax);
      if (whole && grid.holdsWhole(extent.timeMin + shift, extent.timeMax + shift)) {
        columns.addNode(extent.node, shift, orderOf(extent));
        return;
      }
      if (extent.thinned) {
        const { timeMin, timeMax } = extent;
        const [first, last] = [timeMin + shift, timeMax + map.offsetAt(timeMax)];
        columns.addThinned(extent.node, first, Math.max(first, last), orderOf(extent));
        return;
      }
      const folded = whole && extent.level === 0 ? reader.fold(extent, grid, shift) : undefined;
      if (folded !== undefined) {
        columns.addFolded(folded.stretches, folded.corners, orderOf(extent));
        return;
      }
    }
    if (extent.level > 0) {
      for (const child of blocks.children(extent)) add(child);
      return;
    }
    const run = reader.look(channel, extent);
    if (run !== undefined) columns.addRun(run);
  };

  for (const root of blocks.roots(channel.id)) add(root);
  for (const { boot, stamp, node } of lackingNodes(blocks, channel.id, from - high, to - low)) {
    const { timeMin, timeMax } = node;
    if (reader.howMuchOf(channel, boot, { stamp, timeMin, timeMax }) !== 'all') continue;
    const map = clocks.of(boot, stamp);
    const [first, last] = [timeMin + map.offsetAt(timeMin), timeMax + map.offsetAt(timeMax)];
    if (grid.holdsWhole(first, last)) columns.addNode(node, first - timeMin, BEFORE_BLOCKS);
    else if (last >= from && first < to) columns.addThinned(node, first, Math.max(first, last), BEFORE_BLOCKS);
  }
  for (const run of reader.tail(channel)) columns.addRun(run);
  for (const pixel of columns.open) settle(columns, pixel, reader, channel);
  return columns.envelope;
}

function orderOf({ firstPosition, lastPosition }: Extent): Order {
  return { low: firstPosition, high: lastPosition };
}

/** Looks at the samples of a pixel themselves. */
function settle(columns: EnvelopeColumns, pixel: number, reader: RangeReader, channel: VersionedChannel): void {
  const { from, to } = columns.grid.boundsOf(pixel);
  const times: number[] = [];
  const values: number[] = [];
  for (const samples of reader.samples(channel, from, to)) {
    for (const [i, time] of samples.times.entries()) {
      if (columns.grid.pixelOf(time) !== pixel) continue;
      times.push(time);
      values.push(samples.values[i] as number);
    }
  }
  if (times.length > 0) columns.settle(pixel, Float64Array.from(times), Float64Array.from(values));
}
