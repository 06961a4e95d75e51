import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { CaissonError, messageOf } from '../../gateway/errors.ts';

/** Bytes of a file of certificates or a key. Larger: refused. */
const PEM_BYTES_MAX = 1 << 20;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Files that TLS reads. */
export interface TlsFiles {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Authorities that certificates of peers may be of. */
  readonly ca?: string | undefined;
}

/** What the files hold, as PEM. */
export interface TlsMaterial {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
}

/**
 * Reads what TLS needs, and refuses what no peer would take.
 * @param nowMs UTC, milliseconds; a clock that was never set makes nothing expire
 * @throws CaissonError `tls-unusable` naming the file
 */
export function readTlsFiles({ cert, key, ca }: TlsFiles, nowMs: number): TlsMaterial {
  return {
    ...(cert !== undefined && key !== undefined && readPair(cert, key, nowMs)),
    ...(ca !== undefined && { ca: readAuthorities(ca, nowMs) }),
  };
}

/** Tells whether files are others than they were; a file that is not there is one state of it. */
export function versionOf({ cert, key, ca }: TlsFiles): string {
  const versions = [cert, key, ca].map((path) => {
    const stat = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? '-' : `${stat.ino}/${stat.size}/${stat.mtimeMs}`;
  });
  return versions.join(' ');
}

function readPair(certPath: string, keyPath: string, nowMs: number): { cert: string; key: string } {
  const cert = readPem(certPath);
  const [first] = certificatesOf(cert, certPath);
  if (first === undefined) throw unusable(certPath, 'holds no certificate', 'a file with -----BEGIN CERTIFICATE-----');
  if (isExpired(first, nowMs)) {
    throw unusable(certPath, `holds a certificate that expired ${first.validTo}`, 'a new certificate');
  }
  const key = readPem(keyPath);
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(key);
  } catch (cause) {
    throw unusable(
      keyPath,
      `holds no private key that can be used (${messageOf(cause)})`,
      'PEM without a passphrase',
      cause,
    );
  }
  if (!first.checkPrivateKey(privateKey)) {
    throw unusable(
      keyPath,
      `holds the key of another certificate than that of ${certPath}`,
      'the key that it was made with',
    );
  }
  return { cert, key };
}

function readAuthorities(path: string, nowMs: number): string {
  const pem = readPem(path);
  const authorities = certificatesOf(pem, path);
  const [first] = authorities;
  if (first === undefined) throw unusable(path, 'holds no certificate', 'a file with -----BEGIN CERTIFICATE-----');
  if (authorities.every((authority) => isExpired(authority, nowMs))) {
    throw unusable(path, `holds an authority that expired ${first.validTo}`, 'the certificate of one that has not');
  }
  return pem;
}

function readPem(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > PEM_BYTES_MAX) throw new Error(`it has ${size} bytes, expected ${PEM_BYTES_MAX} at most`);
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw unusable(path, `cannot be read: ${messageOf(cause)}`, 'a file that this process may read', cause);
  }
}

function certificatesOf(pem: string, path: string): X509Certificate[] {
  return [...pem.matchAll(PEM_CERTIFICATE)].map(([text], index) => {
    try {
      return new X509Certificate(text);
    } catch (cause) {
      throw unusable(path, `holds as number ${index + 1} what is no certificate (${messageOf(cause)})`, 'PEM', cause);
    }
  });
}

function isExpired(certificate: X509Certificate, nowMs: number): boolean {
  return Date.parse(certificate.validTo) < nowMs;
}

function unusable(path: string, problem: string, expected: string, cause?: unknown): CaissonError {
  return new CaissonError('tls-unusable', `${path} ${problem}`, {
    hint: `put there ${expected}`,
    retryable: true,
    ...(cause !== undefined && { cause }),
  });
}
