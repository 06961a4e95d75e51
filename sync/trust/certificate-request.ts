import { createPublicKey, type KeyObject } from 'node:crypto';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { distinguishedName, signedDer, verifiedContent } from './certificate.ts';
import { contextTag, DER, type DerElement, DerReader, der, integer, sequence } from './der.ts';

/** Bytes of a request. Larger: refused. */
const REQUEST_BYTES_MAX = 4096;

/** A request for a certificate (PKCS #10, RFC 2986): it shows that who asks has the key. What it is called, its authority says. */
export function makeCertificateRequest(name: string, key: KeyObject): Buffer {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return signedDer(sequence(integer(0), distinguishedName(name), publicKey, der(contextTag(0))), key);
}

/**
 * The public key of a request that its own private key signed.
 * @throws CaissonError `peer-invalid` for what is no request, or not signed by its key, or for a key that is not EC P-256
 */
export function readCertificateRequest(bytes: Uint8Array): KeyObject {
  if (bytes.length > REQUEST_BYTES_MAX) {
    throw invalid(`it has ${bytes.length} bytes, expected ${REQUEST_BYTES_MAX} at most`);
  }
  let key: KeyObject | undefined;
  verifiedContent(bytes, (content) => {
    key = keyIn(content);
    return key;
  });
  if (key === undefined) throw invalid('it has no key');
  return key;
}

function keyIn({ content }: DerElement): KeyObject {
  const inner = new DerReader(content);
  inner.read(DER.integer);
  inner.read(DER.sequence);
  const { whole } = inner.read(DER.sequence);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: whole, format: 'der', type: 'spki' });
  } catch (cause) {
    throw invalid(`its key cannot be used: ${messageOf(cause)}`, cause);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw invalid('its key is not of the curve P-256');
  return key;
}

function invalid(problem: string, cause?: unknown): CaissonError {
  return new CaissonError('peer-invalid', `no usable request for a certificate: ${problem}`, {
    ...(cause !== undefined && { cause }),
  });
}
