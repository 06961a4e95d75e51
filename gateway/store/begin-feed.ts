import { randomBytes } from 'node:crypto';
import type { BlockDb } from './block-db.ts';
import { FEED_KEY } from './block-reader.ts';
import { PASSED_OVER_KEY } from './passed-over.ts';
import { ACKNOWLEDGED_KEY, ACKNOWLEDGED_STORES_KEY } from './retention/acknowledgements.ts';

/**
 * Makes the feed of a store another one: positions it gives out were given out before, for other things, so every central looks
 * through all of it once and keeps what it lacks, and nothing counts as synced before.
 */
export function beginFeed(blocks: BlockDb): void {
  blocks.transaction(() => {
    blocks.keepMeta(FEED_KEY, randomBytes(8).toString('hex'));
    // Positions of the feed of old: by them retention would delete what is nowhere else.
    for (const key of [ACKNOWLEDGED_KEY, ACKNOWLEDGED_STORES_KEY]) blocks.keepMeta(key, '{}');
    // Nor was anything of this one passed over.
    blocks.keepMeta(PASSED_OVER_KEY, '{}');
  });
}
