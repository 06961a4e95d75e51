import { type Channel, type ChannelSpec, defineChannel } from '../../gateway/channel.ts';
import type { Intake, Ticket } from '../../gateway/intake.ts';
import type { Drive } from './drive.ts';
import { GrowingColumn } from './growing-column.ts';

/** An intake that keeps everything in columns. */
export class ColumnIntake implements Intake {
  readonly withholds = false;
  readonly #specs: ChannelSpec[] = [];
  readonly #known = new Map<string, Channel>();
  readonly #channels = new GrowingColumn();
  readonly #times = new GrowingColumn();
  readonly #values = new GrowingColumn();

  channel(spec: ChannelSpec): Channel {
    const known = this.#known.get(spec.name);
    if (known !== undefined) return known;
    const channel = { ...defineChannel(spec), id: this.#specs.push(spec) };
    this.#known.set(spec.name, channel);
    return channel;
  }

  hasRoom(): boolean {
    return true;
  }

  settle(): void {}

  push(channel: number, time: number, value: number): boolean {
    this.#channels.push(channel - 1);
    this.#times.push(time);
    this.#values.push(value);
    return true;
  }

  pushColumns(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    for (let at = from; at < to; at += 1) this.push(channel, times[at] as number, values[at] as number);
    return to - from;
  }

  pushText(): boolean {
    throw new Error('a text where only numbers were expected');
  }

  pushReceipt(): boolean {
    return true;
  }

  isKnownReceipt(): boolean {
    return false;
  }

  publish(): Ticket {
    return this.#times.length;
  }

  async durable(): Promise<void> {}

  /** What was pushed; the intake is not to be used any more. */
  drive(name: string): Drive {
    return {
      name,
      specs: this.#specs,
      channels: this.#channels.take(),
      times: this.#times.take(),
      values: this.#values.take(),
    };
  }
}
