import type { Channel, ChannelSpec } from '../../../gateway/channel.ts';
import { ChannelRegistry } from '../../../gateway/channel-registry.ts';
import type { Intake, Ticket } from '../../../gateway/intake.ts';

export interface RecordedSample {
  readonly channel: string;
  readonly time: number;
  readonly value: number | string;
}

/** An intake that keeps what it was given for a test to look at, and may refuse. */
export class RecordingIntake implements Intake {
  readonly withholds = false;
  readonly samples: RecordedSample[] = [];
  /** What was called that is no sample, in order with how many samples had come before. */
  readonly marks: [what: 'receipt' | 'publish', samples: number][] = [];
  readonly channels = new Map<number, Channel>();
  refuses = false;
  readonly #registry: ChannelRegistry;

  constructor(channelsMax = 1000) {
    this.#registry = new ChannelRegistry([], (channel) => this.channels.set(channel.id, channel), channelsMax);
  }

  of(name: string): [time: number, value: number | string][] {
    return this.samples.filter(({ channel }) => channel === name).map(({ time, value }) => [time, value]);
  }

  channel(spec: ChannelSpec): Channel {
    return this.#registry.define(spec);
  }

  push(channel: number, time: number, value: number): boolean {
    return this.#take(channel, time, value);
  }

  pushColumns(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    let taken = 0;
    for (let at = from; at < to; at += 1) if (this.#take(channel, times[at] ?? 0, values[at] ?? 0)) taken += 1;
    return taken;
  }

  pushText(channel: number, time: number, text: string): boolean {
    return this.#take(channel, time, text);
  }

  hasRoom(): boolean {
    return !this.refuses;
  }

  settle(): void {}

  pushReceipt(): boolean {
    this.marks.push(['receipt', this.samples.length]);
    return true;
  }

  isKnownReceipt(): boolean {
    return false;
  }

  publish(): Ticket {
    this.marks.push(['publish', this.samples.length]);
    return this.samples.length;
  }

  async durable(ticket: Ticket): Promise<void> {
    if (ticket < this.samples.length) throw new Error(`${this.samples.length - ticket} samples are not published`);
  }

  #take(channel: number, time: number, value: number | string): boolean {
    if (this.refuses || !Number.isSafeInteger(time)) return false;
    this.samples.push({ channel: this.channels.get(channel)?.name ?? '', time, value });
    return true;
  }
}
