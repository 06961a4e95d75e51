import type { Channel, ChannelSpec } from '../../gateway/channel.ts';
import type { Intake, Ticket } from '../../gateway/intake.ts';
import type { DeviceClockStatus } from '../../gateway/status.ts';
import { isRawChannel } from '../raw-channel.ts';
import { ClockOffset } from './clock-offset.ts';
import type { DeviceClockConfig } from './device-clock-config.ts';
import { SlewedOffset } from './slewed-offset.ts';

/** Samples whose times are corrected at a time. */
const COLUMN_SAMPLES = 1024;

export interface DeviceClockParts {
  readonly intake: Intake;
  readonly source: string;
  /** UTC as the box knows it, microseconds. */
  readonly utcNow: () => number;
}

/** The intake of one source whose device stamps its samples, and whose config wants its clock to be looked at. */
export class DeviceClockIntake implements Intake {
  readonly #inner: Intake;
  readonly #source: string;
  readonly #utcNow: () => number;
  readonly #isCorrected: boolean;
  readonly #offset = new ClockOffset();
  readonly #applied = new SlewedOffset();
  /** By channel id: whether its times are the device's. */
  readonly #isDevice: (boolean | undefined)[] = [];
  readonly #times = new Float64Array(COLUMN_SAMPLES);
  /** When the batch in hand arrived, UTC in microseconds; NaN before its first sample. */
  #arrival = Number.NaN;
  #correction = 0;

  constructor({ intake, source, utcNow }: DeviceClockParts, { deviceClock }: DeviceClockConfig) {
    this.#inner = intake;
    this.#source = source;
    this.#utcNow = utcNow;
    this.#isCorrected = deviceClock === 'correct';
  }

  /** Undefined before a sample with a stamp of the device came. */
  get status(): DeviceClockStatus | undefined {
    const offsetUs = Math.round(this.#offset.at(this.#utcNow()));
    if (Number.isNaN(offsetUs)) return undefined;
    const { driftPpm } = this.#offset;
    const correctedUs = this.#isCorrected ? this.#correction : 0;
    return { offsetUs, correctedUs, ...(Number.isNaN(driftPpm) ? {} : { driftPpm }) };
  }

  get withholds(): boolean {
    return this.#inner.withholds;
  }

  channel(spec: ChannelSpec): Channel {
    const channel = this.#inner.channel(spec);
    while (this.#isDevice.length <= channel.id) this.#isDevice.push(undefined);
    // What came from the wire stays as it came.
    this.#isDevice[channel.id] = channel.stamp === 'device' && !isRawChannel(this.#source, channel.name);
    return channel;
  }

  push(channel: number, time: number, value: number): boolean {
    return this.#inner.push(channel, this.#take(channel, time), value);
  }

  pushColumns(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    if (this.#isDevice[channel] !== true || !this.#isCorrected) {
      for (let at = from; at < to; at += 1) this.#take(channel, times[at] as number);
      return this.#inner.pushColumns(channel, times, values, from, to);
    }
    let taken = 0;
    for (let start = from; start < to; start += COLUMN_SAMPLES) {
      const count = Math.min(COLUMN_SAMPLES, to - start);
      for (let at = 0; at < count; at += 1) this.#times[at] = this.#take(channel, times[start + at] as number);
      taken += this.#inner.pushColumns(channel, this.#times, values.subarray(start, start + count), 0, count);
    }
    return taken;
  }

  pushText(channel: number, time: number, text: string): boolean {
    return this.#inner.pushText(channel, this.#take(channel, time), text);
  }

  hasRoom(samples: number): boolean {
    return this.#inner.hasRoom(samples);
  }

  settle(): void {
    this.#inner.settle();
  }

  pushReceipt(digest: Uint8Array): boolean {
    return this.#inner.pushReceipt(digest);
  }

  isKnownReceipt(digest: Uint8Array): boolean {
    return this.#inner.isKnownReceipt(digest);
  }

  publish(): Ticket {
    this.#arrival = Number.NaN;
    return this.#inner.publish();
  }

  durable(ticket: Ticket): Promise<void> {
    return this.#inner.durable(ticket);
  }

  /** Looks at a stamp, and returns the time that is to be stored. */
  #take(channel: number, time: number): number {
    if (this.#isDevice[channel] !== true || !Number.isSafeInteger(time)) return time;
    // One look at the clock a batch: it is taken in within one turn of the event loop.
    if (Number.isNaN(this.#arrival)) this.#arrive(time);
    this.#offset.observe(time, this.#arrival);
    return this.#isCorrected ? time - this.#correction : time;
  }

  #arrive(time: number): void {
    this.#arrival = this.#utcNow();
    const known = this.#offset.at(this.#arrival);
    this.#correction = this.#applied.follow(this.#arrival, Number.isNaN(known) ? time - this.#arrival : known);
  }
}
