import { Buffer } from 'node:buffer';
import type { Channel, ChannelSpec } from './channel.ts';
import type { ChannelRegistry } from './channel-registry.ts';
import type { Clock } from './clock.ts';
import type { Intake, LossCause, Ticket } from './intake.ts';
import { RECEIPTS_MAX, TEXT_SAMPLE_BYTES_MAX } from './limits.ts';
import { ReceiptMemory } from './receipt-memory.ts';
import type { RingWriter } from './ring.ts';

/** Samples of one channel that were lost for one cause; times in microseconds. */
export interface Loss {
  readonly channel: number;
  readonly cause: LossCause;
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** How often what is refused for want of disk is told, microseconds. */
const WITHHELD_US = 60e6;

const SHORT_TEXT_BYTES = 64;

type PendingLoss = { -readonly [Key in keyof Loss]: Loss[Key] };

interface Waiter {
  readonly ticket: Ticket;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * The intake over the ring. What cannot be taken is counted per channel and cause, and written into the ring as a loss
 * as soon as there is room, so that the ledger's row stands where the samples would have stood.
 */
export class RingIntake implements Intake {
  readonly #ring: RingWriter;
  readonly #registry: ChannelRegistry;
  readonly #clock: Pick<Clock, 'now'>;
  /** A short text on its way: a buffer for each would cost more than the text. */
  readonly #shortText = new Uint8Array(SHORT_TEXT_BYTES);
  readonly #losses = new Map<string, PendingLoss>();
  readonly #receipts = new ReceiptMemory(RECEIPTS_MAX);
  /** By ticket, rising. */
  readonly #waiters: Waiter[] = [];
  #durable: Ticket = 0;
  #failure: Error | undefined;
  #refused = 0;
  /** What is refused because the disk is full, by channel: told now and then only, because it may go on for days. */
  #withheld = new Map<number, PendingLoss>();
  #withheldSince = 0;
  #takesCriticalOnly = false;
  /** The ring refused something, and what was lost by that is not written into it yet. */
  #isFull = false;

  /** @param receipts digests known from before, oldest first, 16 bytes each */
  constructor(
    ring: RingWriter,
    registry: ChannelRegistry,
    clock: Pick<Clock, 'now'>,
    receipts: readonly Uint8Array[] = [],
  ) {
    this.#ring = ring;
    this.#registry = registry;
    this.#clock = clock;
    for (const digest of receipts) this.#receipts.add(digest);
  }

  /** Samples refused since start, for whatever cause. */
  get refused(): number {
    return this.#refused;
  }

  get withholds(): boolean {
    return this.#takesCriticalOnly;
  }

  channel(spec: ChannelSpec): Channel {
    return this.#registry.define(spec);
  }

  hasRoom(samples: number): boolean {
    // What is refused takes two slots in place of one, when it is told.
    const slots = this.#takesCriticalOnly ? 2 * samples : samples;
    return this.#ring.free() >= slots + 2 * (this.#losses.size + this.#withheld.size);
  }

  push(channel: number, time: number, value: number): boolean {
    if (!Number.isSafeInteger(time)) return this.#lose(channel, this.#clock.now(), 'bad-time');
    const cause = this.#refusal(channel);
    if (cause !== undefined) return this.#lose(channel, time, cause);
    return this.#ring.writeSample(channel, time, value) || this.#loseForRoom(channel, time);
  }

  pushColumns(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    let taken = 0;
    for (let at = from; at < to; ) {
      const end = endOfWhole(times, at, to);
      taken += this.#pushWhole(channel, times, values, at, end);
      if (end < to) this.#lose(channel, this.#clock.now(), 'bad-time');
      at = end + 1;
    }
    return taken;
  }

  pushText(channel: number, time: number, text: string): boolean {
    if (!Number.isSafeInteger(time)) return this.#lose(channel, this.#clock.now(), 'bad-time');
    const cause = this.#refusal(channel);
    if (cause !== undefined) return this.#lose(channel, time, cause);
    const short = this.#shortText;
    if (text.length <= short.length && copyAscii(text, short)) {
      return this.#ring.writeText(channel, time, short, text.length) || this.#loseForRoom(channel, time);
    }
    const bytes = Buffer.from(text, 'utf8');
    if (bytes.length > TEXT_SAMPLE_BYTES_MAX) return this.#lose(channel, time, 'text-too-long');
    return this.#ring.writeText(channel, time, bytes) || this.#loseForRoom(channel, time);
  }

