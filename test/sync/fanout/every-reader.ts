import { CaissonError } from '../../../gateway/errors.ts';
import type { BlockReader } from '../../../gateway/store/block-reader.ts';
import type { FeedItem } from '../../../gateway/store/block-rows.ts';
import { Pack } from '../../../gateway/store/pack/pack.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import type { Central } from '../../../sync/central/central.ts';
import { sleep } from '../../../sync/line/sleep.ts';
import { feedOf } from '../same-feed.ts';

/** A program that wants every sample: it keeps what it got under its identity, and its token with it. */
export class EveryReader {
  /** By identity; the value as text. */
  readonly samples = new Map<string, string>();
  /** Runs that it was told are missing, as `boot channel first+count cause`. */
  readonly missed = new Set<string>();
  /** Samples that came again, as they were. */
  repeats = 0;
  /** Samples that came again, as others. */
  contradictions = 0;
  updates = 0;
  token: Uint8Array | undefined;
  readonly #channels: readonly string[];
  readonly #paceMs: number;

  /** @param paceMs what it takes its time for, for each update */
  constructor(channels: readonly string[], paceMs = 0) {
    this.#channels = channels;
    this.#paceMs = paceMs;
  }

  /** Reads from a server until `signal` or until the server is gone. */
  async read(port: number, signal: AbortSignal, host = '127.0.0.1'): Promise<void> {
    const client = new TelemetryClient({ host, port });
    try {
      const request = { channels: this.#channels, resume: this.token };
      for await (const { samples, missed, resume } of client.subscribeEvery(request, signal)) {
        for (const { boot, channel, firstSequence, values } of samples) {
          for (const [i, value] of values.entries())
            this.#keep(`${boot} ${channel} ${firstSequence + i}`, String(value));
        }
        for (const { boot, channel, firstSequence, count, cause } of missed) {
          this.missed.add(`${boot} ${channel} ${firstSequence}+${count} ${cause}`);
        }
        this.token = resume ?? this.token;
        this.updates += 1;
        if (this.#paceMs > 0) await sleep(this.#paceMs, signal);
      }
    } finally {
      client.close();
    }
  }

  /** Reads from whichever of the servers answers, until `signal`. */
  async readOn(ports: () => number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.read(ports(), signal);
      } catch (error) {
        if (!(error instanceof CaissonError) || !error.retryable) throw error;
      }
      await sleep(50, signal);
    }
  }

  #keep(identity: string, value: string): void {
    const known = this.samples.get(identity);
    if (known === undefined) this.samples.set(identity, value);
    else if (known === value) this.repeats += 1;
    else this.contradictions += 1;
  }
}

/** True once a central has every sample that a gateway's store has; its channels are known before. */
export async function hasAll({ telemetry }: Pick<Central, 'telemetry'>, db: BlockReader): Promise<boolean> {
  const keptOf = (lines: readonly { readonly kept: number }[]) => lines.reduce((sum, { kept }) => sum + kept, 0);
  return keptOf(await telemetry.ledger()) === keptOf(db.accounts());
}

/** Every sample of a gateway's channels by its identity, as {@link EveryReader} keeps them. */
export function samplesOf(db: BlockReader, gateway: string, channels: readonly string[]): Map<string, string> {
  return samplesIn(feedOf(db, gateway), channels);
}

export function samplesIn(items: readonly FeedItem[], channels: readonly string[]): Map<string, string> {
  const samples = new Map<string, string>();
  for (const item of items) {
    if (item.kind !== 'pack') continue;
    const pack = Pack.open(item.bytes);
    for (const [index, { channel, firstSequence }] of pack.blocks.entries()) {
      if (!channels.includes(channel)) continue;
      const { values } = pack.samples(index);
      for (const [i, value] of values.entries()) {
        samples.set(`${pack.header.boot} ${channel} ${firstSequence + i}`, String(value));
      }
    }
  }
  return samples;
}
