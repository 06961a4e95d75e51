import { CaissonError } from '../../gateway/errors.ts';
import type { TelemetryClient } from '../api/client.ts';
import type { ChannelAccount } from '../api/ledger-call.ts';
import type { PlaceMessage } from '../api/place-messages.ts';
import type { PullBatch } from '../api/pull-batch.ts';
import type { Peer } from '../line/pull-line.ts';
import type { HeldRange } from '../receipts/held-ranges.ts';
import type { DrilledStore } from './run-drill.ts';

/** What a central has of one gateway, as a drill asks for it over the network: wherever that central keeps it. */
export class GatewayAtCentral implements DrilledStore {
  readonly #client: TelemetryClient;
  readonly #gateway: string;

  /** @param client closed with this */
  constructor(client: TelemetryClient, gateway: string) {
    this.#client = client;
    this.#gateway = gateway;
  }

  /** @throws CaissonError `peer-invalid` where it is no central, or has nothing of the gateway */
  async status(): Promise<Peer> {
    const { role, gateway } = await this.#client.status();
    if (role !== 'central') {
      throw new CaissonError('peer-invalid', `${gateway} is a gateway itself: only a central is asked for one by name`);
    }
    const { boots } = await this.place(Number.MAX_SAFE_INTEGER);
    if (boots.length > 0) return { role: 'gateway', gateway: this.#gateway };
    throw new CaissonError('peer-invalid', `central ${gateway} has nothing of a gateway ${this.#gateway}`, {
      hint: '`caisson fleet` lists those that it has',
    });
  }

  place(position: number): Promise<PlaceMessage> {
    return this.#client.place(position, this.#gateway);
  }

  pull(
    { feed, after }: { readonly feed: string; readonly after: number },
    signal?: AbortSignal,
  ): AsyncIterable<PullBatch> {
    return this.#client.pullGateway({ gateway: this.#gateway, feed, after }, signal);
  }

  ledger(): AsyncIterable<ChannelAccount> {
    return this.#client.ledger({ gateway: this.#gateway });
  }

  digests(gateway: string, ranges: readonly HeldRange[]): Promise<Uint8Array[]> {
    return this.#client.digests(gateway, ranges);
  }

  close(): void {
    this.#client.close();
  }
}
