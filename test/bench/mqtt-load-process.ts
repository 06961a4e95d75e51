/*
 * A process that publishes to a broker as fast as it acknowledges: bytes prepared beforehand go to the sockets, and what comes
 * back is counted, so that the process is not what is measured. Started by `MqttLoad`.
 */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import process from 'node:process';

export interface LoadOrder {
  readonly port: number;
  readonly clients: number;
  /** Messages of one client in flight at a time; divides what a lap holds. */
  readonly window: number;
  /** What each client publishes at QoS 1, over and over; payloads in base64, because orders travel as JSON. */
  readonly lap: readonly { readonly topic: string; readonly payload: string }[];
  /** Payloads are packed frames with a base time, which goes on by so much from one lap to the next, microseconds. */
  readonly lapUs?: number;
}

/** Where a packed frame has its base time, u64 little-endian (PF-1.4). */
const BASE_TIME_AT = 4;

/** Messages in one write. */
const BURST = 64;

/** Some messages as bytes, and where the base times of their packed frames stand. */
interface Burst {
  readonly bytes: Buffer;
  readonly times: readonly number[];
}

/** One connection, its lap as bytes, and how far it is. */
class Publisher {
  readonly #socket: Socket;
  readonly #bursts: readonly Burst[];
  readonly #lap: number;
  readonly #window: number;
  readonly #lapUs: bigint;
  #sent = 0;
  #acked = 0;
  #due = 0;
  /** Bytes of an acknowledgement that is not whole yet. */
  #rest: Buffer = Buffer.alloc(0);
  #finish: () => void = () => {};

  constructor(socket: Socket, bursts: readonly Burst[], { lap, window, lapUs = 0 }: LoadOrder) {
    this.#socket = socket;
    this.#bursts = bursts;
    this.#lap = lap.length;
    this.#window = window;
    this.#lapUs = BigInt(lapUs);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  /** Publishes `messages` more; resolves when all are acknowledged. */
  run(messages: number): Promise<void> {
    this.#due += messages;
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#send();
    });
  }

  #send(): void {
    while (this.#sent < this.#due && this.#sent - this.#acked + BURST <= this.#window) {
      const burst = this.#bursts[(this.#sent / BURST) % this.#bursts.length];
      if (burst === undefined) throw new Error('a lap is no whole number of bursts');
      this.#socket.write(burst.bytes);
      this.#sent += BURST;
    }
  }

  /** Moves a burst to the next lap once its last one is acknowledged, and so written. */
  #turn(burst: Burst): void {
    for (const at of burst.times) burst.bytes.writeBigUInt64LE(burst.bytes.readBigUInt64LE(at) + this.#lapUs, at);
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (; at + 4 <= bytes.length; at += 4) {
      const id = (this.#acked % this.#lap) + 1;
      if (bytes.readUInt32BE(at) !== 0x4002_0000 + id) {
        throw new Error(`${bytes.toString('hex', at, at + 4)} came, not the PUBACK of message ${id}`);
      }
      this.#acked += 1;
      const burst =
        this.#acked % BURST === 0 ? this.#bursts[(this.#acked / BURST - 1) % this.#bursts.length] : undefined;
      if (burst !== undefined) this.#turn(burst);
    }
    this.#rest = bytes.subarray(at);
    if (this.#acked === this.#due) this.#finish();
    else this.#send();
  }
}

async function open(order: LoadOrder, client: number): Promise<Publisher> {
  const socket = connect(order.port, '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  socket.write(connectPacket(`load-${client}`));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (answer.toString('hex') !== '20020000') throw new Error(`CONNECT was answered by ${answer.toString('hex')}`);
  const bursts: Burst[] = [];
  for (let from = 0; from < order.lap.length; from += BURST) bursts.push(burstOf(order, client, from));
  return new Publisher(socket, bursts, order);
}

function burstOf({ lap, lapUs }: LoadOrder, client: number, from: number): Burst {
  const packets: Buffer[] = [];
  const times: number[] = [];
  let at = 0;
  for (const [index, { topic, payload }] of lap.slice(from, from + BURST).entries()) {
    const content = Buffer.from(payload, 'base64');
    const bytes = publishPacket(`c${client}/${topic}`, content, from + index + 1);
    if (lapUs !== undefined) times.push(at + bytes.length - content.length + BASE_TIME_AT);
    packets.push(bytes);
    at += bytes.length;
  }
  return { bytes: Buffer.concat(packets), times };
}

function field(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
}

function packet(first: number, body: Buffer): Buffer {
  const header = [first];
  for (let rest = body.length; ; rest >>= 7) {
    header.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) return Buffer.concat([Buffer.from(header), body]);
  }
}

function connectPacket(clientId: string): Buffer {
  return packet(0x10, Buffer.concat([field('MQTT'), Buffer.of(4, 2, 0, 0), field(clientId)]));
}

function publishPacket(topic: string, payload: Buffer, id: number): Buffer {
  return packet(0x32, Buffer.concat([field(topic), Buffer.of(id >> 8, id & 0xff), payload]));
}

process.once('message', (order: LoadOrder) => {
  const opened = Promise.all(Array.from({ length: order.clients }, (_, client) => open(order, client)));
  void opened.then((publishers) => {
    process.on('message', (messages: number) => {
      const { user, system } = process.cpuUsage();
      void Promise.all(publishers.map((publisher) => publisher.run(messages))).then(() => {
        const used = process.cpuUsage();
        process.send?.((used.user + used.system - user - system) / 1e6);
      });
    });
    process.send?.(0);
  });
});
