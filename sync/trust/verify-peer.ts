import type { X509Certificate } from 'node:crypto';
import { CaissonError } from '../../gateway/errors.ts';
import { type PeerName, type PeerRole, parseIdentityUri, peerText } from './peer-name.ts';

/** A peer whose certificate was checked. */
export interface Peer extends PeerName {
  /** In hexadecimal, capitals. */
  readonly serial: string;
  /** UTC, milliseconds. */
  readonly expiresMs: number;
}

/** By what a peer is judged. */
export interface Judgement {
  readonly authority: X509Certificate;
  /** Serial numbers of certificates that were taken back. */
  readonly revoked: ReadonlySet<string>;
  /** What the clock of this machine says, UTC, milliseconds. */
  readonly nowMs: number;
  /** UTC that has passed for certain, milliseconds: a clock that says less is wrong. */
  readonly floorMs: number;
}

/** Whom a connection is wanted to. */
export interface Expected {
  readonly roles: readonly PeerRole[];
  /** Undefined: any. */
  readonly name?: string | undefined;
}

/**
 * Checks the certificate of a peer that has proved to own its key, as the TLS handshake makes it do. Chains are one step long:
 * the authority, which is known, and what it issued. A clock that is known to be wrong cannot tell that a certificate is not
 * valid yet, so that a box which lost its time finds the way back.
 *
 * @throws CaissonError `peer-untrusted` saying why and what can be done; to be tried again, but for a certificate that was revoked
 */
export function verifyPeer(certificate: X509Certificate | undefined, judgement: Judgement): Peer {
  if (certificate === undefined) {
    throw distrust('it showed no certificate', 'let it enrol: `caisson invite` at central, `caisson enroll` there');
  }
  const { authority, revoked, nowMs, floorMs } = judgement;
  const peer = peerOf(certificate);
  const who =
    peer === undefined ? `the certificate of '${certificate.subject}'` : `the certificate of ${peerText(peer)}`;
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) {
    throw distrust(
      `${who} is of another authority than ${fingerprintText(authority)}`,
      'both ends must be enrolled at the same central; enrol again after its authority was made anew',
    );
  }
  if (certificate.ca || peer === undefined) throw distrust(`${who} is of no gateway, central or reader`);
  if (revoked.has(peer.serial)) {
    // The same certificate is never good again.
    throw new CaissonError('peer-untrusted', `${who} was revoked`, {
      hint: `\`caisson invite ${peer.name}\` at central lets it enrol again`,
    });
  }
  const clock = Math.max(nowMs, floorMs);
  const notBefore = Date.parse(certificate.validFrom);
  if (clock >= peer.expiresMs) {
    throw distrust(
      `${who} expired ${dateText(peer.expiresMs)}, the clock here says ${dateText(nowMs)}`,
      'where that clock is right, invite and enrol it again; otherwise set the clock',
    );
  }
  if (nowMs >= floorMs && nowMs < notBefore) {
    throw distrust(
      `${who} is valid from ${dateText(notBefore)}, the clock here says ${dateText(nowMs)}`,
      'set the clock of this machine: `timedatectl set-time`, or NTP',
    );
  }
  return peer;
}

/** @throws CaissonError `peer-untrusted` where it is somebody else */
export function requireExpected(peer: Peer, { roles, name }: Expected): void {
  if (roles.includes(peer.role) && (name === undefined || name === peer.name)) return;
  const wanted = name === undefined ? `a ${roles.join(' or ')}` : `${roles.join(' or ')} ${name}`;
  throw distrust(`it is ${peerText(peer)}, expected ${wanted}`, 'check the address that was dialled');
}

/** Whom a certificate is of, as it says itself; undefined where it says nothing of the kind, or several things. */
export function peerOf(certificate: X509Certificate): Peer | undefined {
  const names = (certificate.subjectAltName ?? '').split(', ');
  const identities = names.filter((name) => name.startsWith('URI:')).map((name) => parseIdentityUri(name.slice(4)));
  const [peer] = identities;
  if (identities.length !== 1 || peer === undefined) return undefined;
  return { ...peer, serial: certificate.serialNumber, expiresMs: Date.parse(certificate.validTo) };
}

/** `AB:CD:...`, short enough to be compared by eye. */
export function fingerprintText(certificate: X509Certificate): string {
  return certificate.fingerprint256.slice(0, 23);
}

/** UTC to the second. */
export function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

function distrust(message: string, hint?: string): CaissonError {
  return new CaissonError('peer-untrusted', message, { ...(hint !== undefined && { hint }), retryable: true });
}
