import type { X509Certificate } from 'node:crypto';
import { CaissonError } from '../../gateway/errors.ts';
import { SIGNATURE_ALGORITHM, type Signer, signedDer, subjectDer, verifiedContent } from './certificate.ts';
import { contextTag, DER, DerReader, der, integer, integerHex, octets, oid, sequence, time } from './der.ts';

const CRL_NUMBER = '2.5.29.20';

/** Bytes of a list: some ten thousand certificates. Larger: refused. */
const LIST_BYTES_MAX = 1 << 20;

/** Until when a list may be used, milliseconds: a box that hears nothing newer goes on with what it knows. */
const LIST_LIFE_MS = 10 * 365 * 86_400_000;

/** A certificate that was taken back; its serial number in hexadecimal, capitals, without leading zeros. */
export interface Revoked {
  readonly serial: string;
  readonly atMs: number;
}

/** Which certificates of an authority are taken back. A greater number is a newer list. */
export interface RevocationList {
  readonly number: number;
  readonly serials: ReadonlySet<string>;
}

/** A revocation list (RFC 5280, 5), as any tool reads it. */
export function makeRevocationList(
  { certificate, key }: Signer,
  { number, revoked, nowMs }: { readonly number: number; readonly revoked: readonly Revoked[]; readonly nowMs: number },
): Buffer {
  const entries = revoked.map(({ serial, atMs }) => sequence(integer(serialBytes(serial)), time(atMs)));
  const content = sequence(
    integer(1),
    SIGNATURE_ALGORITHM,
    subjectDer(certificate),
    time(nowMs),
    time(nowMs + LIST_LIFE_MS),
    // A list without entries must not have an empty one.
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    der(contextTag(0), sequence(sequence(oid(CRL_NUMBER), octets(integer(number))))),
  );
  return signedDer(content, key);
}

/**
 * Reads a list that `authority` signed.
 * @throws CaissonError `peer-invalid`
 */
export function readRevocationList(bytes: Uint8Array, authority: X509Certificate): RevocationList {
  if (bytes.length > LIST_BYTES_MAX) {
    throw new CaissonError(
      'peer-invalid',
      `a revocation list has ${bytes.length} bytes, expected ${LIST_BYTES_MAX} at most`,
    );
  }
  const list = new DerReader(verifiedContent(bytes, () => authority.publicKey).content);
  list.read(DER.integer);
  list.read(DER.sequence);
  list.read(DER.sequence);
  for (let times = 0; times < 2; times += 1) list.maybe(DER.utcTime) ?? list.maybe(DER.generalizedTime);
  const serials = new Set<string>();
  const entries = list.maybe(DER.sequence);
  if (entries !== undefined) {
    const each = new DerReader(entries.content);
    while (!each.isAtEnd) serials.add(integerHex(each.enter().read(DER.integer)));
  }
  return { number: numberOf(list), serials };
}

function numberOf(list: DerReader): number {
  const extensions = list.enter(contextTag(0)).enter();
  const number = extensions.enter();
  number.read(DER.oid);
  return Number.parseInt(integerHex(number.enter(DER.octetString).read(DER.integer)), 16);
}

function serialBytes(serial: string): Buffer {
  return Buffer.from(serial.length % 2 === 0 ? serial : `0${serial}`, 'hex');
}
