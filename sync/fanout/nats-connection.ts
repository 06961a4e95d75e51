import { readFileSync } from 'node:fs';
import {
  type Authenticator,
  credsAuthenticator,
  type NodeConnectionOptions,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { isTlsServer, type NatsOptions, requireGuarded, userOf } from './nats-options.ts';

/** How long it may take to be let in by a server, milliseconds. */
const CONNECT_MS = 5_000;

/** A server that does not answer so many pings is left, milliseconds. */
const PING_MS = 5_000;
const PINGS_MAX = 2;

const CREDENTIALS_BEGIN = '-----BEGIN NATS USER JWT-----';
const USER_SEED = /\bSU[A-Z2-7]{56}\b/;

/**
 * How a process connects to a server of a cluster, whichever it is; a connection that is lost stays so. Files are read at every connection,
 * so that what is renewed needs no restart.
 * @param name of this end, for who looks after the cluster
 * @throws CaissonError `config-invalid`, `tls-unusable` for a file that cannot be used now
 */
export function natsConnection(options: NatsOptions, name: string): NodeConnectionOptions {
  requireGuarded(options);
  const { servers, credentials, ca, cert, key } = options;
  for (const file of [ca, cert, key]) if (file !== undefined) read(file);
  const isSecure = ca !== undefined || cert !== undefined || servers.some(isTlsServer);
  const user = userOf(servers);
  return {
    name,
    // A cluster may name servers beyond those that were looked at, and reached without protection.
    ignoreClusterUpdates: true,
    timeout: CONNECT_MS,
    reconnect: false,
    pingInterval: PING_MS,
    maxPingOut: PINGS_MAX,
    ...(user !== undefined && {
      authenticator:
        user.password === '' ? tokenAuthenticator(user.name) : usernamePasswordAuthenticator(user.name, user.password),
    }),
    ...(credentials !== undefined && { authenticator: fileAuthenticator(credentials) }),
    ...(isSecure && {
      tls: {
        ...(ca !== undefined && { caFile: ca }),
        ...(cert !== undefined && { certFile: cert }),
        ...(key !== undefined && { keyFile: key }),
      },
    }),
  };
}

/** Shows what a file holds: a JWT with its key, the seed of an nkey, or else a token. @throws CaissonError `tls-unusable` */
function fileAuthenticator(file: string): Authenticator {
  const authenticator = (): Authenticator => {
    const bytes = read(file);
    const text = bytes.toString();
    if (text.includes(CREDENTIALS_BEGIN)) return credsAuthenticator(bytes);
    const [seed] = USER_SEED.exec(text) ?? [];
    return seed === undefined ? tokenAuthenticator(text.trim()) : nkeyAuthenticator(Buffer.from(seed));
  };
  authenticator();
  return (nonce) => authenticator()(nonce);
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new CaissonError('tls-unusable', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
