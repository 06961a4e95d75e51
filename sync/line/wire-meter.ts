import type { Socket } from 'node:net';

/** Bytes that passed. */
export interface WireBytes {
  readonly received: number;
  readonly sent: number;
}

/** Counts what passes over connections of TCP, with everything that stands in it: TLS, HTTP/2, gRPC. Headers of TCP and IP are not counted. */
export class WireMeter {
  readonly #open = new Set<Socket>();
  #received = 0;
  #sent = 0;

  /** Counts from now on, until it closes. The socket itself, not one of TLS over it, which counts what is inside. */
  add(socket: Socket): void {
    if (this.#open.has(socket)) return;
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#received += socket.bytesRead;
      this.#sent += socket.bytesWritten;
    });
  }

  get bytes(): WireBytes {
    let [received, sent] = [this.#received, this.#sent];
    for (const { bytesRead, bytesWritten } of this.#open) {
      received += bytesRead;
      sent += bytesWritten;
    }
    return { received, sent };
  }

  /** Connections that are open. */
  get open(): number {
    return this.#open.size;
  }
}
