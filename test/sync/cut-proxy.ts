import { connect, createServer, type Server, type Socket } from 'node:net';

/** A line between a client and a server that a test can cut, hold and damage. */
export class CutProxy {
  readonly #server: Server;
  readonly #pairs = new Set<{ near: Socket; far: Socket }>();
  readonly #targetPort: number;
  #isUp = true;
  /** Cut all connections when so many more bytes have come from the server. */
  #cutAfter = Number.POSITIVE_INFINITY;
  #connections = 0;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((near) => this.#accept(near));
  }

  static async start(targetPort: number): Promise<CutProxy> {
    const proxy = new CutProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  get connections(): number {
    return this.#connections;
  }

  /** Cuts everything after `bytes` more bytes from the server; new connections are taken again at once. */
  cutAfter(bytes: number): void {
    this.#cutAfter = bytes;
  }

  /** Cuts everything now and takes no new connections. */
  goDown(): void {
    this.#isUp = false;
    this.#cut();
  }

  goUp(): void {
    this.#isUp = true;
  }

  /** Keeps connections open but lets nothing through any more, as a line does that died without a word. */
  freeze(): void {
    for (const { near, far } of this.#pairs) {
      near.unpipe(far);
      far.removeAllListeners('data');
      near.pause();
      far.pause();
    }
  }

  async stop(): Promise<void> {
    this.#cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    if (!this.#isUp) {
      near.destroy();
      return;
    }
    this.#connections += 1;
    const far = connect(this.#targetPort, '127.0.0.1');
    const pair = { near, far };
    this.#pairs.add(pair);
    const end = () => {
      near.destroy();
      far.destroy();
      this.#pairs.delete(pair);
    };
    for (const socket of [near, far]) {
      socket.on('error', end);
      socket.on('close', end);
    }
    near.pipe(far);
    far.on('data', (bytes) => {
      if (bytes.length >= this.#cutAfter) {
        near.write(bytes.subarray(0, this.#cutAfter));
        this.#cutAfter = Number.POSITIVE_INFINITY;
        this.#cut();
        return;
      }
      this.#cutAfter -= bytes.length;
      if (!near.write(bytes)) {
        far.pause();
        near.once('drain', () => far.resume());
      }
    });
  }

  #cut(): void {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    this.#pairs.clear();
  }
}
