import { Buffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeWhole } from '../../gateway/durable-files.ts';
import { CaissonError, messageOf } from '../../gateway/errors.ts';

/** What a key is for: to sign with, or to agree on a secret. */
export type KeyType = 'ed25519' | 'x25519';

/** Only its owner may read or write it. */
const KEY_MODE = 0o600;

const PUBLIC_BYTES = 32;
const CURVES = { ed25519: 'Ed25519', x25519: 'X25519' } as const;

/**
 * A private key in a file, made where there is none, with the folder that it is in.
 * @throws CaissonError `tls-unusable` where it cannot be read or written, others may read it, or it is of another type
 */
export function keptKey(path: string, type: KeyType): KeyObject {
  try {
    const mode = statSync(path, { throwIfNoEntry: false })?.mode;
    if (mode === undefined) return made(path, type);
    if ((mode & 0o077) !== 0) {
      throw new CaissonError('tls-unusable', `${path} has mode ${(mode & 0o777).toString(8)}, expected 600`, {
        hint: `chmod 600 ${path}, and a new key if others may have read it`,
      });
    }
    const key = createPrivateKey(readFileSync(path));
    if (key.asymmetricKeyType === type) return key;
    throw new CaissonError('tls-unusable', `${path} is a key of ${key.asymmetricKeyType}, expected ${type}`);
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw new CaissonError('tls-unusable', `${path}: ${messageOf(cause)}`, { cause });
  }
}

/** The public half as text, to be pinned in the config of gateways: `ed25519:` or `x25519:` and its 32 bytes in base64url. */
export function keyText(key: KeyObject, type: KeyType): string {
  return `${type}:${rawPublicKey(key).toString('base64url')}`;
}

/** The public key of a text that {@link keyText} made; undefined for any other. */
export function keyOfText(text: string, type: KeyType): KeyObject | undefined {
  const raw = Buffer.from(text.startsWith(`${type}:`) ? text.slice(type.length + 1) : '', 'base64url');
  return raw.length === PUBLIC_BYTES ? publicKeyOfRaw(raw, type) : undefined;
}

/** The 32 bytes of the public half. */
export function rawPublicKey(key: KeyObject): Buffer {
  const { x = '' } = (key.type === 'public' ? key : createPublicKey(key)).export({ format: 'jwk' });
  return Buffer.from(x, 'base64url');
}

export function publicKeyOfRaw(raw: Uint8Array, type: KeyType): KeyObject {
  const x = Buffer.from(raw).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: CURVES[type], x }, format: 'jwk' });
}

/** Whole or not at all: a key that was half written could not be told from a broken one. */
function made(path: string, type: KeyType): KeyObject {
  const { privateKey } = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeWhole(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), KEY_MODE);
  return privateKey;
}
