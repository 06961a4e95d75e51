import { CaissonError } from '../../gateway/errors.ts';
import type { ChannelAccount } from '../api/ledger-call.ts';
import type { PlaceMessage } from '../api/place-messages.ts';
import type { PullBatch } from '../api/pull-batch.ts';
import { RESPONSE_BYTES_MAX, RESPONSE_ITEMS_MAX } from '../api/pull-call.ts';
import { PostgresDatabase } from '../central/postgres/database.ts';
import { PostgresGatewayFeed } from '../central/postgres/postgres-gateway-feed.ts';
import { PostgresTelemetry } from '../central/postgres/postgres-telemetry.ts';
import { requireSchema } from '../central/postgres/schema.ts';
import type { Peer } from '../line/pull-line.ts';
import type { HeldRange } from '../receipts/held-ranges.ts';
import type { DrilledStore } from './run-drill.ts';

/**
 * What a central over PostgreSQL has of one gateway, as a drill asks for it. It reads the database itself, whether a central runs over it or not,
 * and takes no lease.
 */
export class DatabaseStore implements DrilledStore {
  readonly #gateway: string;
  readonly #db: PostgresDatabase;
  readonly #feed: PostgresGatewayFeed;
  readonly #telemetry: PostgresTelemetry;

  /** @param url `postgres://user@host:port/database` */
  constructor(url: string, gateway: string) {
    this.#gateway = gateway;
    this.#db = new PostgresDatabase(url);
    this.#feed = new PostgresGatewayFeed(this.#db);
    // What cannot be read shows as a difference.
    this.#telemetry = new PostgresTelemetry(this.#db, () => {});
  }

  /** @throws CaissonError `store-unusable`, `store-failed`, `peer-invalid` where nothing of the gateway is there */
  async status(): Promise<Peer> {
    await requireSchema(this.#db);
    const { boots } = await this.place(Number.MAX_SAFE_INTEGER);
    if (boots.length > 0) return { role: 'gateway', gateway: this.#gateway };
    throw new CaissonError('peer-invalid', `this database has nothing of a gateway ${this.#gateway}`, {
      hint: '`caisson fleet` lists those that its central has',
    });
  }

  async place(position: number): Promise<PlaceMessage> {
    return { feed: await this.#feed.id(), boots: await this.#feed.bootsUpTo(this.#gateway, position) };
  }

  async *pull(
    { feed, after }: { readonly feed: string; readonly after: number },
    signal?: AbortSignal,
  ): AsyncGenerator<PullBatch, void, undefined> {
    const id = await this.#feed.id();
    for (let at = feed === id ? after : 0; signal?.aborted !== true; ) {
      const items = await this.#feed.feed(this.#gateway, at, RESPONSE_ITEMS_MAX, RESPONSE_BYTES_MAX);
      at = items.at(-1)?.position ?? at;
      const complete = items.length === 0;
      yield { feed: id, items, complete };
      if (complete) return;
    }
  }

  async *ledger(): AsyncGenerator<ChannelAccount, void, undefined> {
    for (const { id, gateway, name: channel } of await this.#telemetry.channels()) {
      if (gateway !== this.#gateway) continue;
      for (const account of await this.#telemetry.accounts(id)) yield { ...account, gateway, channel };
    }
  }

  async digests(gateway: string, ranges: readonly HeldRange[]): Promise<Uint8Array[]> {
    const all: Uint8Array[] = [];
    for await (const some of this.#feed.digests({ gateway, ranges }, undefined)) all.push(...some);
    return all;
  }

  close(): void {
    this.#telemetry.close();
    void this.#db.close();
  }
}
