import { Buffer } from 'node:buffer';
import { type Channel, type ChannelSpec, defineChannel } from '../../../gateway/channel.ts';
import type { Clock } from '../../../gateway/clock.ts';
import type { Intake, Ticket } from '../../../gateway/intake.ts';

export interface TakenSample {
  readonly channel: string;
  readonly time: number;
  readonly value: number | string;
}

interface Waiter {
  readonly ticket: Ticket;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * An intake in memory whose commits the test makes: what was published becomes durable at {@link commit}, or `commitMs`
 * after its publication. What was not committed is gone after {@link crash}, as after a kill -9.
 */
export class FakeIntake implements Intake {
  /** Samples that fit; Infinity for any number. */
  room = Number.POSITIVE_INFINITY;
  /** True as when the disk is full. */
  withholds = false;
  /** Channels of which nothing is taken, as while the disk is full. */
  readonly refused = new Set<string>();
  /** How often what was refused was to be told at once. */
  settles = 0;
  /** Samples published, in order. */
  samples: TakenSample[] = [];
  /** Samples committed; the rest are on their way. */
  durableSamples = 0;
  publishes = 0;
  readonly channels = new Map<string, Channel>();
  readonly #commitMs: number | undefined;
  readonly #receipts = new Set<string>();
  #pendingReceipts: string[] = [];
  #pending: TakenSample[] = [];
  #names: string[] = [''];
  #ticket = 0;
  #durable = 0;
  #waiters: Waiter[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param commitMs a commit follows each publication after that time; undefined: only {@link commit} makes one */
  constructor(commitMs?: number) {
    this.#commitMs = commitMs;
  }

  channel(spec: ChannelSpec): Channel {
    const definition = defineChannel(spec);
    const known = this.channels.get(definition.name);
    const channel = { ...definition, id: known?.id ?? this.#names.length };
    if (known === undefined) this.#names.push(definition.name);
    this.channels.set(definition.name, channel);
    return channel;
  }

  hasRoom(samples: number): boolean {
    return samples <= this.room;
  }

  push(channel: number, time: number, value: number): boolean {
    return this.#take({ channel: this.#names[channel] ?? '?', time, value });
  }

  pushColumns(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    let taken = 0;
    for (let at = from; at < to; at++) if (this.push(channel, times[at] ?? 0, values[at] ?? 0)) taken++;
    return taken;
  }

  pushText(channel: number, time: number, text: string): boolean {
    return this.#take({ channel: this.#names[channel] ?? '?', time, value: text });
  }

  settle(): void {
    this.settles++;
  }

  pushReceipt(digest: Uint8Array): boolean {
    this.#pendingReceipts.push(Buffer.from(digest).toString('latin1'));
    return true;
  }

  isKnownReceipt(digest: Uint8Array): boolean {
    const key = Buffer.from(digest).toString('latin1');
    return this.#receipts.has(key) || this.#pendingReceipts.includes(key);
  }

  publish(): Ticket {
    this.publishes++;
    if (this.#pending.length > 0 || this.#pendingReceipts.length > 0) {
      for (const sample of this.#pending) this.samples.push(sample);
      this.#pending = [];
      this.#ticket++;
      if (this.#commitMs !== undefined) this.#timer ??= setTimeout(() => this.commit(), this.#commitMs);
    }
    return this.#ticket;
  }

  durable(ticket: Ticket): Promise<void> {
    if (ticket <= this.#durable) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ ticket, resolve, reject });
    });
  }

  /** Makes everything durable that was published. */
  commit(): void {
    this.#timer = undefined;
    this.#durable = this.#ticket;
    this.durableSamples = this.samples.length;
    for (const receipt of this.#pendingReceipts) this.#receipts.add(receipt);
    this.#pendingReceipts = [];
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  /** The store fails for good. */
  fail(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new Error('disk is gone'));
  }

  /** What a new process finds: the committed samples and receipts. */
  crash(commitMs = this.#commitMs): FakeIntake {
    clearTimeout(this.#timer);
    const next = new FakeIntake(commitMs);
    next.samples = this.samples.slice(0, this.durableSamples);
    next.durableSamples = next.samples.length;
    for (const receipt of this.#receipts) next.#receipts.add(receipt);
    return next;
  }

  /** Values of a channel in the order they came. */
  values(channel: string): (number | string)[] {
    return this.samples.filter((sample) => sample.channel === channel).map((sample) => sample.value);
  }

  #take(sample: TakenSample): boolean {
    if (this.room < 1 || this.refused.has(sample.channel)) return false;
    this.#pending.push(sample);
    return true;
  }
}

/** A clock that stands still until it is set. */
export class FakeClock implements Clock {
  time = 1_000_000;

  now(): number {
    return this.time;
  }

  observe(): void {}
}
