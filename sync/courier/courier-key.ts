import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { keptKey } from '../receipts/kept-key.ts';

/** Where the folder of a central has that key. */
export function courierKeyPath(dir: string): string {
  return join(dir, 'courier-key.pem');
}

/**
 * The key that courier files for a central are encrypted to, made when it is first asked for and kept in its folder.
 * @throws CaissonError `tls-unusable`
 */
export function courierKey(dir: string): KeyObject {
  return keptKey(courierKeyPath(dir), 'x25519');
}