  pushReceipt(digest: Uint8Array): boolean {
    if (!this.#ring.writeReceipt(digest)) return false;
    this.#receipts.add(digest);
    return true;
  }

  isKnownReceipt(digest: Uint8Array): boolean {
    return this.#receipts.has(digest);
  }

  settle(): void {
    this.#release();
  }

  publish(): Ticket {
    if (this.#withheld.size > 0 && this.#clock.now() - this.#withheldSince >= WITHHELD_US) this.#release();
    if (this.#losses.size > 0 && this.#settleLosses()) this.#isFull = false;
    return this.#ring.publish();
  }

  durable(ticket: Ticket): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (ticket <= this.#durable) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const behind = this.#waiters.findLastIndex((waiter) => waiter.ticket <= ticket);
      this.#waiters.splice(behind + 1, 0, { ticket, resolve, reject });
    });
  }

  /** What was lost and did not fit into the ring yet; the caller's to keep. */
  takeLosses(): Loss[] {
    const losses = [...this.#losses.values(), ...this.#withheld.values()];
    this.#losses.clear();
    this.#withheld.clear();
    return losses;
  }

  /** Told by the store: everything before `ticket` is on disk. */
  markDurable(ticket: Ticket): void {
    this.#durable = ticket;
    let done = 0;
    for (const waiter of this.#waiters) {
      if (waiter.ticket > ticket) break;
      waiter.resolve();
      done += 1;
    }
    this.#waiters.splice(0, done);
  }

  /** The disk is full: samples of channels that are not critical are refused and counted as lost, until this is called with false. */
  takeCriticalOnly(isOn: boolean): void {
    this.#takesCriticalOnly = isOn;
    if (!isOn) this.#release();
  }

  /** The store is gone for good: nobody waits any longer, and nothing more is acknowledged. */
  fail(error: Error): void {
    this.#failure = error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  /** Samples [from, to) with times that can be kept; returns how many were taken. */
  #pushWhole(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): number {
    if (from === to) return 0;
    const cause = this.#refusal(channel);
    const written = cause === undefined ? this.#ring.writeColumns(channel, times, values, from, to) : 0;
    if (cause === undefined && written < to - from) this.#isFull = true;
    for (let at = from + written; at < to; at += 1) this.#lose(channel, times[at] as number, cause ?? 'ring-full');
    return written;
  }

  /** Why no sample of a channel can be taken: never, not while the disk is full, or not before losses that wait for room. */
  #refusal(channel: number): LossCause | undefined {
    if (this.#registry.isOverflow(channel)) return 'channels-full';
    if (this.#takesCriticalOnly && !this.#registry.isCritical(channel)) return 'disk-full';
    if (this.#isFull) this.#isFull = !this.#settleLosses();
    return this.#isFull ? 'ring-full' : undefined;
  }

  #loseForRoom(channel: number, time: number): false {
    this.#isFull = true;
    return this.#lose(channel, time, 'ring-full');
  }

  #lose(channel: number, time: number, cause: LossCause): false {
    if (cause !== 'disk-full') return this.#count(this.#losses, `${channel} ${cause}`, channel, time, cause);
    if (this.#withheld.size === 0) this.#withheldSince = this.#clock.now();
    return this.#count(this.#withheld, channel, channel, time, cause);
  }

  #count<Key>(losses: Map<Key, PendingLoss>, key: Key, channel: number, time: number, cause: LossCause): false {
    this.#refused += 1;
    const loss = losses.get(key);
    if (loss === undefined) {
      losses.set(key, { channel, cause, from: time, to: time, count: 1 });
    } else {
      loss.count += 1;
      loss.from = Math.min(loss.from, time);
      loss.to = Math.max(loss.to, time);
    }
    return false;
  }

  /** What was withheld is to be written before the next sample of its channel. */
  #release(): void {
    for (const loss of this.#withheld.values()) {
      const key = `${loss.channel} ${loss.cause}`;
      const known = this.#losses.get(key);
      if (known === undefined) {
        this.#losses.set(key, loss);
        continue;
      }
      known.count += loss.count;
      known.from = Math.min(known.from, loss.from);
      known.to = Math.max(known.to, loss.to);
    }
    if (this.#withheld.size > 0) this.#isFull = true;
    this.#withheld = new Map();
  }

  /** Writes what was lost into the ring, whole losses only. True when nothing is left over. */
  #settleLosses(): boolean {
    for (const [key, loss] of this.#losses) {
      if (!this.#ring.writeLoss(loss.channel, loss.from, loss.to, loss.count, loss.cause)) return false;
      this.#losses.delete(key);
    }
    return true;
  }
}

/** Where times that can be kept end, `to` at the latest. */
function endOfWhole(times: Float64Array, from: number, to: number): number {
  let at = from;
  while (at < to && Number.isSafeInteger(times[at])) at += 1;
  return at;
}

/** Writes a text that is the same in ASCII and UTF-8; false where it is not. */
function copyAscii(text: string, to: Uint8Array): boolean {
  for (let k = 0; k < text.length; k += 1) {
    const code = text.charCodeAt(k);
    if (code > 0x7f) return false;
    to[k] = code;
  }
  return true;
}
