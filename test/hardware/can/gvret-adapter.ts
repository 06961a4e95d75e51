import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { openPty } from '../../../hardware/serial/pty.ts';

/** Bytes behind the command of what a host says; the rest has none. */
const ARGUMENTS: Readonly<Record<number, number>> = { 5: 9 };

/** A frame as an adapter sends it. */
export interface GvretFrame {
  readonly bus: number;
  readonly id: number;
  readonly extended?: boolean;
  readonly fd?: boolean;
  readonly data: Uint8Array;
  /** Microseconds of the adapter's counter. */
  readonly time: number;
}

/** Writes a frame as ESP32RET does, with a checksum that is 0. */
export function gvretFrame({ bus, id, extended = false, fd = false, data, time }: GvretFrame): Buffer {
  const head = Buffer.alloc(fd ? 12 : 11);
  head[0] = 0xf1;
  head[1] = fd ? 20 : 0;
  head.writeUInt32LE(time % 2 ** 32, 2);
  head.writeUInt32LE(id + (extended ? 2 ** 31 : 0), 6);
  head[10] = fd ? data.length : data.length + bus * 16;
  if (fd) head[11] = bus;
  return Buffer.concat([head, data, Buffer.of(0)]);
}

/** The twin of a GVRET adapter with two buses: it answers as the firmware of ESP32RET does. */
export class GvretAdapter {
  readonly #write: (bytes: Uint8Array) => void;
  #pending = Buffer.alloc(0);
  isBinary = false;
  /** False: it is there, and says nothing. */
  answers = true;
  /** Whether it takes what it is set up with. */
  obeys = true;
  /** Words of the speeds it was set up with last. */
  setup: readonly number[] = [];
  /** Frames the host sent, as bytes behind the command. */
  readonly sent: string[] = [];
  #speeds: readonly number[] = [500_000, 0];

  /** @param write takes what the adapter sends to the host */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  receive(bytes: Uint8Array): void {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    for (let taken = this.#command(); taken > 0; taken = this.#command()) this.#pending = this.#pending.subarray(taken);
  }

  /** Passes frames on to the host, if it has made the adapter speak binary. */
  pass(...frames: readonly GvretFrame[]): boolean {
    if (this.isBinary) this.#write(Buffer.concat(frames.map(gvretFrame)));
    return this.isBinary;
  }

  #command(): number {
    const bytes = this.#pending;
    if (bytes.length === 0) return 0;
    if (bytes[0] === 0xe7) this.isBinary = true;
    if (bytes[0] !== 0xf1) return 1;
    const command = bytes[1];
    if (command === undefined) return 0;
    if (command === 0) return this.#frame(bytes);
    const length = 2 + (ARGUMENTS[command] ?? 0);
    if (bytes.length < length) return 0;
    if (command === 5) {
      this.setup = [bytes.readUInt32LE(2), bytes.readUInt32LE(6)];
      if (this.obeys) this.#speeds = this.setup.map((word) => ((word & 0x40000000) === 0 ? 0 : word & 0xfffff));
    }
    const answer = this.#answerTo(command);
    if (this.answers && answer !== undefined) this.#write(answer);
    return length;
  }

  #frame(bytes: Buffer): number {
    const length = 9 + (bytes[7] ?? 255);
    if (bytes.length < length) return 0;
    this.sent.push(bytes.subarray(2, length).toString('hex'));
    return length;
  }

  #answerTo(command: number): Uint8Array | undefined {
    if (command === 1) return Buffer.of(0xf1, 1, 1, 2, 3, 4);
    if (command === 6) return Buffer.concat([Buffer.of(0xf1, 6), ...this.#speeds.map(busState)]);
    if (command === 7) return Buffer.of(0xf1, 7, 0x6b, 2, 0x20, 0, 0, 0);
    if (command === 9) return Buffer.of(0xf1, 9, 0xde, 0xad);
    return command === 12 ? Buffer.of(0xf1, 12, 2) : undefined;
  }
}

function busState(speed: number): Buffer {
  const state = Buffer.alloc(5);
  state[0] = speed === 0 ? 0 : 1;
  state.writeUInt32LE(speed, 1);
  return state;
}

/** An adapter on a pseudo terminal. */
export async function plugInGvret() {
  const pty = await openPty();
  const adapter = new GvretAdapter((bytes) => pty.write(bytes));
  pty.onData((bytes) => adapter.receive(bytes));
  return { adapter, path: pty.path, close: () => pty.close() };
}

/** An adapter on the network, for one host at a time. */
export async function listenGvret(port = 0) {
  let socket: Socket | undefined;
  const adapter = new GvretAdapter((bytes) => socket?.write(bytes));
  const server = createServer((accepted) => {
    socket = accepted;
    adapter.isBinary = false;
    accepted.on('data', (bytes) => adapter.receive(bytes)).on('error', () => {});
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    const closed = once(server, 'close');
    server.close();
    socket?.destroy();
    await closed;
  };
  return { adapter, port: (server.address() as AddressInfo).port, close };
}
