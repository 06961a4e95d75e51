import { Buffer } from 'node:buffer';
import { StateFile } from '../../state-file.ts';
import type { QoS } from '../message.ts';
import { SPARKPLUG_NAMESPACE } from '../sparkplug/sparkplug-topic.ts';
import type { RetainedMessages } from './retained-messages.ts';
import type { Delivery, Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/*
 * What of the broker outlives its process, as keys and values of a state file:
 *
 *   r<topic>               u8 QoS | payload                          a retained message
 *   s<client id>           JSON { away, filters: [[filter, QoS]] }   a kept session
 *   m<packet id>/<client>  u8 QoS, bit 2: released | f64 order | u16 bytes of the topic | topic | payload
 *                                                                    a message that a session holds
 */

/** Whether a host of Sparkplug is there does not outlive the process: who said so must connect again. */
const PRESENCE = `${SPARKPLUG_NAMESPACE}/STATE/`;
const RELEASED_BIT = 4;
const DELIVERY_HEAD_BYTES = 1 + 8 + 2;

interface SessionRecord {
  readonly away: number | null;
  readonly filters: readonly (readonly [filter: string, qos: QoS])[];
}

/** Keeps sessions and retained messages in a file, and brings them back. */
export class BrokerState {
  readonly #file: StateFile;
  readonly #sessions: Sessions;
  readonly #retained: RetainedMessages;
  /** While what was kept is brought back, nothing changes. */
  #isOpening = false;

  constructor(path: string, sessions: Sessions, retained: RetainedMessages) {
    this.#sessions = sessions;
    this.#retained = retained;
    this.#file = new StateFile(path, (key) => this.#valueOf(key));
  }

  /** Why the state could not be read or written the last time. */
  get problem(): string | undefined {
    return this.#file.problem;
  }

  /** Bytes written since start. */
  get written(): number {
    return this.#file.written;
  }

  /**
   * Brings back what the process before kept, but for messages of topics that are private by now.
   * @param now box time, microseconds: since when clients that were connected are away
   * @param restored told of each session
   */
  async open(now: number, isPrivate: (topic: string) => boolean, restored: (session: Session) => void): Promise<void> {
    const values = await this.#file.open();
    this.#isOpening = true;
    const held: Held[] = [];
    for (const [key, value] of values) {
      const name = key.slice(1);
      if (key[0] === 's') this.#restoreSession(name, value, now, restored);
      else if (key[0] === 'm') held.push(decodeHeld(name, value));
      else if (!isPrivate(name)) this.#retained.set(name, value.subarray(1), qosOf(value[0]));
    }
    for (const { clientId, packetId, delivery } of held.sort((a, b) => a.delivery.order - b.delivery.order)) {
      if (!isPrivate(delivery.message.topic)) this.#sessions.get(clientId)?.restore(packetId, delivery);
    }
    this.#isOpening = false;
  }

  sessionChanged(clientId: string, packetId: number | undefined): void {
    if (this.#isOpening) return;
    this.#file.touch(packetId === undefined ? `s${clientId}` : `m${packetId}/${clientId}`);
  }

  retainedChanged(topic: string): void {
    if (!this.#isOpening && !topic.startsWith(PRESENCE)) this.#file.touch(`r${topic}`);
  }

  /** Writes what has changed; resolves when it is on disk, or `problem` says why not. */
  flush(): Promise<void> {
    return this.#file.flush();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #restoreSession(clientId: string, value: Buffer, now: number, restored: (session: Session) => void): void {
    const session = this.#sessions.restore(clientId);
    if (session === undefined) return;
    const { away, filters } = JSON.parse(value.toString('utf8')) as SessionRecord;
    session.awaySince = away ?? now;
    for (const [filter, qos] of filters) session.filters.set(filter, qos);
    restored(session);
  }

  #valueOf(key: string): Uint8Array | undefined {
    const rest = key.slice(1);
    if (key[0] === 'r') {
      const retained = this.#retained.get(rest);
      return retained && Buffer.concat([Buffer.of(retained.qos), retained.payload]);
    }
    if (key[0] === 's') {
      const session = this.#sessions.get(rest);
      if (session?.isPresent !== true) return undefined;
      const record: SessionRecord = { away: session.awaySince ?? null, filters: [...session.filters] };
      return Buffer.from(JSON.stringify(record));
    }
    const slash = rest.indexOf('/');
    const delivery = this.#sessions.get(rest.slice(slash + 1))?.delivery(Number(rest.slice(0, slash)));
    return delivery?.isHeld === true ? encodeDelivery(delivery) : undefined;
  }
}

function encodeDelivery({ message, order, isReleased }: Delivery): Buffer {
  const topic = Buffer.from(message.topic);
  const head = Buffer.alloc(DELIVERY_HEAD_BYTES);
  head[0] = message.qos | (isReleased ? RELEASED_BIT : 0);
  head.writeDoubleLE(order, 1);
  head.writeUInt16LE(topic.length, 9);
  return Buffer.concat([head, topic, message.payload]);
}

/** A message that a session holds, and of which session. */
interface Held {
  readonly clientId: string;
  readonly packetId: number;
  readonly delivery: Delivery;
}

/** @param name packet id and client, as in the key */
function decodeHeld(name: string, value: Buffer): Held {
  const slash = name.indexOf('/');
  const flags = value[0] ?? 0;
  const topicEnd = DELIVERY_HEAD_BYTES + value.readUInt16LE(9);
  const topic = value.toString('utf8', DELIVERY_HEAD_BYTES, topicEnd);
  // A copy, because the value is a window on the whole file.
  const payload = Buffer.from(value.subarray(topicEnd));
  const delivery: Delivery = {
    message: { topic, payload, qos: qosOf(flags & 3), isRetained: false },
    order: value.readDoubleLE(1),
    isHeld: true,
    isReleased: (flags & RELEASED_BIT) !== 0,
    // Nobody knows; the receiver must be told that it may have it (MQTT-3.3.1-1).
    wasSent: true,
  };
  return { clientId: name.slice(slash + 1), packetId: Number(name.slice(0, slash)), delivery };
}

function qosOf(value = 0): QoS {
  return value === 2 ? 2 : value === 1 ? 1 : 0;
}
