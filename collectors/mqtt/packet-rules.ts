import type { Buffer } from 'node:buffer';
import type { MqttLimits } from './config.ts';
import type { QoS } from './message.ts';
import type { WirePacket } from './packet-framer.ts';
import type { TopicNames } from './topic-names.ts';
import { hasWholeWildcards, isText, levelsOf, type Span, topicFault } from './topic-text.ts';

/*
 * What MQTT 3.1.1 demands of a packet and the broker library does not check, and our own limits. Pure: bytes in, verdict
 * out. A packet that breaks the protocol closes its connection, as MQTT demands; a well-formed message beyond a limit is
 * stepped over and acknowledged, so that its sender can go on with the next one.
 */

export const CONNECT = 1;
export const CONNACK = 2;
export const PUBLISH = 3;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBREL = 6;
export const PUBCOMP = 7;
export const SUBSCRIBE = 8;
export const UNSUBSCRIBE = 10;
export const PINGREQ = 12;
export const DISCONNECT = 14;

/** CONNACK return codes (MQTT-3.2.2.3). */
export const CONNACK_UNACCEPTABLE_VERSION = 1;
export const CONNACK_IDENTIFIER_REJECTED = 2;

/** Bytes of a client identifier in UTF-8. Longer: CONNACK 2, reason `client-id`. */
export const CLIENT_ID_BYTES_MAX = 256;
/** Topic filters of one SUBSCRIBE or UNSUBSCRIBE. More: the connection is closed, reason `subscribe-malformed`. */
export const FILTERS_MAX = 256;

/** Why a connection is closed or a message stepped over. Each is a counter in health and a row of the README. */
export const GUARD_REASONS = {
  'clients-full': 'a connection beyond clientsMax; closed at once, unless one that has not sent its CONNECT gives way',
  tls: 'a connection that did not come to speak TLS; details name why',
  certificate: 'a client certificate that no authority of tls.clientCa vouches for, or an expired one; closed',
  'connect-missing': 'the first packet was no CONNECT, or none came in time',
  'connect-malformed': 'a CONNECT that breaks MQTT 3.1.1',
  'protocol-version': 'a CONNECT of MQTT 5 or an unknown version; refused with CONNACK 1',
  'client-id': 'an empty client id with a kept session, or one too long; refused with CONNACK 2',
  credentials: 'unknown user or wrong password; refused with CONNACK 4',
  'packet-malformed': 'bytes that are no MQTT packet',
  'packet-type': 'a packet that no client sends, or a second CONNECT',
  'packet-too-large': 'a packet beyond packetBytesMax; a PUBLISH is stepped over and acknowledged',
  'publish-malformed':
    'a PUBLISH with a wildcard, U+0000 or bytes that are not UTF-8 in its topic, or without a packet id',
  'topic-too-long': 'a topic beyond topicBytesMax; stepped over and acknowledged',
  'topic-too-deep': 'a topic beyond topicLevelsMax; stepped over and acknowledged',
  'topic-reserved': 'a PUBLISH to a topic that begins with `$`; stepped over and acknowledged',
  'qos2-window': 'too many QoS 2 messages of one client await their PUBREL',
  'subscribe-malformed': 'a SUBSCRIBE or UNSUBSCRIBE that breaks MQTT 3.1.1',
  'subscribe-shared': 'a subscription to `$share`; refused in SUBACK',
  'subscribe-private': 'a subscription to topics that only the gateway reads; refused in SUBACK',
  'subscriptions-full': 'more subscriptions of a client, or of all, than may be; refused in SUBACK',
  'acknowledgement-kind':
    'a subscriber acknowledged a message by a packet that is not for its QoS, or not its turn; closed',
  'keep-alive': 'a client that was silent for one and a half times its keep-alive',
  'slow-reader': 'a client that read nothing for stallSeconds while more waited for it than may; closed',
  broker: 'the broker library closed a connection; details name its words',
} as const;

export type GuardReason = keyof typeof GUARD_REASONS;

export interface ConnectPacket {
  readonly clientId: string;
  /** True where the session ends with the connection. */
  readonly isClean: boolean;
  /** Seconds; 0 is none. */
  readonly keepAliveS: number;
  /** Where the connect flags and the keep-alive stand in the packet's bytes. */
  readonly flagsAt: number;
}

export type ConnectVerdict =
  | { readonly connect: ConnectPacket }
  /** `connack`: the return code to send before the connection is closed; undefined for none. */
  | { readonly reason: GuardReason; readonly connack?: number };

