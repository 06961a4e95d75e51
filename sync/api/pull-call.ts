import type { FeedItem } from '../../gateway/store/block-db.ts';
import type { BootPlace } from '../../gateway/store/feed.ts';
import { encodeFeedItem } from './feed-message.ts';
import type { PullBlocksRequestMessage, PullBlocksResponseMessage } from './messages.ts';
import type { Outflow } from './outflow.ts';
import type { GetPlaceRequestMessage, PlaceMessage } from './place-messages.ts';

/** What a follower follows; `BlockDb` has it. */
export interface FeedSource {
  /** What came to be after `after`, at most `itemsMax` steps and, but for the first, `bytesMax` bytes of packs. */
  feed(after: number, itemsMax: number, bytesMax: number): FeedItem[];
  /** Id of the feed where it is not that of the first boot: a restored store counts its positions anew. */
  feedId?(): string | undefined;
  /** The last boots at or before a position, in their order. */
  bootsUpTo?(position: number): readonly BootPlace[];
  /** Another one after everything that may have changed what is in it; without it: that is not known. */
  version?(): string | undefined;
  /** False while it is not known of what lacks whether it comes; without it: always. */
  isSettled?(): boolean;
}

/** Size of one response; a cut costs at most what is on its way. */
export const RESPONSE_ITEMS_MAX = 256;
export const RESPONSE_BYTES_MAX = 256 * 1024;

/** How often a follower at the end of the feed is looked for news, milliseconds. */
const POLL_MS = 100;

/**
 * Sends the feed from where the follower stands; with `follow` until it goes.
 * @param guard asked of every item as it is handed on; what it throws ends the call
 */
export async function answerPull(
  source: FeedSource,
  request: PullBlocksRequestMessage,
  out: Outflow<PullBlocksResponseMessage>,
  guard: (item: FeedItem) => void = () => {},
): Promise<void> {
  let feed = feedIdOf(source);
  let after = request.feed === feed ? request.after : 0;
  let items = read(source, after);
  let isFirst = true;
  /** Of the feed, when it was last looked at for news. */
  let seen: string | undefined;
  while (out.isOpen) {
    if (isFirst || items.length > 0) {
      after = items.at(-1)?.position ?? after;
      // Asked before: what settled it is read then.
      const isSettled = source.isSettled?.() ?? true;
      // Read ahead: only that tells whether these are the last.
      const next = read(source, after);
      for (const item of items) guard(item);
      const complete = next.length === 0 && isSettled;
      if (!(await out.send({ feed, items: items.map(encodeFeedItem), complete }))) return;
      isFirst = false;
      items = next;
      if (items.length > 0) continue;
    }
    if (!request.follow) return;
    await out.pause(POLL_MS);
    const version = source.version?.();
    if (version !== undefined && version === seen) continue;
    seen = version;
    if (feed === '') feed = feedIdOf(source);
    items = read(source, after);
  }
}

/**
 * Id of a store's feed: its first boot, because a store made anew begins with a boot that nobody else has, unless it was
 * restored. Empty while the store is empty.
 */
export function feedIdOf(source: FeedSource): string {
  const own = source.feedId?.();
  if (own !== undefined) return own;
  for (let after = 0; ; ) {
    const items = source.feed(after, RESPONSE_ITEMS_MAX, 0);
    for (const item of items) if (item.kind === 'boot') return item.boot;
    const last = items.at(-1);
    if (last === undefined) return '';
    after = last.position;
  }
}

/** Which boots a feed had begun up to a position. */
export function answerPlace(source: FeedSource, { position }: GetPlaceRequestMessage): PlaceMessage {
  return { feed: feedIdOf(source), boots: source.bootsUpTo?.(position) ?? [] };
}

function read(source: FeedSource, after: number): FeedItem[] {
  return source.feed(after, RESPONSE_ITEMS_MAX, RESPONSE_BYTES_MAX);
}
