import type { Buffer } from 'node:buffer';

/** Quality of service (MQTT-4.3). */
export type QoS = 0 | 1 | 2;

/** Who waits for the acknowledgement of a message. */
export interface Sender {
  /** Bytes that tell this sender from every other, the same over connections and restarts. */
  readonly identity: Buffer;
  /** The message is on disk, or accounted for; or, with an error, never will be. */
  settled(message: Message, error?: Error): void;
}

/**
 * `take`: its samples are stored, and it is forwarded. `pass`: it has none, and is forwarded: the deletion of a retained message
 * (MQTT-3.3.1-10). `skip`: it is acknowledged in its turn and nothing else: it is a repeat, or beyond a limit.
 */
export type MessageUse = 'take' | 'pass' | 'skip';

/** A published message, from the wire until it is acknowledged. */
export class Message {
  readonly topic: string;
  readonly qos: QoS;
  /** 0 at QoS 0 and for a will. */
  readonly packetId: number;
  readonly isRetained: boolean;
  /** The whole packet. */
  readonly packet: Buffer;
  /** Where its variable header begins. */
  readonly bodyAt: number;
  readonly payload: Buffer;
  /** Undefined where nobody waits: QoS 0, or a will. */
  readonly sender: Sender | undefined;
  /** True once it was decoded: again and again while it waits for room. */
  isRead = false;
  use: MessageUse = 'take';

  constructor(
    packet: Buffer,
    bodyAt: number,
    payloadAt: number,
    topic: string,
    qos: QoS,
    packetId: number,
    isRetained: boolean,
    sender: Sender | undefined,
  ) {
    this.packet = packet;
    this.bodyAt = bodyAt;
    this.payload = packet.subarray(payloadAt);
    this.topic = topic;
    this.qos = qos;
    this.packetId = packetId;
    this.isRetained = isRetained;
    this.sender = sender;
    if (isRetained && this.payload.length === 0) this.use = 'pass';
  }
}
