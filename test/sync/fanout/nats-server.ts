import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { freePort } from '../../free-port.ts';

export const NATS_SERVER = '/usr/sbin/nats-server';

/** One `nats-server` with JetStream on loopback for a test, which has its port before it is started. */
export class NatsServer {
  readonly port: number;
  readonly #dir: string;
  readonly #config: string;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  private constructor(port: number, dir: string, config: string) {
    this.port = port;
    this.#dir = dir;
    this.#config = config;
  }

  /** @param config more of it, in the words of the server */
  static async prepare(t: Test, config = ''): Promise<NatsServer> {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-nats-'));
    const port = await freePort();
    const path = join(dir, 'nats.conf');
    writeFileSync(
      path,
      `listen: 127.0.0.1:${port}
jetstream { store_dir: "${dir}", max_mem: 64M, max_file: 4G }
${config}
`,
    );
    const server = new NatsServer(port, dir, path);
    t.teardown(async () => {
      await server.kill();
      rmSync(dir, { recursive: true, force: true });
    });
    return server;
  }

  start(): void {
    const child = spawn(NATS_SERVER, ['-c', this.#config], { stdio: 'ignore' });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('close', resolve));
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  /** Takes away the end of what a stream has on disk, of a server that does not run: it finds that part of a message is missing. */
  loseEnd(stream: string, share: number): void {
    const path = join(this.#dir, 'jetstream', '$G', 'streams', stream, 'msgs', '1.blk');
    truncateSync(path, Math.floor(statSync(path).size * (1 - share)));
  }
}

/** Starts one with more of its config; returns its port. */
export async function startNatsServer(t: Test, config: string): Promise<number> {
  const server = await NatsServer.prepare(t, config);
  server.start();
  return server.port;
}

const INFO = { server_id: 'mute', version: '2.9.10', proto: 1, max_payload: 1 << 20, headers: true, jetstream: true };

const ACCOUNT = {
  type: 'io.nats.jetstream.api.v1.account_info_response',
  memory: 0,
  storage: 0,
  streams: 0,
  consumers: 0,
};

/** Lets clients in as a server of NATS does, says that it has JetStream, and answers nothing else that they ask. */
export class MuteServer {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  /** True once somebody asked for a stream. */
  isAsked = false;

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.push(socket);
      socket.on('error', () => {});
      socket.write(`INFO ${JSON.stringify(INFO)}\r\n`);
      socket.on('data', (data) => {
        const text = data.toString('latin1');
        if (text.includes('PING')) socket.write('PONG\r\n');
        const [, inbox] = /^PUB \$JS\.API\.INFO (\S+) /m.exec(text) ?? [];
        const answer = JSON.stringify(ACCOUNT);
        // All answers come over the first subscription.
        if (inbox !== undefined) socket.write(`MSG ${inbox} 1 ${answer.length}\r\n${answer}\r\n`);
        if (text.includes('STREAM.CREATE')) this.isAsked = true;
      });
    });
  }

  static async start(port: number): Promise<MuteServer> {
    const mute = new MuteServer();
    await new Promise<void>((resolve) => mute.#server.listen(port, '127.0.0.1', resolve));
    return mute;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
