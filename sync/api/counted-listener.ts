import { createServer, type Server as NetServer } from 'node:net';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { ConnectionBook } from '../usage/connection-book.ts';
import { type Address, formatAddress } from './address.ts';

/** Listens for connections without credentials outside of gRPC, which shows nobody its sockets, so that their bytes can be counted. */
export class CountedListener {
  readonly #listener: NetServer;

  constructor(server: Server, connections: ConnectionBook) {
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#listener = createServer({ noDelay: true }, (socket) => {
      connections.open(socket);
      socket.on('error', () => socket.destroy());
      injector.injectConnection(socket);
    });
  }

  /**
   * Returns the port.
   * @throws CaissonError `port-unavailable`
   */
  async listen(address: Address): Promise<number> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#listener.once('error', reject);
        this.#listener.listen(address.port, address.host, resolve);
      });
    } catch (cause) {
      throw new CaissonError(
        'port-unavailable',
        `gRPC cannot listen on ${formatAddress(address)}: ${messageOf(cause)}`,
        {
          ...{ cause, hint: 'another process may use the port', retryable: true },
        },
      );
    }
    const bound = this.#listener.address();
    return typeof bound === 'object' && bound !== null ? bound.port : address.port;
  }

  /** Takes no more connections; those that are open are gRPC's. */
  stop(): void {
    this.#listener.close();
  }
}
