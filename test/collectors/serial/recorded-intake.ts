import { type Channel, type ChannelSpec, defineChannel } from '../../../gateway/channel.ts';
import type { Clock, ClockReading } from '../../../gateway/clock.ts';
import type { Intake, Ticket } from '../../../gateway/intake.ts';

export interface RecordedSample {
  readonly time: number;
  readonly value: number;
}

export interface RecordedText {
  readonly time: number;
  readonly text: string;
}

/** An intake that keeps what it is given, for tests to look at. */
export class RecordedIntake implements Intake {
  readonly withholds = false;
  readonly channels = new Map<string, Channel>();
  readonly #byId = new Map<number, string>();
  readonly #samples = new Map<string, RecordedSample[]>();
  readonly #texts = new Map<string, RecordedText[]>();
  published = 0;
  /** Samples it takes before it is full. */
  room = Number.POSITIVE_INFINITY;

  channel(spec: ChannelSpec): Channel {
    const definition = defineChannel(spec);
    const known = this.channels.get(definition.name);
    if (known !== undefined) return known;
    const channel = { ...definition, id: this.channels.size + 1 };
    this.channels.set(channel.name, channel);
    this.#byId.set(channel.id, channel.name);
    return channel;
  }

  hasRoom(samples: number): boolean {
    return samples <= this.room;
  }

  settle(): void {}

  push(channel: number, time: number, value: number): boolean {
    if (this.room < 1) return false;
    this.room -= 1;
    const name = this.#byId.get(channel);
    if (name === undefined) throw new Error(`no channel ${channel}`);
    if (!Number.isInteger(time)) throw new Error(`time ${time} of ${name} is not a whole microsecond`);
    const samples = this.#samples.get(name) ?? [];
    samples.push({ time, value });
    this.#samples.set(name, samples);
    return true;
  }

  pushColumns(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    let taken = 0;
    for (let at = from; at < to; at += 1) if (this.push(channel, times[at] ?? 0, values[at] ?? 0)) taken += 1;
    return taken;
  }

  pushText(channel: number, time: number, text: string): boolean {
    const room = 1 + Math.ceil(text.length / 16);
    if (this.room < room) return false;
    this.room -= room;
    const name = this.#byId.get(channel);
    if (name === undefined || this.channels.get(name)?.type !== 'text') throw new Error(`no text channel ${channel}`);
    const texts = this.#texts.get(name) ?? [];
    texts.push({ time, text });
    this.#texts.set(name, texts);
    return true;
  }

  pushReceipt(): boolean {
    return true;
  }

  isKnownReceipt(): boolean {
    return false;
  }

  publish(): Ticket {
    this.published += 1;
    return this.published;
  }

  async durable(): Promise<void> {}

  /** Samples of a channel in the order they came. */
  samples(name: string): readonly RecordedSample[] {
    return this.#samples.get(name) ?? [];
  }

  /** Samples of a text channel in the order they came. */
  texts(name: string): readonly RecordedText[] {
    return this.#texts.get(name) ?? [];
  }

  values(name: string): number[] {
    return this.samples(name).map((sample) => sample.value);
  }
}

/** A clock that stands where it is put. */
export class SetClock implements Clock {
  time = 1_000_000_000;
  readonly readings: ClockReading[] = [];

  now(): number {
    return this.time;
  }

  observe(reading: ClockReading): void {
    this.readings.push(reading);
  }
}
