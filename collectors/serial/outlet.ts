import type { ChannelSpec } from '../../gateway/channel.ts';
import type { SampleSink } from '../../gateway/intake.ts';
import type { CollectorCounters } from '../collector.ts';

/** Types of messages that health names one by one; further ones are counted together. */
export const UNKNOWN_TYPES_MAX = 64;

/** What is said of a channel; its name is the prefix and `path`. */
export type OutletChannel = Omit<ChannelSpec, 'name' | 'source'> & { readonly path: string };

/** Where what is decoded of a wire goes: its samples to a sink, its damages to the counters. */
export class Outlet {
  /** Box time at which the bytes in hand were read, microseconds. */
  arrival = 0;
  readonly #source: string;
  readonly #prefix: string;
  readonly #sink: SampleSink;
  readonly #counters: CollectorCounters;
  readonly #unknown = new Set<string>();
  #isDropped = false;

  constructor(source: string, prefix: string | undefined, sink: SampleSink, counters: CollectorCounters) {
    this.#source = source;
    this.#prefix = prefix ?? source;
    this.#sink = sink;
    this.#counters = counters;
  }

  /** A unit of the wire begins: a sentence, frame or block, whole or damaged. */
  begin(): void {
    this.#counters.received += 1;
    this.#counters.lastSeen = this.arrival;
    this.#isDropped = false;
  }

  /** The unit, or part of it, cannot be used. */
  error(reason: string): void {
    this.#counters.error(reason);
  }

  /** A unit that cannot be used. */
  damaged(reason: string): void {
    this.begin();
    this.#counters.error(reason);
  }

  /** The unit is of a type that is not decoded. */
  unknown(type: string): void {
    if (!this.#unknown.has(type) && this.#unknown.size < UNKNOWN_TYPES_MAX) this.#unknown.add(type);
    this.#counters.error(this.#unknown.has(type) ? `unknown ${type}` : 'unknown others');
  }

  /** Id of a channel, made if it is new: keep it. */
  channel({ path, ...about }: OutletChannel): number {
    return this.#sink.channel({ ...about, name: `${this.#prefix}/${path}`, source: this.#source }).id;
  }

  push(channel: number, time: number, value: number): void {
    this.#count(this.#sink.push(channel, time, value));
  }

  pushText(channel: number, time: number, text: string): void {
    this.#count(this.#sink.pushText(channel, time, text));
  }

  #count(isTaken: boolean): void {
    if (isTaken) {
      this.#counters.samples += 1;
    } else if (!this.#isDropped) {
      this.#isDropped = true;
      this.#counters.dropped += 1;
    }
  }
}
