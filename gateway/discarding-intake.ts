import type { Channel, ChannelSpec } from './channel.ts';
import { ChannelRegistry } from './channel-registry.ts';
import type { Intake, Ticket } from './intake.ts';

/** An intake that takes everything and keeps nothing, for who wants to know what a wire says and not its samples. */
export class DiscardingIntake implements Intake {
  readonly withholds = false;
  readonly #registry = new ChannelRegistry([], () => {});

  /** Channels met. */
  get channels(): number {
    return this.#registry.size;
  }

  channel(spec: ChannelSpec): Channel {
    return this.#registry.define(spec);
  }

  hasRoom(): boolean {
    return true;
  }

  settle(): void {}

  push(): boolean {
    return true;
  }

  pushColumns(_channel: number, _times: Float64Array, _values: Float64Array, from: number, to: number): number {
    return to - from;
  }

  pushText(): boolean {
    return true;
  }

  pushReceipt(): boolean {
    return true;
  }

  isKnownReceipt(): boolean {
    return false;
  }

  publish(): Ticket {
    return 0;
  }

  /** Never: nothing is kept, so nothing may be acknowledged. */
  durable(): Promise<void> {
    return new Promise(() => {});
  }
}
