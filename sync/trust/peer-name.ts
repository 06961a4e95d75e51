import { isIP } from 'node:net';
import { CaissonError } from '../../gateway/errors.ts';

/**
 * What a certificate lets its owner be. A reader asks and changes nothing: tools of analysts. A backup does so as well, and
 * may pull what is there, as far as it may go to a destination of its name.
 */
export const PEER_ROLES = ['gateway', 'central', 'reader', 'backup'] as const;
export type PeerRole = (typeof PEER_ROLES)[number];

/** Whom a certificate is of. */
export interface PeerName {
  readonly role: PeerRole;
  readonly name: string;
}

/** As ids of gateways are. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const IDENTITY = /^caisson:\/\/(gateway|central|reader|backup)\/([A-Za-z0-9][A-Za-z0-9._-]{0,62})$/;
const HOST =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

/** Whom a certificate is of, as its subject alternative names have it. */
export function identityUri({ role, name }: PeerName): string {
  return `caisson://${role}/${name}`;
}

/** Whom that is; undefined where it is no identity of ours. */
export function parseIdentityUri(uri: string): PeerName | undefined {
  const [, role, name] = IDENTITY.exec(uri) ?? [];
  const known = PEER_ROLES.find((each) => each === role);
  return known === undefined || name === undefined ? undefined : { role: known, name };
}

/** `gateway car7`, as people are told. */
export function peerText({ role, name }: PeerName): string {
  return `${role} ${name}`;
}

/** @throws CaissonError `invite-refused` */
export function requirePeerName(role: string, name: string): PeerName {
  const known = PEER_ROLES.find((each) => each === role);
  if (known === undefined) {
    throw new CaissonError('invite-refused', `'${role}' is no role, expected ${PEER_ROLES.join(', ')}`);
  }
  if (NAME.test(name)) return { role: known, name };
  throw new CaissonError('invite-refused', `'${name}' cannot be the name of a ${role}`, {
    hint: 'letters, digits, `.`, `-` and `_`, first a letter or digit, 63 at most',
  });
}

/** @throws CaissonError `invite-refused` for what is neither the name nor the address of a host */
export function requireHost(host: string): string {
  if (isIP(host) !== 0 || HOST.test(host)) return host;
  throw new CaissonError('invite-refused', `'${host}' is neither the name nor the address of a host`);
}
