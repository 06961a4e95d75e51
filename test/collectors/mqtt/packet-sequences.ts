import { Buffer } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  connectPacket,
  DISCONNECT_PACKET,
  field,
  idBytes,
  packet,
  publishPacket,
  pubrelPacket,
  RawClient,
} from './raw-client.ts';

/** What one step of a sequence does. */
interface Step {
  readonly type: 'send' | 'recv' | 'external_publish' | 'publish' | 'subscribe' | 'unsubscribe';
  /** Of `send` and `recv` a packet as {@link bytesOf} reads it; else text. */
  readonly payload: string;
  readonly topic?: string;
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
}

/** What a test may say of itself, or its group of all of them. */
interface Manner {
  readonly ver?: number;
  readonly connect?: boolean;
  readonly expect_disconnect?: boolean;
}

interface Test extends Manner {
  readonly name: string;
  readonly msgs: readonly Step[];
}

interface Group extends Manner {
  readonly group: string;
  readonly disable?: boolean;
  readonly tests: readonly Test[];
}

/** One conversation with a broker, in the notation of mosquitto's tests. */
export interface Sequence {
  readonly name: string;
  readonly version: number;
  readonly steps: readonly Step[];
  /** A CONNECT and its CONNACK come first. */
  readonly connects: boolean;
  readonly endsClosed: boolean;
}

/** How long an answer may take, milliseconds. */
const ANSWER_MS = 1000;
const LOOK_MS = 2;

/** The sequences of all files of a folder. */
export function readSequences(folder: string): Sequence[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const groups = files.sort().flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Group[]);
  return groups
    .filter(({ disable }) => disable !== true)
    .flatMap(({ group, tests, ...manner }) =>
      tests.map((test) => ({
        name: `${group} ${test.name}`.replace(/\s+/g, ' ').trim(),
        version: group.startsWith('v5') ? 5 : (test.ver ?? manner.ver ?? 4),
        steps: test.msgs,
        connects: test.connect ?? manner.connect ?? true,
        endsClosed: test.expect_disconnect ?? manner.expect_disconnect ?? true,
      })),
    );
}

/** Holds a conversation with the broker on `port`; what went otherwise, or undefined. */
export async function hold(sequence: Sequence, port: number): Promise<string | undefined> {
  const client = await RawClient.open(port);
  const ids = new PacketIds();
  try {
    if (sequence.connects) {
      const isOld = sequence.version === 3;
      const protocol = isOld ? { level: 3, protocol: 'MQIsdp' } : {};
      client.send(connectPacket(sequence.name, { keepAliveS: 60, ...protocol }));
      const missing = await expect(client, Buffer.from('20020000', 'hex'), ids);
      if (missing !== undefined) return missing;
    }
    for (const step of sequence.steps) {
      const missing = await take(step, client, ids, port);
      if (missing !== undefined) return missing;
    }
    if (sequence.endsClosed) return (await within(() => client.closed)) ? undefined : 'the connection stays open';
    client.send(packet(0xc0));
    return await expect(client, Buffer.from('d000', 'hex'), ids);
  } finally {
    if (!client.closed) await client.cut();
  }
}

/** Packet ids of what the broker publishes: the sequences begin at 1, a broker where it likes (MQTT-2.3.1-4). */
class PacketIds {
  readonly #met = new Map<number, number>();

  /** Learns the id of a PUBLISH that came from one that should have come. */
  learn(met: Buffer, expected: Buffer): void {
    const isPublish = (bytes: Buffer) => bytes[0] === 0x32 || bytes[0] === 0x34;
    if (!isPublish(met) || !isPublish(expected)) return;
    const at = (bytes: Buffer) => 4 + bytes.readUInt16BE(2);
    if (at(met) + 2 <= met.length && at(expected) + 2 <= expected.length) {
      this.#met.set(expected.readUInt16BE(at(expected)), met.readUInt16BE(at(met)));
    }
  }

