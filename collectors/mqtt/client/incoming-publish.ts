import { Buffer } from 'node:buffer';
import { Message, type Sender } from '../message.ts';
import type { WirePacket } from '../packet-framer.ts';
import { FLAG_DUP, FLAG_RETAIN, type GuardReason, inspectPublish } from '../packet-rules.ts';
import type { TopicNames } from '../topic-names.ts';

/** What a PUBLISH is; `fault`: no MQTT, to be closed for. */
export type PublishReading =
  | {
      readonly message: Message;
      /** The DUP flag: it may have come before. */
      readonly isRepeat: boolean;
      /** Why it is only to be acknowledged; undefined where it is to be taken. */
      readonly skipped: GuardReason | undefined;
    }
  | { readonly fault: GuardReason };

/**
 * Reads a PUBLISH of MQTT 3.1.1 or 5.
 * @param sender hears of its commit, unless it is of QoS 0
 */
export function readPublish(
  packet: WirePacket,
  version: '3.1.1' | 5,
  topics: TopicNames,
  sender: Sender,
): PublishReading {
  const { qos, packetId, topic, payloadAt, fault } = inspectPublish(packet, topics);
  if (fault?.action === 'close') return { fault: fault.reason };
  const { bytes, bodyAt, flags, oversized } = packet;
  const isRepeat = (flags & FLAG_DUP) !== 0;
  const isRetained = (flags & FLAG_RETAIN) !== 0;
  const listener = qos === 0 ? undefined : sender;
  const skipped = skipReason(fault?.reason, oversized);
  if (skipped !== undefined || version === '3.1.1') {
    const message = new Message(bytes, bodyAt, payloadAt, topic, qos, packetId, isRetained, listener);
    if (skipped !== undefined) message.use = 'skip';
    return { message, isRepeat, skipped };
  }
  const end = propertiesEnd(bytes, payloadAt);
  if (end === undefined) return { fault: 'publish-malformed' };
  // Without its properties, which say nothing of a sample, and of which the time to live differs when the message is sent again.
  const bare = Buffer.concat([bytes.subarray(bodyAt, payloadAt), bytes.subarray(end)]);
  const message = new Message(bare, 0, payloadAt - bodyAt, topic, qos, packetId, isRetained, listener);
  return { message, isRepeat, skipped };
}

/** A broker publishes below `$`, and only what was subscribed to comes from there. */
function skipReason(reason: GuardReason | undefined, isOversized: boolean): GuardReason | undefined {
  if (reason === 'topic-reserved') return isOversized ? 'packet-too-large' : undefined;
  return reason;
}

/** Where the properties that begin at `at` end (MQTT 5, 2.2.2); undefined where they reach beyond the packet. */
function propertiesEnd(bytes: Buffer, at: number): number | undefined {
  let length = 0;
  for (let index = 0; index < 4; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) {
      const end = at + index + 1 + length;
      return end <= bytes.length ? end : undefined;
    }
  }
  return undefined;
}
