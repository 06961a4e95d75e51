import { createHash } from 'node:crypto';
import { CaissonError } from '../../gateway/errors.ts';
import { type Address, formatAddress, parseAddress } from '../api/address.ts';
import { type PeerName, requirePeerName } from './peer-name.ts';

const PREFIX = 'caisson1.';
const CHECK_BYTES = 4;
/** Characters of a token. Longer: no token. */
const TOKEN_LENGTH_MAX = 1024;

/** What a box must know to enrol: whom to dial, by what to know it, and the secret that lets it in once. */
export interface Token {
  readonly peer: PeerName;
  readonly central: Address;
  /** SHA-256 of the authority's certificate. */
  readonly fingerprint: Buffer;
  readonly secret: Buffer;
  /** UTC, milliseconds: it is at least as late. */
  readonly madeMs: number;
  readonly expiresMs: number;
}

/** One word that can be pasted. A check at its end finds what was lost on the way. */
export function formatToken({ peer, central, fingerprint, secret, madeMs, expiresMs }: Token): string {
  const { role, name } = peer;
  const body = JSON.stringify([
    role,
    name,
    formatAddress(central),
    fingerprint.toString('base64url'),
    secret.toString('base64url'),
    Math.floor(madeMs / 1e3),
    Math.floor(expiresMs / 1e3),
  ]);
  const bytes = Buffer.from(body);
  return PREFIX + Buffer.concat([bytes, check(bytes)]).toString('base64url');
}

/** @throws CaissonError `invite-refused` for what is no whole token */
export function parseToken(text: string): Token {
  const trimmed = text.trim();
  if (!trimmed.startsWith(PREFIX) || trimmed.length > TOKEN_LENGTH_MAX) throw noToken();
  const bytes = Buffer.from(trimmed.slice(PREFIX.length), 'base64url');
  const body = bytes.subarray(0, -CHECK_BYTES);
  if (bytes.length <= CHECK_BYTES || !check(body).equals(bytes.subarray(-CHECK_BYTES))) throw noToken();
  const parts: unknown = JSON.parse(body.toString());
  if (!Array.isArray(parts)) throw noToken();
  const [role, name, central, fingerprint, secret, made, expires] = parts.map(String);
  return {
    peer: requirePeerName(role ?? '', name ?? ''),
    central: parseAddress(central ?? ''),
    fingerprint: Buffer.from(fingerprint ?? '', 'base64url'),
    secret: Buffer.from(secret ?? '', 'base64url'),
    madeMs: Number(made) * 1e3,
    expiresMs: Number(expires) * 1e3,
  };
}

function check(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest().subarray(0, CHECK_BYTES);
}

function noToken(): CaissonError {
  return new CaissonError('invite-refused', 'this is no whole token', {
    hint: `copy all of what \`caisson invite\` printed: it begins with ${PREFIX}`,
  });
}
