import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ServerInterceptor } from '@grpc/grpc-js';
import type { SecurityStatus } from '../../gateway/status.ts';
import type { Address } from '../api/address.ts';
import { accessGuard } from './access-guard.ts';
import { type Caller, Callers } from './callers.ts';
import { type Identity, identityProblem } from './identity.ts';
import { SecureListener, type TakeConnection } from './secure-listener.ts';
import type { Peer } from './verify-peer.ts';

export interface SecurePortOptions {
  readonly identity: Identity;
  /** Takes over the connection of a peer that hands over a line; undefined: none is taken. */
  readonly onLine?: TakeConnection | undefined;
  /** Told of the connection of TCP below each over which gRPC is served: what counts bytes counts those. */
  readonly onRaw?: ((raw: Socket) => void) | undefined;
  /** Told whose connections were cut because the certificate was taken back. */
  readonly onCut?: ((peer: Peer) => void) | undefined;
}

/** The secure side of a gRPC server: knows who is at the other end of every connection, and cuts those that are taken back. */
export class SecurePort {
  /** What stands before every call. */
  readonly guard: ServerInterceptor;
  readonly #options: SecurePortOptions;
  readonly #callers = new Callers();
  readonly #unfollow: () => void;
  #listener: SecureListener | undefined;
  #serve: ((socket: TLSSocket) => void) | undefined;
  #revoked = 0;

  constructor(options: SecurePortOptions) {
    this.#options = options;
    const { identity } = options;
    this.guard = accessGuard(this.#callers, () => identity.credentials.own);
    this.#unfollow = identity.onChange(() => {
      const cut = this.#callers.dropRevoked(identity.credentials.revoked);
      this.#revoked += cut.length;
      for (const peer of new Map(cut.map((each) => [each.serial, each])).values()) options.onCut?.(peer);
    });
  }

  /**
   * Listens, and has gRPC served over what comes; returns the port.
   * @throws CaissonError `port-unavailable`
   */
  async listen({ host, port }: Address, serve: (socket: TLSSocket) => void): Promise<number> {
    this.#serve = serve;
    const { identity, onLine } = this.#options;
    this.#listener = await SecureListener.start({
      ...{ host, port, identity },
      onConnection: (socket, caller, raw) => this.take(socket, caller, raw),
      onLine:
        onLine === undefined
          ? undefined
          : (socket, caller, raw) => {
              this.#callers.add(socket, caller);
              onLine(socket, caller, raw);
            },
    });
    return this.#listener.address.port;
  }

  /** Has gRPC served over a connection whose other end is known. */
  take(socket: TLSSocket, caller: Caller, raw?: Socket): void {
    this.#callers.add(socket, caller);
    if (raw !== undefined) this.#options.onRaw?.(raw);
    this.#serve?.(socket);
  }

  status(): SecurityStatus {
    const { credentials } = this.#options.identity;
    const { role, name, expiresMs } = credentials.own;
    const problem = identityProblem(credentials, Date.now());
    const { accepted, refused } = this.#listener?.counters ?? { accepted: 0, refused: {} };
    return {
      ...{ role, name, expires: expiresMs * 1e3, open: this.#callers.count, accepted },
      refused: { ...refused, ...(this.#revoked > 0 && { revoked: this.#revoked }) },
      ...(problem !== undefined && { problem }),
    };
  }

  /** Takes no more connections. */
  stop(): void {
    this.#unfollow();
    this.#listener?.stop();
  }

  /** Cuts what is still open. */
  close(): void {
    this.#callers.close();
  }
}
