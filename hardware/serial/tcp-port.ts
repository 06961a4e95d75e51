import { connect, type Socket } from 'node:net';
import type { BytePort } from './byte-port.ts';
import { type Link, type LinkEvents, type ReopeningOptions, ReopeningPort } from './reopening-port.ts';
import { WRITE_QUEUE_BYTES_MAX } from './write-queue.ts';

export interface TcpSettings {
  /** Name or address. */
  readonly host: string;
  readonly port: number;
}

/** Time after which a connection that is not made is given up, milliseconds; the system would try for two minutes. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Idle time after which the system asks whether the far end is still there, milliseconds. */
const KEEP_ALIVE_MS = 15_000;

/** A device behind a TCP server: a plant device, an adapter, a serial port on the network. */
export function openTcpPort(settings: TcpSettings, options: ReopeningOptions = {}): BytePort {
  return new ReopeningPort(`${settings.host}:${settings.port}`, (events) => TcpLink.open(settings, events), options);
}

class TcpLink implements Link {
  readonly #socket: Socket;
  #isOver = false;

  static open({ host, port }: TcpSettings, events: LinkEvents): Promise<Link> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
      socket.setTimeout(CONNECT_TIMEOUT_MS, () => {
        socket.destroy(new Error(`${host}:${port} did not answer within ${CONNECT_TIMEOUT_MS / 1e3} s`));
      });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.setTimeout(0);
        socket.removeListener('error', reject);
        resolve(new TcpLink(socket, events));
      });
    });
  }

  private constructor(socket: Socket, events: LinkEvents) {
    this.#socket = socket;
    let problem = 'the far end closed the connection';
    socket.on('error', (error) => {
      problem = error.message;
    });
    socket.on('data', (bytes) => {
      const taken = events.data(bytes);
      if (taken === undefined) return;
      socket.pause();
      void taken.then(() => socket.resume());
    });
    socket.once('close', () => {
      if (this.#isOver) return;
      this.#isOver = true;
      events.lost(problem);
    });
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isOver || this.#socket.writableLength + bytes.length > WRITE_QUEUE_BYTES_MAX) return false;
    this.#socket.write(bytes);
    return true;
  }

  close(): Promise<void> {
    this.#isOver = true;
    if (this.#socket.closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.once('close', () => resolve());
      this.#socket.destroy();
    });
  }
}
