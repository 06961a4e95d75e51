import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { type Address, formatAddress } from '../api/address.ts';
import { type Caller, connectionKey, type Stranger } from './callers.ts';
import { type Identity, judgementOf, tlsOptions } from './identity.ts';
import { GRPC_PROTOCOL, LINE_PROTOCOL } from './secure-dial.ts';
import { shownCertificate } from './shown-certificate.ts';
import { verifyPeer } from './verify-peer.ts';

/** Connections at a time. At the maximum: closed at once, counted. */
const CONNECTIONS_MAX = 4096;

/** Handshakes at a time, and how long one may take, milliseconds. Beyond: closed at once, counted. */
const HANDSHAKES_MAX = 256;
const HANDSHAKE_MS = 10_000;

/** Connections of those who showed no certificate that is trusted, and how long each is told why, milliseconds. */
const STRANGERS_MAX = 32;
const STRANGER_MS = 10_000;

/** Takes a connection over. @param raw that of TCP below it: what counts bytes counts those */
export type TakeConnection = (socket: TLSSocket, caller: Caller, raw: Socket | undefined) => void;

export interface SecureListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly identity: Identity;
  /** Takes a connection over; a stranger's as well, to tell why it is refused. */
  readonly onConnection: TakeConnection;
  /** Takes over the connection of a peer that hands over a line; undefined: none is taken. */
  readonly onLine?: TakeConnection | undefined;
  readonly now?: () => number;
}

/** What became of connections since the start. */
export interface ListenerCounters {
  accepted: number;
  /** Those that were not let in, by reason. */
  readonly refused: Record<string, number>;
}

/**
 * Listens with TLS and finds out who calls. Whoever cannot prove who they are is let in as far as being told so: OpenSSL's own
 * refusal would be a closed connection, which nobody can tell from a cut line.
 */
export class SecureListener {
  readonly counters: ListenerCounters = { accepted: 0, refused: {} };
  readonly #options: SecureListenerOptions;
  readonly #server: Server;
  readonly #unfollow: () => void;
  readonly #shaking = new Map<string, Socket>();
  #turnedAway = 0;
  #strangers = 0;

  private constructor(options: SecureListenerOptions) {
    this.#options = options;
    const { identity } = options;
    this.#server = createServer({
      ...tlsOptions(identity.credentials),
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
      ALPNProtocols: options.onLine === undefined ? [GRPC_PROTOCOL] : [GRPC_PROTOCOL, LINE_PROTOCOL],
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.on('drop', () => this.#count('too-many'));
    this.#server.on('connection', (socket) => this.#onConnection(socket));
    this.#server.on('tlsClientError', (error, socket) => {
      socket.destroy();
      // One that was turned away breaks off its handshake thereby.
      if (this.#turnedAway > 0 && socket.remotePort === undefined) this.#turnedAway -= 1;
      else this.#count(reasonOf(error));
    });
    this.#server.on('secureConnection', (socket) => this.#onSecure(socket));
    this.#unfollow = identity.onChange(() => this.#server.setSecureContext(tlsOptions(identity.credentials)));
  }

  /** @throws CaissonError `port-unavailable` */
  static async start(options: SecureListenerOptions): Promise<SecureListener> {
    const listener = new SecureListener(options);
    const { host, port } = options;
    try {
      await new Promise<void>((resolve, reject) => {
        listener.#server.once('error', reject);
        listener.#server.listen(port, host, resolve);
      });
    } catch (cause) {
      listener.#unfollow();
      const where = formatAddress({ host, port });
      throw new CaissonError('port-unavailable', `gRPC cannot listen on ${where}: ${messageOf(cause)}`, {
        ...{ cause, hint: 'another process may use the port', retryable: true },
      });
    }
    return listener;
  }

  get address(): Address {
    const address = this.#server.address();
    return { host: this.#options.host, port: typeof address === 'object' && address !== null ? address.port : 0 };
  }

  /** Takes no more connections; those that are open are their owners'. */
  stop(): void {
    this.#unfollow();
    this.#server.close();
  }

  #onConnection(socket: Socket): void {
    if (this.#shaking.size >= HANDSHAKES_MAX) {
      this.#count('too-many-handshakes');
      this.#turnedAway += 1;
      socket.destroy();
      return;
    }
    const key = connectionKey(socket);
    this.#shaking.set(key, socket);
    socket.once('close', () => this.#shaking.delete(key));
  }

  #onSecure(socket: TLSSocket): void {
    const key = connectionKey(socket);
    const raw = this.#shaking.get(key);
    this.#shaking.delete(key);
    // What comes later, its owner sees at `close`.
    socket.on('error', () => {});
    const { identity, onConnection, onLine, now = Date.now } = this.#options;
    const caller = this.#callerOf(socket, identity, now());
    if ('refusal' in caller && !this.#holdStranger(socket, caller)) return;
    this.counters.accepted += 1;
    if (socket.alpnProtocol === LINE_PROTOCOL && onLine !== undefined) onLine(socket, caller, raw);
    else if (socket.alpnProtocol === GRPC_PROTOCOL) onConnection(socket, caller, raw);
    else {
      this.#count('no-protocol');
      socket.destroy();
    }
  }

  #callerOf(socket: TLSSocket, { credentials }: Identity, nowMs: number): Caller {
    try {
      return { peer: verifyPeer(shownCertificate(socket), judgementOf(credentials, nowMs)) };
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      let isJudged = false;
      return {
        refusal: error,
        judged: (isServed) => {
          if (!isJudged && !isServed) this.#count('untrusted');
          isJudged = true;
        },
      };
    }
  }

  #holdStranger(socket: TLSSocket, stranger: Stranger): boolean {
    if (this.#strangers >= STRANGERS_MAX) {
      stranger.judged(false);
      this.#count('too-many-strangers');
      socket.destroy();
      return false;
    }
    this.#strangers += 1;
    const timer = setTimeout(() => socket.destroy(), STRANGER_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#strangers -= 1;
      // Who enrols was let through by now; others were told, or asked for nothing.
      stranger.judged(false);
    });
    return true;
  }

  #count(reason: string): void {
    this.counters.refused[reason] = (this.counters.refused[reason] ?? 0) + 1;
  }
}

function reasonOf(error: Error & { code?: string }): string {
  if (error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return 'handshake-timeout';
  if (error.code === 'ERR_SSL_HTTP_REQUEST' || error.code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'no-tls';
  return error.code === 'ECONNRESET' ? 'broken-off' : 'handshake-failed';
}
