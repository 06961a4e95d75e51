import { Buffer } from 'node:buffer';
import type { Channel, ChannelSpec } from './channel.ts';
import type { ChannelRegistry } from './channel-registry.ts';
import type { Clock } from './clock.ts';
import type { Intake, LossCause, Ticket } from './intake.ts';
import { RECEIPTS_MAX, TEXT_SAMPLE_BYTES_MAX } from './limits.ts';
import type { RingWriter } from './ring.ts';

/** Samples of one channel that were lost for one cause; times in microseconds. */
export interface Loss {
  readonly channel: number;
  readonly cause: LossCause;
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

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
  readonly #clock: Clock;
  readonly #losses = new Map<string, PendingLoss>();
  readonly #receipts: Set<string>;
  /** By ticket, rising. */
  readonly #waiters: Waiter[] = [];
  #durable: Ticket = 0;
  #failure: Error | undefined;
  #refused = 0;
  /** The ring refused something, and what was lost by that is not written into it yet. */
  #isFull = false;

  /** @param receipts digests known from before, oldest first, 16 bytes each */
  constructor(ring: RingWriter, registry: ChannelRegistry, clock: Clock, receipts: readonly Uint8Array[] = []) {
    this.#ring = ring;
    this.#registry = registry;
    this.#clock = clock;
    this.#receipts = new Set(receipts.map(keyOf));
  }

  /** Samples refused since start, for whatever cause. */
  get refused(): number {
    return this.#refused;
  }

  channel(spec: ChannelSpec): Channel {
    return this.#registry.define(spec);
  }

  hasRoom(samples: number): boolean {
    return this.#ring.free() >= samples + 2 * this.#losses.size;
  }

  push(channel: number, time: number, value: number): boolean {
    if (!this.#accepts(channel, time)) return false;
    return this.#ring.writeSample(channel, time, value) || this.#loseForRoom(channel, time);
  }

  pushText(channel: number, time: number, text: string): boolean {
    if (!this.#accepts(channel, time)) return false;
    const bytes = Buffer.from(text, 'utf8');
    if (bytes.length > TEXT_SAMPLE_BYTES_MAX) return this.#lose(channel, time, 'text-too-long');
    return this.#ring.writeText(channel, time, bytes) || this.#loseForRoom(channel, time);
  }

  pushReceipt(digest: Uint8Array): boolean {
    if (!this.#ring.writeReceipt(digest)) return false;
    this.#receipts.add(keyOf(digest));
    if (this.#receipts.size > RECEIPTS_MAX) {
      for (const oldest of this.#receipts) {
        this.#receipts.delete(oldest);
        break;
      }
    }
    return true;
  }

  isKnownReceipt(digest: Uint8Array): boolean {
    return this.#receipts.has(keyOf(digest));
  }

  publish(): Ticket {
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
    const losses = [...this.#losses.values()];
    this.#losses.clear();
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

  /** The store is gone for good: nobody waits any longer, and nothing more is acknowledged. */
  fail(error: Error): void {
    this.#failure = error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  /** Counts as lost what can never be taken, and what must wait behind losses that do not fit into the ring yet. */
  #accepts(channel: number, time: number): boolean {
    if (!Number.isSafeInteger(time)) return this.#lose(channel, this.#clock.now(), 'bad-time');
    if (this.#registry.isOverflow(channel)) return this.#lose(channel, time, 'channels-full');
    if (this.#isFull) {
      this.#isFull = !this.#settleLosses();
      if (this.#isFull) return this.#lose(channel, time, 'ring-full');
    }
    return true;
  }

  #loseForRoom(channel: number, time: number): false {
    this.#isFull = true;
    return this.#lose(channel, time, 'ring-full');
  }

  #lose(channel: number, time: number, cause: LossCause): false {
    this.#refused += 1;
    const key = `${channel} ${cause}`;
    const loss = this.#losses.get(key);
    if (loss === undefined) {
      this.#losses.set(key, { channel, cause, from: time, to: time, count: 1 });
    } else {
      loss.count += 1;
      loss.from = Math.min(loss.from, time);
      loss.to = Math.max(loss.to, time);
    }
    return false;
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

function keyOf(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength).toString('latin1');
}
