import { createHash, type KeyObject, sign, verify, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { CaissonError } from '../../gateway/errors.ts';
import {
  bits,
  bitsOf,
  boolean,
  contextTag,
  DER,
  type DerElement,
  DerReader,
  der,
  integer,
  octets,
  oid,
  sequence,
  time,
  utf8,
} from './der.ts';
import { identityUri, type PeerName } from './peer-name.ts';

/** Object identifiers of RFC 5280 and RFC 5758. */
const OID = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

/** How long before now a certificate begins, so that a clock that is a little behind takes it: milliseconds. */
const BACKDATED_MS = 3600_000;

/** Who signs: a certificate of an authority with its key. */
export interface Signer {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

export interface IssueRequest {
  readonly peer: PeerName;
  /** Names and addresses of hosts, for clients that check what they dialled. */
  readonly hosts: readonly string[];
  readonly publicKey: KeyObject;
  /** As many bytes as make it unique; never negative. */
  readonly serial: Uint8Array;
  readonly nowMs: number;
  readonly lifeMs: number;
}

/** Makes the certificate of an authority, which it signs itself and which vouches for no other authorities. */
export function makeAuthority(options: {
  readonly name: string;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
  readonly serial: Uint8Array;
  readonly nowMs: number;
  readonly lifeMs: number;
}): X509Certificate {
  const { name, key, publicKey, serial, nowMs, lifeMs } = options;
  const subject = distinguishedName(name);
  const extensions = [
    extension(OID.basicConstraints, sequence(boolean(true), integer(0)), true),
    // keyCertSign and cRLSign: bits 5 and 6.
    extension(OID.keyUsage, bits(Uint8Array.of(0b0000_0110), 1), true),
    extension(OID.subjectKeyIdentifier, octets(keyId(publicKey))),
  ];
  return signed({ serial, issuer: subject, subject, nowMs, lifeMs, publicKey, extensions }, key);
}

/** Issues the certificate of one gateway, central or reader, for both ends of a connection. */
export function issueCertificate({ certificate, key }: Signer, request: IssueRequest): X509Certificate {
  const { peer, hosts, publicKey, serial, nowMs } = request;
  // What outlives its authority is worth nothing.
  const lifeMs = Math.min(request.lifeMs, Date.parse(certificate.validTo) - nowMs);
  const extensions = [
    extension(OID.basicConstraints, sequence(), true),
    // digitalSignature: bit 0.
    extension(OID.keyUsage, bits(Uint8Array.of(0b1000_0000), 7), true),
    extension(OID.extendedKeyUsage, sequence(oid(OID.serverAuth), oid(OID.clientAuth))),
    extension(OID.subjectAltName, sequence(uriName(identityUri(peer)), ...hosts.map(hostName))),
    extension(OID.subjectKeyIdentifier, octets(keyId(publicKey))),
    extension(OID.authorityKeyIdentifier, sequence(der(contextTag(0, false), keyId(certificate.publicKey)))),
  ];
  const subject = distinguishedName(peer.name);
  const issuer = subjectDer(certificate);
  return signed({ serial, issuer, subject, nowMs, lifeMs, publicKey, extensions }, key);
}

/** `ecdsa-with-SHA256`, as everything here is signed. */
export const SIGNATURE_ALGORITHM = sequence(oid(OID.ecdsaWithSha256));

/**
 * The content of what {@link signedDer} made, as a whole, where that key signed it.
 * @throws CaissonError `peer-invalid`
 */
export function verifiedContent(bytes: Uint8Array, keyOf: (content: DerElement) => KeyObject): DerElement {
  const reader = new DerReader(bytes);
  const outer = reader.enter();
  reader.end();
  const content = outer.read(DER.sequence);
  const algorithm = outer.read(DER.sequence);
  const signature = bitsOf(outer.read(DER.bitString));
  outer.end();
  if (!algorithm.whole.equals(SIGNATURE_ALGORITHM)) {
    throw new CaissonError('peer-invalid', 'it is not signed by ECDSA with SHA-256');
  }
  if (!verify('sha256', content.whole, keyOf(content), signature)) {
    throw new CaissonError('peer-invalid', 'its signature is not by the key that it should be');
  }
  return content;
}

/** `content` with its signature: the frame of certificates, requests and revocation lists. */
export function signedDer(content: Buffer, key: KeyObject): Buffer {
  return sequence(content, SIGNATURE_ALGORITHM, bits(sign('sha256', content, key)));
}

/** The name with which an authority stands in what it issues. */
export function subjectDer(certificate: X509Certificate): Buffer {
  const [, name = ''] = /^CN=(.*)$/m.exec(certificate.subject) ?? [];
  return distinguishedName(name);
}

export function distinguishedName(commonName: string): Buffer {
  return sequence(der(DER.set, sequence(oid(OID.commonName), utf8(commonName))));
}

interface ToBeSigned {
  readonly serial: Uint8Array;
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly nowMs: number;
  readonly lifeMs: number;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

function signed(
  { serial, issuer, subject, nowMs, lifeMs, publicKey, extensions }: ToBeSigned,
  key: KeyObject,
): X509Certificate {
  const content = sequence(
    der(contextTag(0), integer(2)),
    integer(serial),
    SIGNATURE_ALGORITHM,
    issuer,
    sequence(time(nowMs - BACKDATED_MS), time(nowMs + lifeMs)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(contextTag(3), sequence(...extensions)),
  );
  return new X509Certificate(signedDer(content, key));
}

function extension(id: string, content: Buffer, isCritical = false): Buffer {
  return sequence(oid(id), ...(isCritical ? [boolean(true)] : []), octets(content));
}

function keyId(key: KeyObject): Buffer {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}

function uriName(uri: string): Buffer {
  return der(contextTag(6, false), Buffer.from(uri, 'ascii'));
}

function hostName(host: string): Buffer {
  if (isIP(host) === 0) return der(contextTag(2, false), Buffer.from(host, 'ascii'));
  return der(contextTag(7, false), addressBytes(host));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The host of a URL is written out by one rule, with at most one `::`.
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [left = '', right] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groups(left), right === undefined ? [] : groups(right)];
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
