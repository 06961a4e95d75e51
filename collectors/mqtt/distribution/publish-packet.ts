import { Buffer } from 'node:buffer';
import type { QoS } from '../message.ts';

/** A message as it goes to a subscriber. */
export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  /** Set where a message is sent because it was retained, and not because it came (MQTT-3.3.1-8, MQTT-3.3.1-9). */
  readonly isRetained: boolean;
}

const PUBLISH_BYTE = 0x30;
const DUP_BIT = 0x08;

/** The bytes of a PUBLISH (MQTT-3.3); `packetId` is left out at QoS 0. */
export function encodePublish(message: OutgoingMessage, packetId: number, isDup: boolean): Buffer {
  const { topic, payload, qos, isRetained } = message;
  const topicBytes = Buffer.byteLength(topic);
  const body = 2 + topicBytes + (qos > 0 ? 2 : 0) + payload.length;
  const lengthBytes = body < 0x80 ? 1 : body < 0x4000 ? 2 : body < 0x20_0000 ? 3 : 4;
  const bytes = Buffer.allocUnsafe(1 + lengthBytes + body);
  bytes[0] = PUBLISH_BYTE | (isDup ? DUP_BIT : 0) | (qos << 1) | (isRetained ? 1 : 0);
  let rest = body;
  for (let at = 1; at <= lengthBytes; at++) {
    bytes[at] = (rest & 0x7f) | (at < lengthBytes ? 0x80 : 0);
    rest >>>= 7;
  }
  let at = bytes.writeUInt16BE(topicBytes, 1 + lengthBytes);
  at += bytes.write(topic, at);
  if (qos > 0) at = bytes.writeUInt16BE(packetId, at);
  payload.copy(bytes, at);
  return bytes;
}
