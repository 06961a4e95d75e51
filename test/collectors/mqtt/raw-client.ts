import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { PacketFramer, type WirePacket } from '../../../collectors/mqtt/packet-framer.ts';
import { waitFor } from '../../wait-for.ts';

/** A length-prefixed field. */
export function field(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A control packet with that first byte. */
export function packet(first: number, ...body: Uint8Array[]): Buffer {
  const content = Buffer.concat(body);
  const header = [first];
  let rest = content.length;
  do {
    header.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), content]);
}

export interface ConnectOptions {
  readonly clean?: boolean;
  readonly keepAliveS?: number;
  readonly level?: number;
  readonly protocol?: string;
  readonly will?: { readonly topic: string; readonly payload: string };
}

export function connectPacket(clientId: string, options: ConnectOptions = {}): Buffer {
  const { clean = true, keepAliveS = 0, level = 4, protocol = 'MQTT', will } = options;
  const flags = (clean ? 2 : 0) | (will === undefined ? 0 : 4);
  const head = Buffer.of(level, flags, keepAliveS >> 8, keepAliveS & 0xff);
  const tail = will === undefined ? [] : [field(will.topic), field(will.payload)];
  return packet(0x10, field(protocol), head, field(clientId), ...tail);
}

export interface PublishOptions {
  readonly qos?: 0 | 1 | 2;
  readonly id?: number;
  readonly dup?: boolean;
  readonly retain?: boolean;
}

export function publishPacket(
  topic: string | Uint8Array,
  payload: string | Uint8Array,
  options: PublishOptions = {},
): Buffer {
  const { qos = 0, id = 1, dup = false, retain = false } = options;
  const first = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
  return packet(first, field(topic), ...(qos > 0 ? [idBytes(id)] : []), Buffer.from(payload));
}

export function pubrelPacket(id: number): Buffer {
  return packet(0x62, idBytes(id));
}

export function idBytes(id: number): Buffer {
  return Buffer.of(id >> 8, id & 0xff);
}

export const PINGREQ_PACKET = packet(0xc0);
export const DISCONNECT_PACKET = packet(0xe0);

/** An MQTT client that sends just the bytes it is told to, and shows the packets it gets. */
export class RawClient {
  readonly packets: WirePacket[] = [];
  closed = false;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    const framer = new PacketFramer(1 << 20, 16);
    socket.on('data', (chunk: Buffer) => {
      framer.feed(chunk);
      for (let next = framer.next(); next !== undefined; next = framer.next()) this.packets.push(next);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  /** A TCP connection on which nothing was sent. */
  static async open(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    const client = new RawClient(socket);
    await once(socket, 'connect');
    return client;
  }

  /** A client whose CONNECT was accepted. */
  static async connect(port: number, clientId: string, options: ConnectOptions = {}): Promise<RawClient> {
    const client = await RawClient.open(port);
    client.send(connectPacket(clientId, options));
    await waitFor('CONNACK', () => client.packets.length > 0 || client.closed);
    if (client.packets.shift()?.bytes.toString('hex') !== '20020000') throw new Error('CONNECT was not accepted');
    return client;
  }

  send(...packets: Uint8Array[]): void {
    this.#socket.write(Buffer.concat(packets));
  }

  /** Packet ids of the PUBACKs that came. */
  acks(): number[] {
    return this.packets.filter(({ type }) => type === 4).map(({ bytes }) => bytes.readUInt16BE(2));
  }

  /** What came, as hex. */
  received(): string[] {
    return this.packets.map(({ bytes }) => bytes.toString('hex'));
  }

  /** Ends the connection without a goodbye. */
  async cut(): Promise<void> {
    this.#socket.destroy();
    await waitFor('cut', () => this.closed);
  }
}
