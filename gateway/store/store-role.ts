import { CaissonError } from '../errors.ts';
import type { BlockDb } from './block-db.ts';

/** Key in `meta` of what a store is of. */
export const ROLE_KEY = 'role';

/** Key in `meta` of the id of a central's store and, behind a space, the number of the file that it belongs to. */
export const STORE_ID_KEY = 'store id';

/** What a store is of. */
export type StoreRole = 'gateway' | 'central';

/**
 * Makes a store that of a gateway or of a central. It stays so: a central would give the store of a gateway its own name, with which
 * that gateway does not start again.
 * @throws CaissonError `store-unusable` where it is the other's
 */
export function claimStore(blocks: BlockDb, role: StoreRole): void {
  const kept = blocks.meta(ROLE_KEY);
  if (kept === role) return;
  if (kept !== undefined) {
    throw new CaissonError('store-unusable', `the store belongs to a ${kept}, expected that of a ${role}`, {
      hint: `give the ${role} a directory of its own`,
    });
  }
  blocks.transaction(() => blocks.keepMeta(ROLE_KEY, role));
}
