import type { Stamp } from '../channel.ts';
import type { BlockReader } from '../store/block-reader.ts';
import type { Extent } from '../store/block-rows.ts';
import { type EnvelopeNode, extremesOf, greatest, least, nodeOf } from '../store/envelope-node.ts';
import { lowerBound, type RangeReader, type Run } from './range-reader.ts';
import type { Envelope } from './telemetry.ts';
import type { BootClocks } from './utc.ts';

/**
 * Columns of a chart, filled in any order: each remembers the times of its first and last sample, so that runs may come
 * as they lie. Equal times: what was added later counts as later.
 */
export class EnvelopeColumns {
  readonly #from: number;
  readonly #to: number;
  readonly #perMicrosecond: number;
  readonly #timeFirst: Float64Array;
  readonly #timeLast: Float64Array;
  readonly envelope: Envelope;

  constructor(from: number, to: number, pixels: number) {
    this.#from = from;
    this.#to = to;
    this.#perMicrosecond = pixels / (to - from);
    this.#timeFirst = new Float64Array(pixels).fill(Number.POSITIVE_INFINITY);
    this.#timeLast = new Float64Array(pixels).fill(Number.NEGATIVE_INFINITY);
    const empty = () => new Float64Array(pixels).fill(Number.NaN);
    this.envelope = {
      from,
      to,
      pixels,
      count: new Float64Array(pixels),
      min: empty(),
      max: empty(),
      first: empty(),
      last: empty(),
    };
  }

  /** The pixel that `time` falls into; meaningful for times in [from, to). */
  pixelOf(time: number): number {
    const pixel = Math.floor((time - this.#from) * this.#perMicrosecond);
    return Math.min(pixel, this.envelope.pixels - 1);
  }

  /** True when [timeMin, timeMax] lies in one pixel. */
  holdsWhole(timeMin: number, timeMax: number): boolean {
    return timeMin >= this.#from && timeMax < this.#to && this.pixelOf(timeMin) === this.pixelOf(timeMax);
  }

  /** Adds a node that lies in one pixel; `shift` is added to its times. */
  addNode(node: EnvelopeNode, shift: number): void {
    const { count, min, max, first, last } = node;
    const timeMin = node.timeMin + shift;
    this.#merge(this.pixelOf(timeMin), timeMin, node.timeMax + shift, count, min, max, first, last);
  }

  /** Adds the samples of [from, to). Samples of one pixel that lie side by side are folded first. */
  addRun({ times, values }: Run): void {
    if (!(values instanceof Float64Array)) return;
    if (isAscending(times)) this.#addAscending(times, values);
    else this.#addUnordered(times, values);
  }

  #addAscending(times: Float64Array, values: Float64Array): void {
    const end = lowerBound(times, this.#to);
    let start = lowerBound(times, this.#from);
    while (start < end) {
      const time = times[start] as number;
      const pixel = this.pixelOf(time);
      const next = this.#endOfPixel(times, start, end, pixel);
      const { min, max } = extremesOf(values, start, next);
      const last = next - 1;
      this.#merge(
        pixel,
        time,
        times[last] as number,
        next - start,
        min,
        max,
        values[start] as number,
        values[last] as number,
      );
      start = next;
    }
  }

  /** Index of the first of ascending times in [start + 1, end) that is beyond the pixel; steps grow, so that near ones cost little. */
  #endOfPixel(times: Float64Array, start: number, end: number, pixel: number): number {
    let step = 1;
    let low = start + 1;
    while (low + step < end && this.pixelOf(times[low + step] as number) === pixel) {
      low += step;
      step *= 2;
    }
    let high = Math.min(low + step, end);
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.pixelOf(times[middle] as number) === pixel) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #addUnordered(times: Float64Array, values: Float64Array): void {
    let i = 0;
    while (i < times.length) {
      const time = times[i] as number;
      if (time < this.#from || time >= this.#to) {
        i += 1;
        continue;
      }
      const pixel = this.pixelOf(time);
      const start = i;
      do i += 1;
      while (i < times.length && this.#isIn(times[i] as number, pixel));
      this.addNode(nodeOf(times, values, start, i), 0);
    }
  }

  #isIn(time: number, pixel: number): boolean {
    return time >= this.#from && time < this.#to && this.pixelOf(time) === pixel;
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
  ): void {
    const { envelope } = this;
    envelope.count[pixel] = (envelope.count[pixel] as number) + count;
    envelope.min[pixel] = least(envelope.min[pixel] as number, min);
    envelope.max[pixel] = greatest(envelope.max[pixel] as number, max);
    if (timeMin < (this.#timeFirst[pixel] as number)) {
      this.#timeFirst[pixel] = timeMin;
      envelope.first[pixel] = first;
    }
    if (timeMax >= (this.#timeLast[pixel] as number)) {
      this.#timeLast[pixel] = timeMax;
      envelope.last[pixel] = last;
    }
  }
}

function isAscending(times: Float64Array): boolean {
  for (let i = 1; i < times.length; i += 1) if ((times[i - 1] as number) > (times[i] as number)) return false;
  return true;
}

/**
 * An envelope over blocks and tail, exact: a node of the pyramid is used where it lies in one pixel, what straddles the
 * edge of a pixel is opened, down to the samples.
 */
export function queryEnvelope(
  parts: { readonly blocks: BlockReader; readonly reader: RangeReader; readonly clocks: BootClocks },
  channel: { readonly id: number; readonly stamp: Stamp },
  columns: EnvelopeColumns,
): Envelope {
  const { blocks, reader, clocks } = parts;
  const { id, stamp } = channel;
  const { from, to } = columns.envelope;
  const { least: low, greatest: high } = clocks.span();

  const add = (extent: Extent): void => {
    if (extent.timeMax + high < from || extent.timeMin + low >= to) return;
    if (extent.node !== undefined && extent.boot !== undefined) {
      const map = clocks.of(extent.boot, extent.stamp);
      const shift = map.offsetAt(extent.timeMin);
      const whole = map.isUniform(extent.timeMin, extent.timeMax);
      if (whole && columns.holdsWhole(extent.timeMin + shift, extent.timeMax + shift)) {
        columns.addNode(extent.node, shift);
        return;
      }
    }
    if (extent.level > 0) {
      for (const child of blocks.children(id, extent)) add(child);
      return;
    }
    const run = reader.block(extent);
    if (run !== undefined) columns.addRun(run);
  };

  for (const root of blocks.roots(id)) add(root);
  for (const run of reader.tail(id, stamp)) columns.addRun(run);
  return columns.envelope;
}
