import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { makeTempFolder } from '../../gateway/temp-folder.ts';

/**
 * Gives gRPC's client connections that are made elsewhere: grpc-js dials by itself and takes no socket. It dials a socket in a
 * folder that only this user may enter; each connection there is one of `open`, byte for byte.
 */
export class SocketBridge {
  readonly #folder = makeTempFolder('line');
  readonly #open: () => Promise<Duplex>;
  readonly #server: Server;
  readonly #ends = new Set<Duplex>();
  #isClosed = false;
  #failure: unknown;

  /** @param open makes one connection, ready to be spoken over */
  constructor(open: () => Promise<Duplex>) {
    this.#open = open;
    this.#server = createServer({ pauseOnConnect: true }, (near) => void this.#join(near));
    // Nobody else can have a name in a folder that was just made.
    this.#server.listen(this.#path);
    this.#server.unref();
  }

  /** Address for gRPC. */
  get target(): string {
    return `unix:${this.#path}`;
  }

  /** Why the last connection could not be made; undefined when it was. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Closes everything that passes here. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const end of this.#ends) end.destroy();
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #path(): string {
    return join(this.#folder, 'line');
  }

  async #join(near: Socket): Promise<void> {
    this.#hold(near);
    let far: Duplex;
    try {
      far = await this.#open();
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
      near.destroy();
      return;
    }
    this.#hold(far);
    if (this.#isClosed || near.destroyed) {
      far.destroy();
      return;
    }
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
    near.pipe(far);
    far.pipe(near);
    near.resume();
  }

  #hold(end: Duplex): void {
    this.#ends.add(end);
    end.on('error', () => end.destroy());
    end.once('close', () => this.#ends.delete(end));
  }
}
