import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { type Address, formatAddress } from '../api/address.ts';
import type { Caller, Stranger } from './callers.ts';
import { type Identity, judgementOf, secureContextOf } from './identity.ts';
import { GRPC_PROTOCOL, LINE_PROTOCOL } from './secure-dial.ts';
import { shownCertificate } from './shown-certificate.ts';
import { acceptTls } from './tls-over-tcp.ts';
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
export type TakeConnection = (socket: TLSSocket, caller: Caller, raw: Socket) => void;

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
  #shaking = 0;
  #strangers = 0;

  private constructor(options: SecureListenerOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (raw) => this.#onConnection(raw));
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.on('drop', () => this.#count('too-many'));
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
    this.#server.close();
  }

  #onConnection(raw: Socket): void {
    if (this.#shaking >= HANDSHAKES_MAX) {
      this.#count('too-many-handshakes');
      raw.destroy();
      return;
    }
    const { identity, onLine } = this.#options;
    const socket = acceptTls(raw, {
      secureContext: secureContextOf(identity.credentials),
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: onLine === undefined ? [GRPC_PROTOCOL] : [GRPC_PROTOCOL, LINE_PROTOCOL],
    });
    this.#shaking += 1;
    let fault = 'broken-off';
    const timer = setTimeout(() => {
      fault = 'handshake-timeout';
      socket.destroy();
    }, HANDSHAKE_MS);
    const end = () => {
      clearTimeout(timer);
      socket.off('close', onClose);
      this.#shaking -= 1;
    };
    const onClose = () => {
      end();
      this.#count(fault);
    };
    socket.once('close', onClose);
    // What comes later, its owner sees at `close`.
    socket.on('error', (error) => {
      fault = reasonOf(error);
    });
    socket.once('secure', () => {
      end();
      this.#onSecure(socket, raw);
    });
  }

  #onSecure(socket: TLSSocket, raw: Socket): void {
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
  if (error.code === 'ERR_SSL_HTTP_REQUEST' || error.code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'no-tls';
  return error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'broken-off' : 'handshake-failed';
}
