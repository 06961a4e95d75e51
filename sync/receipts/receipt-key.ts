import { Buffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError, messageOf } from '../../gateway/errors.ts';

const KEY_FILE = 'receipt-key.pem';

/** Only its owner may read or write it. */
const KEY_MODE = 0o600;

const PREFIX = 'ed25519:';
const PUBLIC_BYTES = 32;

/**
 * The key that a central signs receipts with, made at the first start and kept in its folder.
 * @throws CaissonError `tls-unusable` where it cannot be read or written, others may read it, or it is no Ed25519 key
 */
export function receiptKey(dir: string): KeyObject {
  const path = join(dir, KEY_FILE);
  try {
    const mode = statSync(path, { throwIfNoEntry: false })?.mode;
    if (mode === undefined) return made(path);
    if ((mode & 0o077) !== 0) {
      throw new CaissonError('tls-unusable', `${path} has mode ${(mode & 0o777).toString(8)}, expected 600`, {
        hint: `chmod 600 ${path}, and a new key if others may have read it`,
      });
    }
    const key = createPrivateKey(readFileSync(path));
    if (key.asymmetricKeyType === 'ed25519') return key;
    throw new CaissonError('tls-unusable', `${path} is a key of ${key.asymmetricKeyType}, expected ed25519`);
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw new CaissonError('tls-unusable', `${path}: ${messageOf(cause)}`, { cause });
  }
}

/** The public half as text, to be pinned in the config of gateways. */
export function publicKeyText(key: KeyObject): string {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  return `${PREFIX}${x}`;
}

/** The public key of a text that {@link publicKeyText} made; undefined for any other. */
export function publicKeyOf(text: string): KeyObject | undefined {
  const x = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : '';
  if (Buffer.from(x, 'base64url').length !== PUBLIC_BYTES) return undefined;
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

/** Whole or not at all: a key that was half written could not be told from a broken one. */
function made(path: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ed25519');
  const fresh = `${path}.new`;
  const file = openSync(fresh, 'w', KEY_MODE);
  try {
    chmodSync(fresh, KEY_MODE);
    writeSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(fresh, path);
  return privateKey;
}
