import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  type KeyObject,
  randomBytes,
  scryptSync,
} from 'node:crypto';
import { CaissonError } from '../../gateway/errors.ts';

/** Cost of scrypt: 128 MiB and a good third of a second for each guess at the passphrase. */
const COST = { N: 1 << 17, r: 8, p: 1 } as const;
const MEMORY_BYTES_MAX = 256 << 20;

const PASSPHRASE_LENGTH_MIN = 12;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const KEY_BYTES = 32;

/** A private key as a file keeps it: AES-256-GCM under scrypt of a passphrase. Bytes are base64. */
interface SealedKey {
  readonly version: 1;
  readonly scrypt: { readonly N: number; readonly r: number; readonly p: number; readonly salt: string };
  readonly nonce: string;
  readonly tag: string;
  readonly sealed: string;
}

/** @throws CaissonError `trust-unusable` for a passphrase that is too short */
export function sealKey(key: KeyObject, passphrase: string): string {
  if (passphrase.length < PASSPHRASE_LENGTH_MIN) {
    throw new CaissonError(
      'trust-unusable',
      `the passphrase has ${passphrase.length} characters, expected ${PASSPHRASE_LENGTH_MIN} at least`,
    );
  }
  const [salt, nonce] = [randomBytes(SALT_BYTES), randomBytes(NONCE_BYTES)];
  const cipher = createCipheriv('aes-256-gcm', derive(passphrase, { ...COST, salt }), nonce);
  const bytes = key.export({ type: 'pkcs8', format: 'der' });
  const sealed = Buffer.concat([cipher.update(bytes), cipher.final()]);
  const text = (part: Buffer) => part.toString('base64');
  const file: SealedKey = {
    version: 1,
    scrypt: { ...COST, salt: text(salt) },
    nonce: text(nonce),
    tag: text(cipher.getAuthTag()),
    sealed: text(sealed),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** @throws CaissonError `trust-unusable` for another passphrase, or a file that is damaged */
export function openKey(file: string, passphrase: string): KeyObject {
  try {
    const { scrypt, nonce, tag, sealed } = JSON.parse(file) as SealedKey;
    const bytes = (text: string) => Buffer.from(text, 'base64');
    const key = derive(passphrase, { ...scrypt, salt: bytes(scrypt.salt) });
    const decipher = createDecipheriv('aes-256-gcm', key, bytes(nonce), { authTagLength: 16 });
    decipher.setAuthTag(bytes(tag));
    const opened = Buffer.concat([decipher.update(bytes(sealed)), decipher.final()]);
    return createPrivateKey({ key: opened, format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw new CaissonError('trust-unusable', 'the passphrase does not open the key of the authority', {
      cause,
      hint: 'is it the one the authority was made with? A file that was damaged looks the same',
    });
  }
}

interface KeyCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
}

function derive(passphrase: string, { N, r, p, salt }: KeyCost): Buffer {
  return scryptSync(passphrase.normalize('NFC'), salt, KEY_BYTES, { N, r, p, maxmem: MEMORY_BYTES_MAX });
}
