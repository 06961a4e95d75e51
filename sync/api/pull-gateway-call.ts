import { CaissonError } from '../../gateway/errors.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import type { BootPlace } from '../../gateway/store/feed.ts';
import type { DestinationScope } from '../destinations/destination-policy.ts';
import type { GetDigestsRequestMessage, PullGatewayRequestMessage } from './digest-messages.ts';
import { encodeFeedItem } from './feed-message.ts';
import type { PullBlocksResponseMessage } from './messages.ts';
import type { Outflow } from './outflow.ts';
import { RESPONSE_BYTES_MAX, RESPONSE_ITEMS_MAX } from './pull-call.ts';

/** What a central has of its gateways, each as a feed in the order in which it came here: for a box that was lost, and for backups. */
export interface GatewayFeeds {
  /** Id of the store, in which positions count. */
  id(): Promise<string>;
  /** What of a gateway came after `after`, at most `itemsMax` items and, but for the first, `bytesMax` bytes of packs. */
  feed(gateway: string, after: number, itemsMax: number, bytesMax: number): Promise<FeedItem[]>;
  /** The last boots of a gateway's feed at or before a position, in their order. */
  bootsUpTo(gateway: string, position: number): Promise<readonly BootPlace[]>;
  /** Digests of ranges of a gateway's samples, some at a time in their order; empty where not all are there. @param scope undefined: all channels */
  digests(
    request: GetDigestsRequestMessage,
    scope: Pick<DestinationScope, 'allows'> | undefined,
  ): Iterable<readonly Uint8Array[]> | AsyncIterable<readonly Uint8Array[]>;
}

/**
 * Sends all that is here of a gateway, from where the other end stands.
 * @param guard asked of what is handed to the socket, which it refuses by an error
 * @throws CaissonError `peer-invalid` where nothing of it is here
 */
export async function answerPullGateway(
  store: Pick<GatewayFeeds, 'id' | 'feed'>,
  request: PullGatewayRequestMessage,
  out: Outflow<PullBlocksResponseMessage>,
  guard: (items: readonly FeedItem[]) => Promise<void> = async () => {},
): Promise<void> {
  const { gateway } = request;
  const feed = await store.id();
  const read = (after: number) => store.feed(gateway, after, RESPONSE_ITEMS_MAX, RESPONSE_BYTES_MAX);
  let after = request.feed === feed ? request.after : 0;
  let items = await read(after);
  if (after === 0 && items.length === 0) {
    throw new CaissonError('peer-invalid', `this central has nothing of a gateway ${gateway}`, {
      hint: '`caisson fleet` lists those that it has',
    });
  }
  for (;;) {
    after = items.at(-1)?.position ?? after;
    const next = items.length === 0 ? [] : await read(after);
    const complete = next.length === 0;
    await guard(items);
    if (!(await out.send({ feed, items: items.map(encodeFeedItem), complete })) || complete) return;
    items = next;
  }
}
