import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { keptKey } from '../receipts/kept-key.ts';

/**
 * The key that courier files for a central are encrypted to, made when it is first asked for and kept in its folder.
 * @throws CaissonError `tls-unusable`
 */
export function courierKey(dir: string): KeyObject {
  return keptKey(join(dir, 'courier-key.pem'), 'x25519');
}
