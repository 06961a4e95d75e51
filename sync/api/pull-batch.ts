import type { FeedItem } from '../../gateway/store/block-db.ts';
import type { Outlined } from '../fidelity/outlined.ts';
import type { TravellingOutline } from '../fidelity/travelling-outline.ts';

/** What came ahead of its turn: nothing of it says how far the feed is had. */
export interface AheadBatch {
  readonly items: readonly FeedItem[];
  readonly outlines: readonly TravellingOutline[];
  /** How far outlines have come with these; undefined: as before. */
  readonly outlined: Outlined | undefined;
}

/** A run of the feed. `complete` when nothing stood after it. */
export interface PullBatch {
  readonly feed: string;
  readonly items: readonly FeedItem[];
  readonly complete: boolean;
  /** To be kept behind the items. */
  readonly ahead?: AheadBatch;
  /** Position up to which the feed is had once all of this is kept, where more than the items say; packs were passed over. */
  readonly passed?: number;
  /** True where whoever keeps it should have all of it: what it says of a channel may be old. Without it: it is news. */
  readonly isPast?: boolean;
}
