import type { Coverage, ReachOf } from '../../../gateway/query/coverage/coverage.ts';
import { OPENED_BYTES_FEW } from '../../../gateway/query/opened-packs.ts';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import type {
  AskedTelemetry,
  BootAccount,
  Envelope,
  Gap,
  LatestSample,
  LedgerLine,
  LiveBatch,
  PastVersion,
  Samples,
  StoredChannel,
} from '../../../gateway/query/telemetry.ts';
import type { NewestStored } from '../../../gateway/store/gateway-holdings.ts';
import type { NewBlock } from '../batch-pass.ts';
import type { PostgresDatabase } from './database.ts';
import { PostgresBlocks } from './postgres-blocks.ts';

/** Blocks of a raw query that are fetched at a time: some 16 MiB where each is in a pack of its own. */
const BLOCKS_AT_ONCE = 64;

/** Central's blocks in PostgreSQL as telemetry: what all of its processes have kept. */
export class PostgresTelemetry implements AskedTelemetry {
  readonly #blocks: PostgresBlocks;
  readonly #store: StoreTelemetry;
  readonly #reachOf: ReachOf;
  readonly #listeners = new Set<(batch: LiveBatch) => void>();

  /**
   * @param onProblem told of a block that is damaged; it costs a query only itself
   * @param reachOf how far gateways have been heard of
   */
  constructor(db: PostgresDatabase, onProblem: (text: string) => void, reachOf: ReachOf = () => undefined) {
    this.#reachOf = reachOf;
    this.#blocks = new PostgresBlocks(db);
    this.#store = StoreTelemetry.over(this.#blocks, onProblem, OPENED_BYTES_FEW);
  }

  close(): void {
    this.#listeners.clear();
    this.#store.close();
  }

  /** Hands a block that was just kept by this process to everyone who follows. @throws CaissonError `store-failed` */
  async announce({ channel, boot, stamp, block, isDerived }: NewBlock): Promise<void> {
    if (isDerived || this.#listeners.size === 0) return;
    const { count, timeMax } = block;
    const { times, values } = block.samples();
    const utcOffset = await this.#ask(() => this.#store.utcOffset(boot, stamp, timeMax));
    this.tell({ channel, times, values, start: 0, end: count, utcOffset });
  }

  /** UTC of stored times, microseconds. @throws CaissonError `store-failed` */
  utcOf(stored: readonly NewestStored[]): Promise<readonly number[]> {
    return this.#ask(() => stored.map(({ boot, stamp, time }) => time + this.#store.utcOffset(boot, stamp, time)));
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

  channels(): Promise<readonly StoredChannel[]> {
    return this.#ask(() => this.#store.channels());
  }

  channel(name: string, gateway?: string): Promise<StoredChannel> {
    return this.#ask(() => this.#store.channel(name, gateway));
  }

  /** Settled a stretch at a time: what is committed meanwhile may be among what comes later. */
  async *raw(channel: number, from: number, to: number, version?: number): AsyncIterableIterator<Samples> {
    const cuts = await this.#ask(() => this.#store.cuts(channel, from, to, BLOCKS_AT_ONCE, version));
    let start = from;
    for (const end of [...cuts, to]) {
      yield* await this.#ask(() => [...this.#store.raw(channel, start, end, version)]);
      start = end;
    }
  }

  envelope(channel: number, from: number, to: number, pixels: number, version?: number): Promise<Envelope> {
    return this.#ask(() => this.#store.envelope(channel, from, to, pixels, version));
  }

  versions(): Promise<readonly PastVersion[]> {
    return this.#ask(() => this.#store.versions());
  }

  latest(channel: number): Promise<LatestSample | undefined> {
    return this.#ask(() => this.#store.latest(channel));
  }

  gaps(channel: number, from: number, to: number): Promise<readonly Gap[]> {
    return this.#ask(() => this.#store.gaps(channel, from, to));
  }

  coverage(channel: number, from: number, to: number): Promise<Coverage> {
    return this.#ask(() => this.#store.coverage(channel, from, to, this.#reachOf));
  }

  ledger(): Promise<readonly LedgerLine[]> {
    return this.#ask(() => this.#store.ledger());
  }

  accounts(channel: number): Promise<readonly BootAccount[]> {
    return this.#ask(() => this.#store.accounts(channel));
  }

  /** Runs of gateways. */
  boots(): Promise<ReturnType<PostgresBlocks['boots']>> {
    return this.#ask(() => this.#blocks.boots());
  }

  /** Rows of the UTC map behind a position. */
  clockAfter(position: number): Promise<ReturnType<PostgresBlocks['clockAfter']>> {
    return this.#ask(() => this.#blocks.clockAfter(position));
  }

  #ask<Answer>(answer: () => Answer): Promise<Answer> {
    return this.#blocks.ask(answer);
  }
}
