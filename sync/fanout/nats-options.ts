import { CaissonError } from '../../gateway/errors.ts';
import { isLoopback } from '../../gateway/loopback.ts';

/** Where a central finds NATS, and what it keeps there. Files are paths. */
export interface NatsOptions {
  /** `nats://host:port` or `tls://host:port`, of one cluster; user and password may stand in them. */
  readonly servers: readonly string[];
  /** Credentials of NATS: a JWT with its key. */
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
  return new CaissonError('config-invalid', `'${server}' is no server of NATS, expected nats://HOST:PORT or tls://`);
}
