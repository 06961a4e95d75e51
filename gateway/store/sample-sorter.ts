import type { SampleColumns } from '../ring.ts';

/** Channels for which memory is taken at first. */
const CHANNELS_FIRST = 1024;

/** Samples for which memory is kept from one time to the next: those of a commit. */
const SAMPLES_FIRST = 4096;

/** Takes samples [from, to) of one channel; the columns stand for the time of the call. */
export type TakeRun = (channel: number, times: Float64Array, values: Float64Array, from: number, to: number) => void;

interface Stretch {
  readonly columns: SampleColumns;
  readonly from: number;
  readonly to: number;
}

/**
 * Brings samples of many channels that came mixed into the order of their channels, those of a channel as they came: a
 * counting sort. To put each where it belongs as it comes costs a walk through cold memory a sample; this one goes through
 * few pages that stay in the cache.
 */
export class SampleSorter {
  /** By channel: samples of it, and while they are sorted, where its next one goes. */
  #counts = new Uint32Array(CHANNELS_FIRST);
  #places = new Uint32Array(CHANNELS_FIRST);
  /** Channels that have samples, as they were met. */
  #met = new Uint32Array(CHANNELS_FIRST);
  #channels = 0;
  #samples = 0;
  #stretches: Stretch[] = [];
  #times = new Float64Array(SAMPLES_FIRST);
  #values = new Float64Array(SAMPLES_FIRST);

  /** True while it has samples of that channel. */
  has(channel: number): boolean {
    return channel < this.#counts.length && (this.#counts[channel] as number) > 0;
  }

  /** Takes on samples [from, to), which must stand until they are delivered. */
  add(columns: SampleColumns, from: number, to: number): void {
    const { channels } = columns;
    let counts: Uint32Array = this.#counts;
    for (let i = from; i < to; i += 1) {
      const channel = channels[i] as number;
      if (channel >= counts.length) counts = this.#growChannels(channel);
      const count = counts[channel] as number;
      if (count === 0) this.#meet(channel);
      counts[channel] = count + 1;
    }
    this.#samples += to - from;
    this.#stretches.push({ columns, from, to });
  }

  /** Gives what was added to `take`, by ascending channel, and forgets it. */
  deliver(take: TakeRun): void {
    if (this.#samples === 0) return;
    const channels = this.#met.subarray(0, this.#channels).sort();
    this.#place(channels);
    for (const stretch of this.#stretches) this.#move(stretch);
    let from = 0;
    for (const channel of channels) {
      const to = from + (this.#counts[channel] as number);
      this.#counts[channel] = 0;
      take(channel, this.#times, this.#values, from, to);
      from = to;
    }
    this.#channels = 0;
    this.#samples = 0;
    this.#stretches = [];
  }

  #place(channels: Uint32Array): void {
    let place = 0;
    for (const channel of channels) {
      this.#places[channel] = place;
      place += this.#counts[channel] as number;
    }
    if (place <= this.#times.length) return;
    this.#times = new Float64Array(place);
    this.#values = new Float64Array(place);
  }

  #move({ columns, from, to }: Stretch): void {
    const { channels, times, values } = columns;
    const places = this.#places;
    const sortedTimes = this.#times;
    const sortedValues = this.#values;
    for (let i = from; i < to; i += 1) {
      const channel = channels[i] as number;
      const place = places[channel] as number;
      places[channel] = place + 1;
      sortedTimes[place] = times[i] as number;
      sortedValues[place] = values[i] as number;
    }
  }

  #meet(channel: number): void {
    if (this.#channels === this.#met.length) {
      const met = new Uint32Array(this.#met.length * 2);
      met.set(this.#met);
      this.#met = met;
    }
    this.#met[this.#channels] = channel;
    this.#channels += 1;
  }

  #growChannels(channel: number): Uint32Array {
    let length = this.#counts.length;
    while (length <= channel) length *= 2;
    const counts = new Uint32Array(length);
    counts.set(this.#counts);
    this.#counts = counts;
    this.#places = new Uint32Array(length);
    return counts;
  }
}
