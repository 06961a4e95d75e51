import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Test } from 'tap';
import { PacketFramer, type WirePacket } from '../../../../collectors/mqtt/packet-framer.ts';
import { waitFor } from '../../../wait-for.ts';
import { packet } from '../raw-client.ts';

const CONNECT = 1;
const PUBLISH = 3;
const SUBSCRIBE = 8;
const PINGREQ = 12;

/** What a broker of the test's making answers. */
export interface FakeBrokerOptions {
  /** Version of MQTT that is spoken. */
  readonly version?: '3.1.1' | 5;
  /** Return code of CONNACK. */
  readonly connack?: number;
  readonly isSessionKept?: boolean;
  /** Codes of SUBACK, one for each filter. */
  readonly suback?: () => readonly number[];
}

/** A broker that lets a client in and then sends just the bytes it is told to, and shows the packets it gets. */
export class FakeBroker {
  readonly port: number;
  /** What the present connection sent, beside pings. */
  packets: WirePacket[] = [];
  pings = 0;
  connections = 0;
  /** Nothing is answered any more, as by a broker behind a cut line. */
  isMute = false;
  readonly #options: FakeBrokerOptions;
  #socket: Socket | undefined;

  private constructor(port: number, options: FakeBrokerOptions) {
    this.port = port;
    this.#options = options;
  }

  static async start(t: Test, options: FakeBrokerOptions = {}): Promise<FakeBroker> {
    const server = createServer((socket) => broker.#accept(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const broker = new FakeBroker(typeof address === 'object' && address !== null ? address.port : 0, options);
    t.teardown(() => {
      server.close();
      broker.cut();
    });
    return broker;
  }

  /** Resolves when a client has subscribed on the connection of that number, from 1. */
  async subscribed(connection = 1): Promise<void> {
    await waitFor('SUBSCRIBE', () => this.connections === connection && this.sent(SUBSCRIBE).length > 0);
  }

  send(...packets: readonly Uint8Array[]): void {
    this.#socket?.write(Buffer.concat(packets));
  }

  cut(): void {
    this.#socket?.destroy();
  }

  /** Packets of one type that came, as hex. */
  sent(type: number): string[] {
    return this.packets.filter((met) => met.type === type).map(({ bytes }) => bytes.toString('hex'));
  }

  #accept(socket: Socket): void {
    this.#socket = socket;
    this.packets = [];
    this.connections++;
    const framer = new PacketFramer(1 << 20, 256);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      framer.feed(chunk);
      for (let next = framer.next(); next !== undefined; next = framer.next()) this.#take(socket, next);
    });
  }

  #take(socket: Socket, met: WirePacket): void {
    const { version = '3.1.1', connack = 0, isSessionKept = false, suback = () => [1] } = this.#options;
    const noProperties = version === 5 ? [Buffer.of(0)] : [];
    if (this.isMute) return;
    if (met.type === PINGREQ) {
      this.pings++;
      socket.write(packet(0xd0));
      return;
    }
    this.packets.push(met);
    if (met.type === CONNECT) socket.write(packet(0x20, Buffer.of(isSessionKept ? 1 : 0, connack), ...noProperties));
    if (met.type === PUBLISH && (met.flags & 2) !== 0) {
      const idAt = met.bodyAt + 2 + met.bytes.readUInt16BE(met.bodyAt);
      socket.write(packet(0x40, met.bytes.subarray(idAt, idAt + 2)));
    }
    if (met.type === SUBSCRIBE) {
      const id = met.bytes.subarray(met.bodyAt, met.bodyAt + 2);
      socket.write(packet(0x90, id, ...noProperties, Buffer.from(suback())));
    }
  }
}