const FLAG_RESERVED = 0x01;
const FLAG_CLEAN = 0x02;
const FLAG_WILL = 0x04;
const WILL_QOS = 0x18;
const FLAG_WILL_RETAIN = 0x20;
const FLAG_PASSWORD = 0x40;
const FLAG_USER = 0x80;
/** Of the flags of a PUBLISH. */
export const FLAG_DUP = 0x08;
export const FLAG_RETAIN = 0x01;

/** Reads the CONNECT that must begin a connection (MQTT-3.1). */
export function inspectConnect(packet: WirePacket, limits: MqttLimits): ConnectVerdict {
  const { bytes, bodyAt } = packet;
  if (packet.type !== CONNECT) return { reason: 'connect-missing' };
  if (packet.oversized) return { reason: 'packet-too-large' };
  const protocol = fieldAt(bytes, bodyAt);
  if (protocol === undefined || protocol.end + 4 > bytes.length) return { reason: 'connect-malformed' };
  const name = bytes.toString('latin1', protocol.begin, protocol.end);
  if (name !== 'MQTT' && name !== 'MQIsdp') return { reason: 'connect-malformed' };
  // Bridges set the high bit of the level.
  const level = (bytes[protocol.end] ?? 0) & 0x7f;
  if (level !== (name === 'MQTT' ? 4 : 3)) return { reason: 'protocol-version', connack: CONNACK_UNACCEPTABLE_VERSION };

  const flagsAt = protocol.end + 1;
  const flags = bytes[flagsAt] ?? 0;
  // What 3.1 leaves unused must be 0 in 3.1.1 (MQTT-2.2.2-1, MQTT-3.1.2-3).
  if (level === 4 && (packet.flags !== 0 || (flags & FLAG_RESERVED) !== 0)) return { reason: 'connect-malformed' };
  const id = fieldAt(bytes, flagsAt + 3);
  if (id === undefined || !isText(bytes, id)) return { reason: 'connect-malformed' };
  const isClean = (flags & FLAG_CLEAN) !== 0;
  const idBytes = id.end - id.begin;
  if (idBytes > CLIENT_ID_BYTES_MAX || (idBytes === 0 && (level === 3 || !isClean))) {
    return { reason: 'client-id', connack: CONNACK_IDENTIFIER_REJECTED };
  }
  if (!isWholeConnect(bytes, flags, id.end, limits)) return { reason: 'connect-malformed' };
  const clientId = bytes.toString('utf8', id.begin, id.end);
  return { connect: { clientId, isClean, keepAliveS: bytes.readUInt16BE(flagsAt + 1), flagsAt } };
}

/** True when behind the client id stands just what the flags tell: will, user name, password (MQTT-3.1.2, MQTT-3.1.3). */
function isWholeConnect(bytes: Buffer, flags: number, from: number, limits: MqttLimits): boolean {
  let at: number | undefined = from;
  if ((flags & FLAG_WILL) !== 0) {
    const topic = fieldAt(bytes, at);
    if ((flags & WILL_QOS) === WILL_QOS || topic === undefined || topicFault(bytes, topic, limits) !== undefined)
      return false;
    at = fieldAt(bytes, topic.end)?.end;
  } else if ((flags & (WILL_QOS | FLAG_WILL_RETAIN)) !== 0) return false;
  const hasUser = (flags & FLAG_USER) !== 0;
  if (hasUser && at !== undefined) {
    const user = fieldAt(bytes, at);
    if (user === undefined || !isText(bytes, user)) return false;
    at = user.end;
  }
  if ((flags & FLAG_PASSWORD) !== 0) {
    // MQTT-3.1.2-22
    if (!hasUser) return false;
    at = at === undefined ? undefined : fieldAt(bytes, at)?.end;
  }
  return at === bytes.length;
}

/**
 * Makes the broker library keep no keep-alive of its own: the gate watches it, because it knows when it holds a client back
 * itself. What 3.1 leaves unused is cleared, because the library refuses it.
 */
export function simplifyConnect({ bytes }: WirePacket, { flagsAt }: ConnectPacket): void {
  bytes[0] = CONNECT << 4;
  bytes[flagsAt] = (bytes[flagsAt] ?? 0) & ~FLAG_RESERVED;
  bytes.writeUInt16BE(0, flagsAt + 1);
}

export interface PublishVerdict {
  readonly qos: QoS;
  /** 0 at QoS 0, and where it could not be read. */
  readonly packetId: number;
  readonly topic: string;
  /** Where the payload begins in the packet's bytes. */
  readonly payloadAt: number;
  /** Undefined: the message may go on. `skip`: step over and acknowledge. `close`: close the connection. */
  readonly fault?: { readonly reason: GuardReason; readonly action: 'skip' | 'close' };
}

