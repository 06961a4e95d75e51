import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  type ClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  type ServerFrame,
  WIRE_PROTOCOL,
} from '../../dashboards/wire.ts';

/** A viewer of its own: WebSocket client by RFC 6455 on a bare socket, so that a test can stop reading it. */
export class SocketClient {
  readonly socket: Socket;
  readonly frames: ServerFrame[] = [];
  closeCode: number | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket, rest: Buffer) {
    this.socket = socket;
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', () => {});
    socket.on('close', () => this.#wake());
    this.#take(rest);
  }

  /** Connects; rejects with the status line where the server refuses. */
  static async open(port: number, headers: Readonly<Record<string, string>> = {}): Promise<SocketClient> {
    const key = randomBytes(16).toString('base64');
    const { socket, status, rest, text } = await upgrade(port, {
      Host: `127.0.0.1:${port}`,
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': key,
      'Sec-WebSocket-Protocol': WIRE_PROTOCOL,
      ...headers,
    });
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    if (!status.includes(' 101 ') || !text.includes(accept)) {
      socket.destroy();
      throw new Error(status);
    }
    return new SocketClient(socket, rest);
  }

  send(frame: ClientFrame): void {
    this.sendBytes(encodeClientFrame(frame));
  }

  sendBytes(payload: Uint8Array): void {
    const extended = payload.length > 125;
    const header = Buffer.alloc(extended ? 8 : 6);
    header[0] = 0x82;
    header[1] = 0x80 | (extended ? 126 : payload.length);
    if (extended) header.writeUInt16BE(payload.length, 2);
    this.socket.write(Buffer.concat([header, payload]));
  }

  /** Resolves with the first frame, of those that came and that will come, that fits. */
  async wait<Found extends ServerFrame>(fits: (frame: ServerFrame) => frame is Found): Promise<Found>;
  async wait(fits: (frame: ServerFrame) => boolean): Promise<ServerFrame>;
  async wait(fits: (frame: ServerFrame) => boolean): Promise<ServerFrame> {
    for (;;) {
      const found = this.frames.find(fits);
      if (found !== undefined) return found;
      if (this.socket.destroyed || this.closeCode !== undefined) throw new Error('the connection was closed');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async closed(): Promise<void> {
    if (!this.socket.destroyed) await once(this.socket, 'close');
  }

  close(): void {
    this.socket.destroy();
  }

  #take(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const length7 = (this.#bytes[1] ?? 0) & 0x7f;
      const head = length7 === 127 ? 10 : length7 === 126 ? 4 : 2;
      if (this.#bytes.length < head) break;
      const length =
        length7 === 127
          ? Number(this.#bytes.readBigUInt64BE(2))
          : length7 === 126
            ? this.#bytes.readUInt16BE(2)
            : length7;
      if (this.#bytes.length < head + length) break;
      const opcode = (this.#bytes[0] ?? 0) & 0x0f;
      const payload = this.#bytes.subarray(head, head + length);
      if (opcode === 2) this.#frame(payload);
      if (opcode === 8) this.closeCode = payload.readUInt16BE(0);
      this.#bytes = this.#bytes.subarray(head + length);
    }
    this.#wake();
  }

  #frame(payload: Uint8Array): void {
    const frame = decodeServerFrame(payload);
    if (frame.type !== 'unknown') this.frames.push(frame);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

async function upgrade(port: number, headers: Readonly<Record<string, string>>) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET /live HTTP/1.1\r\n${lines.join('')}\r\n`);
  let received = Buffer.alloc(0);
  while (received.indexOf('\r\n\r\n') < 0) {
    const [bytes] = await once(socket, 'data');
    received = Buffer.concat([received, bytes]);
  }
  const end = received.indexOf('\r\n\r\n');
  const text = received.subarray(0, end).toString();
  return { socket, text, status: text.slice(0, text.indexOf('\r\n')), rest: received.subarray(end + 4) };
}
