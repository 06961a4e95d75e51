import type { Coverage, ReachOf } from '../../gateway/query/coverage/coverage.ts';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import type {
  BootAccount,
  Envelope,
  Gap,
  LatestSample,
  LedgerLine,
  LiveBatch,
  PastVersion,
  Samples,
  StoredChannel,
  Telemetry,
} from '../../gateway/query/telemetry.ts';
import { BootClocks } from '../../gateway/query/utc.ts';
import type { BlockDb } from '../../gateway/store/block-db.ts';
import type { NewestStored } from '../../gateway/store/gateway-holdings.ts';
import type { NewBlock } from './batch-pass.ts';

/** Central's store as telemetry. Central has no journal to follow: what is new to it arrives as blocks. */
export class CentralTelemetry implements Telemetry {
  readonly #store: StoreTelemetry;
  readonly #db: BlockDb;
  readonly #reachOf: ReachOf;
  readonly #clocks = new BootClocks();
  readonly #listeners = new Set<(batch: LiveBatch) => void>();

  /**
   * @param db the store's database, from which the UTC maps of new blocks are read
   * @param reachOf how far gateways have been heard of
   */
  constructor(dir: string, db: BlockDb, reachOf: ReachOf) {
    this.#store = StoreTelemetry.open(dir);
    this.#db = db;
    this.#reachOf = reachOf;
  }

  close(): void {
    this.#listeners.clear();
    this.#store.close();
  }

  /** Hands a block that was just kept to everyone who follows. */
  announce({ channel, boot, stamp, block, isDerived }: NewBlock): void {
    if (isDerived || this.#listeners.size === 0) return;
    this.#clocks.poll(this.#db);
    const { count, timeMax } = block;
    const { times, values } = block.samples();
    const utcOffset = this.#clocks.of(boot, stamp).offsetAt(timeMax);
    this.tell({ channel, times, values, start: 0, end: count, utcOffset });
  }

  /** UTC of the newest of some samples, microseconds. */
  utcOf({ boot, stamp, time }: NewestStored): number {
    this.#clocks.poll(this.#db);
    return time + this.#clocks.of(boot, stamp).offsetAt(time);
  }

  /** Hands values that are not kept yet to everyone who follows. */
  tell(batch: LiveBatch): void {
    for (const listener of this.#listeners) listener(batch);
  }

  follow(listener: (batch: LiveBatch) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  channels(): readonly StoredChannel[] {
    return this.#store.channels();
  }

  channel(name: string, gateway?: string): StoredChannel {
    return this.#store.channel(name, gateway);
  }

  raw(channel: number, from: number, to: number, version?: number): IterableIterator<Samples> {
    return this.#store.raw(channel, from, to, version);
  }

  envelope(channel: number, from: number, to: number, pixels: number, version?: number): Envelope {
    return this.#store.envelope(channel, from, to, pixels, version);
  }

  versions(): readonly PastVersion[] {
    return this.#store.versions();
  }

  latest(channel: number): LatestSample | undefined {
    return this.#store.latest(channel);
  }

  gaps(channel: number, from: number, to: number): readonly Gap[] {
    return this.#store.gaps(channel, from, to);
  }

  coverage(channel: number, from: number, to: number): Coverage {
    return this.#store.coverage(channel, from, to, this.#reachOf);
  }

  ledger(): readonly LedgerLine[] {
    return this.#store.ledger();
  }

  accounts(channel: number): readonly BootAccount[] {
    return this.#store.accounts(channel);
  }
}
