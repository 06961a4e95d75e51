import { randomBytes } from 'node:crypto';
import { CaissonError } from '../errors.ts';
import type { BlockDb } from './block-db.ts';

/** Key in `meta` of the id. */
export const GATEWAY_KEY = 'gateway';

/**
 * The id of the gateway whose store this is: kept at the first opening, never changed, because blocks carry it.
 * @throws CaissonError `store-unusable` when the configured id is another
 */
export function gatewayIdOf(blocks: BlockDb, configured: string | undefined): string {
  const kept = blocks.meta(GATEWAY_KEY);
  if (kept === undefined) {
    const id = configured ?? `box-${randomBytes(4).toString('hex')}`;
    blocks.transaction(() => blocks.keepMeta(GATEWAY_KEY, id));
    return id;
  }
  if (configured !== undefined && configured !== kept) {
    throw new CaissonError(
      'store-unusable',
      `the store belongs to gateway ${kept}, the configuration says ${configured}`,
      {
        hint: 'give the new gateway a store directory of its own, or take its old id back',
      },
    );
  }
  return kept;
}