const PUBLISH_MALFORMED = { reason: 'publish-malformed', action: 'close' } as const;

/** Checks a PUBLISH (MQTT-3.3). */
export function inspectPublish(packet: WirePacket, topics: TopicNames): PublishVerdict {
  const { bytes, bodyAt, flags } = packet;
  const qos = (flags >> 1) & 3;
  const begin = bodyAt + 2;
  const end = begin <= bytes.length ? begin + bytes.readUInt16BE(bodyAt) : Number.POSITIVE_INFINITY;
  const payloadAt = end + (qos > 0 ? 2 : 0);
  // MQTT-3.3.1-4, MQTT-3.3.1-2
  if (qos === 3 || (qos === 0 && (flags & FLAG_DUP) !== 0)) return malformed(PUBLISH_MALFORMED);
  if (payloadAt > bytes.length) {
    return malformed(packet.oversized ? { reason: 'packet-too-large', action: 'close' } : PUBLISH_MALFORMED);
  }
  const packetId = qos > 0 ? bytes.readUInt16BE(end) : 0;
  const { name: topic, fault: reason } = topics.at(bytes, begin, end);
  // MQTT-2.3.1-1
  if ((qos > 0 && packetId === 0) || reason === 'publish-malformed') return malformed(PUBLISH_MALFORMED);
  const verdict = { qos: qos === 2 ? 2 : qos === 1 ? 1 : 0, packetId, topic, payloadAt } as const;
  if (reason !== undefined) return { ...verdict, fault: { reason, action: 'skip' } };
  return packet.oversized ? { ...verdict, fault: { reason: 'packet-too-large', action: 'skip' } } : verdict;
}

function malformed(fault: NonNullable<PublishVerdict['fault']>): PublishVerdict {
  return { qos: 0, packetId: 0, topic: '', payloadAt: 0, fault };
}

/** What a SUBSCRIBE or UNSUBSCRIBE asks for; `qos` is 0 in an UNSUBSCRIBE. */
export interface FilterRequest {
  readonly filter: string;
  readonly qos: QoS;
}

export type FiltersVerdict =
  | { readonly packetId: number; readonly requests: readonly FilterRequest[] }
  | { readonly fault: GuardReason };

const SUBSCRIBE_MALFORMED = { fault: 'subscribe-malformed' } as const;

/** Reads a SUBSCRIBE or UNSUBSCRIBE (MQTT-3.8, MQTT-3.10). */
export function inspectFilters(packet: WirePacket, limits: MqttLimits): FiltersVerdict {
  const { bytes, bodyAt, flags } = packet;
  if (packet.oversized) return { fault: 'packet-too-large' };
  const optionBytes = packet.type === SUBSCRIBE ? 1 : 0;
  // MQTT-3.8.1-1, MQTT-2.3.1-1
  if (flags !== 2 || bodyAt + 2 > bytes.length || bytes.readUInt16BE(bodyAt) === 0) return SUBSCRIBE_MALFORMED;
  let at = bodyAt + 2;
  const requests: FilterRequest[] = [];
  while (at < bytes.length) {
    const span = fieldAt(bytes, at);
    if (span === undefined || span.end + optionBytes > bytes.length) return SUBSCRIBE_MALFORMED;
    if (!isFilter(bytes, span, limits) || requests.length === FILTERS_MAX) return SUBSCRIBE_MALFORMED;
    const qos = optionBytes === 1 ? (bytes[span.end] ?? 0) : 0;
    // MQTT-3.8.3-4
    if (qos !== 0 && qos !== 1 && qos !== 2) return SUBSCRIBE_MALFORMED;
    requests.push({ filter: bytes.toString('utf8', span.begin, span.end), qos });
    at = span.end + optionBytes;
  }
  return requests.length === 0 ? SUBSCRIBE_MALFORMED : { packetId: bytes.readUInt16BE(bodyAt), requests };
}

/** True for a topic filter within the limits (MQTT-4.7.1, MQTT-4.7.3). */
function isFilter(bytes: Buffer, span: Span, limits: MqttLimits): boolean {
  const length = span.end - span.begin;
  if (length === 0 || length > limits.topicBytesMax || !isText(bytes, span)) return false;
  return levelsOf(bytes, span) <= limits.topicLevelsMax && hasWholeWildcards(bytes, span);
}

/** A length-prefixed field (MQTT-1.5.3); undefined when it reaches beyond the bytes. */
function fieldAt(bytes: Buffer, at: number): Span | undefined {
  if (at + 2 > bytes.length) return undefined;
  const end = at + 2 + bytes.readUInt16BE(at);
  return end > bytes.length ? undefined : { begin: at + 2, end };
}
