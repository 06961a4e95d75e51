import { Buffer } from 'node:buffer';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import { loadProtos, serviceOf, TELEMETRY_SERVICE } from '../api/descriptor.ts';
import { decodeFeedItem, encodeFeedItem } from '../api/feed-message.ts';
import type { PullBlocksResponseMessage } from '../api/messages.ts';

/** Items of a feed as bytes, and back: as a PullBlocksResponse, which is what they are on a line. */
export class FeedBytes {
  readonly #method = serviceOf(loadProtos(), TELEMETRY_SERVICE).PullBlocks;

  encode(feed: string, items: readonly FeedItem[]): Uint8Array {
    const message: PullBlocksResponseMessage = { feed, items: items.map(encodeFeedItem), complete: false };
    return this.#method?.responseSerialize(message) ?? new Uint8Array(0);
  }

  /** @throws CaissonError `peer-invalid` for an item of no known kind */
  decode(bytes: Uint8Array): FeedItem[] {
    const message = this.#method?.responseDeserialize(Buffer.from(bytes)) as PullBlocksResponseMessage | undefined;
    return (message?.items ?? []).map(decodeFeedItem);
  }
}
