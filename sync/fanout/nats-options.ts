import { CaissonError } from '../../gateway/errors.ts';
import { isLoopback } from '../../gateway/loopback.ts';

/** Where a central finds NATS, and what it keeps there. Files are paths. */
export interface NatsOptions {
  /** `nats://host:port` or `tls://host:port`, of one cluster; `user:password@` or `token@` may stand in them, the same in all. */
  readonly servers: readonly string[];
  /** What lets this end in: a JWT with its key, as NATS writes it, the seed of an nkey, or a token. */
  readonly credentials?: string | undefined;
  /** Certificates that the servers' are signed with. */
  readonly ca?: string | undefined;
  /** Certificate and key of this end. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Where the cluster stands: channels with a list of regions are published where it has this one. */
  readonly region?: string | undefined;
  /** Servers that keep each message. */
  readonly replicas: number;
  /** Of samples, and of events: at most so many bytes, and for so long, seconds. */
  readonly keep: { readonly samples: StreamBounds; readonly events: StreamBounds };
}

export interface StreamBounds {
  readonly bytesMax: number;
  readonly ageSeconds: number;
}

export const NATS_DEFAULTS = {
  replicas: 3,
  keep: {
    samples: { bytesMax: 1 << 30, ageSeconds: 3_600 },
    events: { bytesMax: 64 << 20, ageSeconds: 30 * 86_400 },
  },
} as const satisfies Omit<NatsOptions, 'servers'>;

/**
 * Refuses what would let anyone in: beyond this machine a cluster is reached over TLS, with something that says who is there.
 * @throws CaissonError `config-invalid`
 */
export function requireGuarded({ servers, credentials, cert }: NatsOptions): void {
  if (servers.length === 0) throw new CaissonError('config-invalid', 'no server of NATS is named');
  for (const server of servers) {
    const { protocol, hostname, username } = urlOf(server);
    if (protocol !== 'nats:' && protocol !== 'tls:') throw notAServer(server);
    if (isLoopback(hostname.replace(/^\[|\]$/g, ''))) continue;
    if (protocol === 'tls:' && (credentials !== undefined || cert !== undefined || username !== '')) continue;
    throw new CaissonError('config-invalid', `NATS at ${hostname} is beyond this machine and not guarded`, {
      hint: 'use tls:// with --nats-credentials, with --nats-cert and --nats-key, or with a user and password',
    });
  }
  userOf(servers);
}

export function isTlsServer(server: string): boolean {
  return urlOf(server).protocol === 'tls:';
}

/**
 * As whom the servers are told to let this end in; a user without a password is a token.
 * @throws CaissonError `config-invalid` where they say different things: the servers of a cluster know the same users
 */
export function userOf(servers: readonly string[]): { readonly name: string; readonly password: string } | undefined {
  const users = servers.map((server) => {
    const { username, password } = urlOf(server);
    return { name: decoded(username), password: decoded(password) };
  });
  const [first] = users;
  if (users.some(({ name, password }) => name !== first?.name || password !== first.password)) {
    throw new CaissonError('config-invalid', 'servers of one cluster of NATS are named with different users');
  }
  return first?.name === '' ? undefined : first;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new CaissonError('config-invalid', 'a user or password of NATS is not encoded as in an address', {
      hint: 'write % as %25',
    });
  }
}

/** Where it is, without what lets anyone in. */
export function placeOf(server: string): string {
  return urlOf(server).host;
}

function urlOf(server: string): URL {
  try {
    return new URL(server);
  } catch {
    throw notAServer(server);
  }
}

function notAServer(server: string): CaissonError {
  const shown = server.replace(/\/\/.*@/, '//...@');
  return new CaissonError('config-invalid', `'${shown}' is no server of NATS, expected nats://HOST:PORT or tls://`);
}