  /** The same packet with the id that the broker gave. */
  translate(bytes: Buffer): Buffer {
    const type = (bytes[0] ?? 0) >> 4;
    const at = type === 3 ? 4 + bytes.readUInt16BE(2) : 2;
    const id = (type === 3 || (type >= 4 && type <= 7)) && at + 2 <= bytes.length ? bytes.readUInt16BE(at) : 0;
    const met = this.#met.get(id);
    if (met === undefined) return bytes;
    const translated = Buffer.from(bytes);
    translated.writeUInt16BE(met, at);
    return translated;
  }
}

/** What went otherwise in one step. */
async function take(step: Step, client: RawClient, ids: PacketIds, port: number): Promise<string | undefined> {
  const { type, topic = '', qos = 0 } = step;
  switch (type) {
    case 'send':
      client.send(ids.translate(bytesOf(step.payload)));
      return undefined;
    case 'recv':
      return expect(client, bytesOf(step.payload), ids);
    case 'external_publish':
    case 'publish':
      await publishAs('helper', step, port);
      return undefined;
    case 'subscribe':
      client.send(packet(0x82, idBytes(1), field(topic), Buffer.of(qos)));
      return expect(client, packet(0x90, idBytes(1), Buffer.of(qos)), ids);
    case 'unsubscribe':
      client.send(packet(0xa2, idBytes(1), field(topic)));
      return expect(client, packet(0xb0, idBytes(1)), ids);
  }
}

/** One word of a packet: text in quotes, a number behind the letter that tells its width, or hex. */
const WORD = /'[^']*'|\S+/g;

/** The bytes of a packet in the notation of mosquitto's tests. */
function bytesOf(payload: string): Buffer {
  return Buffer.concat((payload.match(WORD) ?? []).map(wordBytes));
}

function wordBytes(word: string): Buffer {
  const number = Number(word.slice(1));
  switch (word[0]) {
    case "'":
      return Buffer.from(word.slice(1, -1));
    case 'i':
      return Buffer.of(number);
    case 'H':
    case 'k':
    case 'm':
    case 's':
      return idBytes(number);
    case 'L':
      return Buffer.concat([idBytes(number >>> 16), idBytes(number & 0xffff)]);
    case 'v':
    case 'r':
      return lengthBytes(number);
    default:
      return Buffer.from(word, 'hex');
  }
}

/** A length of a variable number of bytes (MQTT-2.2.3), also such that are not allowed. */
function lengthBytes(length: number): Buffer {
  const bytes: number[] = [];
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest >= 128 ? (rest % 128) | 0x80 : rest);
    if (rest < 128) return Buffer.from(bytes);
  }
}

/**
 * Waits for a packet. Others may come before it: a message to the client itself and the acknowledgement of what it published stand in
 * no order to each other (MQTT-4.6).
 */
async function expect(client: RawClient, bytes: Buffer, ids: PacketIds): Promise<string | undefined> {
  const isIt = (met: Buffer): boolean => {
    ids.learn(met, bytes);
    return met.equals(ids.translate(bytes));
  };
  const place = () => client.packets.findIndex((met) => isIt(met.bytes));
  if (await within(() => place() >= 0 || client.closed)) {
    const at = place();
    if (at >= 0) client.packets.splice(at, 1);
    if (at >= 0) return undefined;
  }
  const [first] = client.packets;
  const nothing = client.closed ? 'the connection was closed' : 'nothing came';
  return `${first === undefined ? nothing : first.bytes.toString('hex')}, not ${bytes.toString('hex')}`;
}

async function publishAs(
  clientId: string,
  { topic = '', qos = 0, payload, retain = false }: Step,
  port: number,
): Promise<void> {
  const client = await RawClient.connect(port, clientId);
  client.send(publishPacket(topic, payload, { qos, id: 1, retain }));
  if (qos > 0) await within(() => client.packets.length > 0);
  if (qos === 2) client.send(pubrelPacket(1));
  if (qos === 2) await within(() => client.packets.length > 1);
  client.send(DISCONNECT_PACKET);
  await within(() => client.closed);
}

/** True when `fact` is so in time. */
async function within(fact: () => boolean): Promise<boolean> {
  for (const end = performance.now() + ANSWER_MS; performance.now() < end; ) {
    if (fact()) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return fact();
}
