import type { FeedItem } from '../../gateway/store/block-db.ts';

/** A run of the feed. `complete` when nothing stood after it. */
export interface PullBatch {
  readonly feed: string;
  readonly items: readonly FeedItem[];
  readonly complete: boolean;
}
