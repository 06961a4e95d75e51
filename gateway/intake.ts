import type { Channel, ChannelSpec } from './channel.ts';

/** Why samples did not make it. Each is a row of the ledger with channel, count and time span. */
export const LOSS_CAUSES = [
  'ring-full',
  'bad-time',
  'text-too-long',
  'channels-full',
  'store-failed',
  'disk-full',
] as const;
export type LossCause = (typeof LOSS_CAUSES)[number];

/** Bytes of text that take the room of one number sample. */
export const TEXT_BYTES_PER_SLOT = 16;

/** Number samples that a text sample of `bytes` bytes takes the room of. */
export function textRoom(bytes: number): number {
  return 1 + Math.ceil(bytes / TEXT_BYTES_PER_SLOT);
}

/** A place in the stream of published samples; what was published before it is durable when {@link Intake.durable} resolves. */
export type Ticket = number;

/** Where samples go as they are decoded: the intake, or what keeps samples that are decoded anew. */
export interface SampleSink {
  /** The channel of that name, made if it is new. Cheap enough once a message, not once a sample: keep what it returns. */
  channel(spec: ChannelSpec): Channel;

  /**
   * Adds one sample of a number, bool or enum channel. `time` in whole microseconds: box time where the channel's
   * stamp is `arrival`, UTC where it is `device`. Returns false when it could not be taken; it is then counted as lost.
   */
  push(channel: number, time: number, value: number): boolean;

  /**
   * Adds samples [from, to) of one number, bool or enum channel, as {@link SampleSink.push} would one after the other: what
   * cannot be taken is counted as lost, the rest is taken. Far cheaper than that from some dozens on. Returns how many were
   * taken; the columns are the caller's again.
   */
  pushColumns(channel: number, times: Float64Array, values: Float64Array, from: number, to: number): number;

  /** Adds one sample of a text channel. As {@link SampleSink.push}. */
  pushText(channel: number, time: number, text: string): boolean;
}

/**
 * Where collectors put samples. All calls of one batch are made in one turn of the event loop and end with
 * {@link Intake.publish}; nothing is visible to the store before.
 */
export interface Intake extends SampleSink {
  /**
   * True when `samples` number samples fit now; a text counts as {@link textRoom} of them. A source that can withhold its
   * acknowledgement asks first.
   */
  hasRoom(samples: number): boolean;

  /**
   * True while the disk is full and samples of channels that are not critical are refused, and counted as lost. A source
   * whose sender keeps what it is not acknowledged asks first, and lets it come later.
   */
  readonly withholds: boolean;

  /**
   * What is refused for want of disk stands in the ledger within a minute; after this, when what is published next is durable.
   * A source that acknowledges what was refused asks for it: what is acknowledged is kept, or accounted for.
   */
  settle(): void;

  /**
   * Marks the batch with the digest of the message it came from, so that the same message is recognised when it is
   * sent again, also after a restart. `digest` 16 bytes. Returns false when the ring is full.
   */
  pushReceipt(digest: Uint8Array): boolean;

  /**
   * True when a batch with that digest was pushed lately, also before a restart (the newest RECEIPTS_MAX are known). It may
   * not be durable yet: before a repeat is acknowledged, `durable(publish())` must resolve.
   */
  isKnownReceipt(digest: Uint8Array): boolean;

  /** Hands everything pushed so far to the store. */
  publish(): Ticket;

  /** Resolves when all that was published up to `ticket` is on disk, fsynced. Rejects when the store failed for good. */
  durable(ticket: Ticket): Promise<void>;
}
