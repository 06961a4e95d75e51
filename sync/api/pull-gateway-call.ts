import { CaissonError } from '../../gateway/errors.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import type { PullGatewayRequestMessage } from './digest-messages.ts';
import { encodeFeedItem } from './feed-message.ts';
import type { PullBlocksResponseMessage } from './messages.ts';
import type { Outflow } from './outflow.ts';
import { RESPONSE_BYTES_MAX, RESPONSE_ITEMS_MAX } from './pull-call.ts';

/** What a central has of its gateways, each as a feed in the order in which it came here. */
export interface LostGatewayFeed {
  /** Id of the store, in which positions count. */
  id(): Promise<string>;
  /** What of a gateway came after `after`, at most `itemsMax` items and, but for the first, `bytesMax` bytes of packs. */
  feed(gateway: string, after: number, itemsMax: number, bytesMax: number): Promise<FeedItem[]>;
}

/**
 * Sends all that is here of a gateway, from where the other end stands.
 * @throws CaissonError `peer-invalid` where nothing of it is here
 */
export async function answerPullGateway(
  store: LostGatewayFeed,
  request: PullGatewayRequestMessage,
  out: Outflow<PullBlocksResponseMessage>,
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
    if (!(await out.send({ feed, items: items.map(encodeFeedItem), complete })) || complete) return;
    items = next;
  }
}
