import type { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { dateText, type Judgement, type Peer } from './verify-peer.ts';

/** Older TLS shows certificates to whoever listens. */
export const MIN_TLS_VERSION = 'TLSv1.3';

/** Part of its life after which a certificate is renewed. */
const RENEW_AFTER = 2 / 3;

/** By what this end is known, and whom it trusts, at the moment. */
export interface Credentials {
  readonly own: Peer;
  /** PEM. */
  readonly key: string;
  readonly certificate: X509Certificate;
  readonly authority: X509Certificate;
  /** Serial numbers of certificates that were taken back. */
  readonly revoked: ReadonlySet<string>;
}

/** Credentials that change while connections are open: renewed, or with more certificates taken back. */
export interface Identity {
  readonly credentials: Credentials;
  /** Returns what ends the telling. */
  onChange(listener: () => void): () => void;
}

/** For both ends of TLS. The authority goes with the certificate, so that who knows only its fingerprint sees it. */
export function tlsOptions({ key, certificate, authority }: Credentials): SecureContextOptions {
  return {
    key,
    cert: `${certificate}${authority}`,
    ca: authority.toString(),
    minVersion: MIN_TLS_VERSION,
    // Without one OpenSSL refuses who shows its certificate and takes a session up again.
    sessionIdContext: 'caisson',
  };
}

/** The same, read: a central that dials a thousand boxes reads key and certificates once. */
export function secureContextOf(credentials: Credentials): SecureContext {
  const known = contexts.get(credentials);
  if (known !== undefined) return known;
  const context = createSecureContext(tlsOptions(credentials));
  contexts.set(credentials, context);
  return context;
}

const contexts = new WeakMap<Credentials, SecureContext>();

/** How peers are judged now. What vouches for this end began in the past: a clock that says less is wrong. */
export function judgementOf({ certificate, authority, revoked }: Credentials, nowMs: number): Judgement {
  return { authority, revoked, nowMs, floorMs: Date.parse(certificate.validFrom) };
}

/** Whether it is time for a new certificate. */
export function isRenewalDue({ certificate, own }: Credentials, nowMs: number): boolean {
  const from = Date.parse(certificate.validFrom);
  return nowMs > from + (own.expiresMs - from) * RENEW_AFTER;
}

/** What a person should know of the clock or the certificate; undefined: nothing. */
export function identityProblem({ certificate, own }: Credentials, nowMs: number): string | undefined {
  if (nowMs < Date.parse(certificate.validFrom)) {
    return `the clock of this machine says ${dateText(nowMs)}, which is before its certificate was made: set the clock`;
  }
  if (nowMs >= own.expiresMs) {
    return `the certificate of this ${own.role} expired ${dateText(own.expiresMs)}: \`caisson invite\` at central, then \`caisson enroll\` here`;
  }
  return undefined;
}
