import type { StoredChannel } from '../../gateway/query/telemetry.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import type { GatewayFeeds } from '../api/pull-gateway-call.ts';
import { type AllowedNames, chosenOf, requireNames } from './cut-items.ts';
import type { DestinationScope } from './destination-policy.ts';

/** What a central has of a gateway as one destination may have it, as {@link ScopedFeed} has a gateway's own feed. For one call. */
export class ScopedGatewayFeed implements Pick<GatewayFeeds, 'id' | 'feed'> {
  readonly #source: Pick<GatewayFeeds, 'id' | 'feed'>;
  readonly #channels: () => Promise<readonly StoredChannel[]>;
  readonly #scope: DestinationScope;

  /** @param channels as they are defined at the moment */
  constructor(
    source: Pick<GatewayFeeds, 'id' | 'feed'>,
    channels: () => Promise<readonly StoredChannel[]>,
    scope: DestinationScope,
  ) {
    this.#source = source;
    this.#channels = channels;
    this.#scope = scope;
  }

  id(): Promise<string> {
    return this.#source.id();
  }

  async feed(gateway: string, after: number, itemsMax: number, bytesMax: number): Promise<FeedItem[]> {
    for (let from = after; ; ) {
      const items = await this.#source.feed(gateway, from, itemsMax, bytesMax);
      const last = items.at(-1);
      if (last === undefined) return [];
      const allows = await this.#allowed();
      const chosen = allows === undefined ? items : items.flatMap((item) => chosenOf(item, allows));
      if (chosen.length > 0) return chosen;
      from = last.position;
    }
  }

  /** As {@link ScopedFeed.requireAllowed}. @throws CaissonError `residency-violated` */
  async requireAllowed(items: readonly FeedItem[]): Promise<void> {
    const allows = await this.#allowed();
    if (allows !== undefined) for (const item of items) requireNames(item, allows);
  }

  /** Undefined where every channel may go. */
  async #allowed(): Promise<AllowedNames | undefined> {
    const channels = await this.#channels();
    const allowed = new Set(channels.filter(this.#scope.allows).map(keyOf));
    if (allowed.size === channels.length) return undefined;
    return (gateway, name) => allowed.has(keyOf({ gateway, name }));
  }
}

function keyOf({ gateway, name }: Pick<StoredChannel, 'gateway' | 'name'>): string {
  return `${gateway}\n${name}`;
}
