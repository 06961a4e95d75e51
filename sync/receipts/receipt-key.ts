import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { keptKey, keyOfText, keyText } from './kept-key.ts';

/**
 * The key that a central signs receipts with, made at the first start and kept in its folder.
 * @throws CaissonError `tls-unusable`
 */
export function receiptKey(dir: string): KeyObject {
  return keptKey(join(dir, 'receipt-key.pem'), 'ed25519');
}

/** The public half as text, to be pinned in the config of gateways. */
export function publicKeyText(key: KeyObject): string {
  return keyText(key, 'ed25519');
}

/** The public key of a text that {@link publicKeyText} made; undefined for any other. */
export function publicKeyOf(text: string): KeyObject | undefined {
  return keyOfText(text, 'ed25519');
}
