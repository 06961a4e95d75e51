import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { MqttLimits } from './config.ts';
import type { AcknowledgementType, Session, SubscriberLink } from './distribution/session.ts';
import { Message, type Sender } from './message.ts';
import { FramingError, PacketFramer, type WirePacket } from './packet-framer.ts';
import {
  DISCONNECT,
  type FilterRequest,
  FLAG_DUP,
  FLAG_RETAIN,
  type GuardReason,
  inspectConnect,
  inspectFilters,
  inspectPublish,
  PINGREQ,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  SUBSCRIBE,
  simplifyConnect,
  UNSUBSCRIBE,
} from './packet-rules.ts';
import type { TopicNames } from './topic-names.ts';

/** Bytes that may wait to be written to one client. Beyond: forwarded messages are dropped and it is not read on. */
export const CLIENT_BACKLOG_BYTES_MAX = 256 * 1024;
/** Messages at QoS 2 of one client that may await their PUBREL. Beyond: closed, reason `qos2-window`. */
export const QOS2_WINDOW_MAX = 4096;
/** How long a closed connection may take to flush its last bytes, milliseconds. */
const CLOSE_GRACE_MS = 1000;
/** TCP probes after that silence, milliseconds, so that a client without keep-alive that vanished is noticed. */
const TCP_KEEPALIVE_MS = 30_000;
/** Retained messages sent, or steps of the search for them, in one turn of the event loop. */
const FEED_STEPS = 256;
const PINGRESP_PACKET = Uint8Array.of(0xd0, 0);
const UNSUBACK_BYTE = 0xb0;
const SUBACK_BYTE = 0x90;
const ACKNOWLEDGEMENTS: Readonly<Record<number, AcknowledgementType>> = {
  [PUBACK]: 'PUBACK',
  [PUBREC]: 'PUBREC',
  [PUBCOMP]: 'PUBCOMP',
};

/** What a gate needs from its owner. */
export interface GateOwner {
  readonly limits: MqttLimits;
  /** False while no further message may be taken, because too many bytes wait for their commit. */
  canTake(): boolean;
  /** Told of everything that was refused; `place` is the topic, or the client where there is none. */
  refused(reason: GuardReason, place?: string): void;
  /** Topics of the messages that come. */
  readonly topics: TopicNames;
  /** Takes a message that keeps the rules; at QoS 1 and 2 the gate hears of it by {@link ClientGate.settled}. */
  published(gate: ClientGate, message: Message, maybeRepeat: boolean): void;
  /** A message of QoS 1 or 2 is durable, for the first time. */
  settled(message: Message): void;
  /** What a client subscribes to; the return code of each (MQTT-3.9.3). */
  subscribed(gate: ClientGate, requests: readonly FilterRequest[]): readonly number[];
  unsubscribed(gate: ClientGate, requests: readonly FilterRequest[]): void;
  /** Sends the client the retained messages of its new subscriptions, one a step. */
  sendRetained(gate: ClientGate, requests: readonly FilterRequest[]): Iterator<void>;
}

/**
 * Stands between a socket and the broker library, which sees only whole packets that keep the rules. What the client publishes
 * does not go through the library: it is handed to the owner, many messages awaiting their commit at once, and acknowledged here,
 * all that became durable together by one write. Neither do subscriptions, nor what is sent to the client for them.
 */
export class ClientGate extends Duplex implements Sender, SubscriberLink {
  /** Client identifier as the client gave it; empty when it gave none. */
  clientId = '';
  /** Address of the peer. */
  readonly remote: string;
  /** True once the client said goodbye with DISCONNECT. */
  goodbye = false;
  /** True while messages without the DUP flag may be repeats: after a lost connection, until the first that is none. */
  resuming = false;
  /** True where the client asked for a session that ends with the connection. */
  isClean = true;
  /** What it has subscribed to, once it was let in. */
  session: Session | undefined;
  /** What tells the messages of this client from those of others. */
  identity: Buffer = Buffer.alloc(0);
  /** Messages handed over that are not acknowledged yet. */
  inflight = 0;

  readonly #socket: Socket;
  readonly #owner: GateOwner;
  readonly #framer: PacketFramer;
  readonly #held: Buffer[] = [];
  #state: 'connect' | 'connecting' | 'open' | 'leaving' = 'connect';
  /** Retained messages that are still to be sent: the client is not read on before. */
  #feed: Iterator<void> | undefined;
  #paused = false;
  #ended = false;
  #pumping = false;
  /** Packet ids of messages at QoS 2 until their PUBREL. */
  readonly #unreleased = new Set<number>();
  /** Packet id and kind of each acknowledgement to be sent at the end of this turn. */
  #acks: Message[] = [];
  #keepAliveMs = 0;
  #lastHeardMs = performance.now();
  #lastWrittenMs = performance.now();

  constructor(socket: Socket, owner: GateOwner) {
    super({ writableHighWaterMark: CLIENT_BACKLOG_BYTES_MAX });
    this.#socket = socket;
    this.#owner = owner;
    this.remote = socket.remoteAddress ?? '';
    // Enough of a packet that is too large to read its topic and packet id.
    this.#framer = new PacketFramer(owner.limits.packetBytesMax, 5 + 2 + owner.limits.topicBytesMax + 2);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    socket.on('data', (chunk: Buffer) => {
      this.#lastHeardMs = performance.now();
      this.#framer.feed(chunk);
      this.pump();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.pump();
    });
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.destroy());
  }

  /** Who the client is, for people. */
  get peer(): string {
    return this.clientId === '' ? this.remote : `client ${this.clientId} at ${this.remote}`;
  }

  /** True while the client is not read on, because something must be acknowledged or flushed first. */
  get held(): boolean {
    return this.#paused;
  }

  /** True while the client's first packet has not come. */
  get silent(): boolean {
    return this.#state === 'connect';
  }

  /** Milliseconds since the client should have been heard of; above 0 it is overdue. Never while it is held back by us. */
  overdueMs(): number {
    if (this.#keepAliveMs === 0 || this.#paused) return 0;
    return performance.now() - this.#lastHeardMs - this.#keepAliveMs;
  }

  /** The broker has accepted the client: what it sent behind its CONNECT may follow. */
  open(): void {
    this.#state = 'open';
    this.pump();
  }

  get isBehind(): boolean {
    return this.writableNeedDrain;
  }

  /** Milliseconds for which the client has read nothing of what waits for it; 0 while it keeps up. */
  get stalledMs(): number {
    return this.writableNeedDrain ? performance.now() - this.#lastWrittenMs : 0;
  }

  send(bytes: Uint8Array): void {
    if (this.destroyed) return;
    // Of a client that kept up the time begins now.
    if (!this.writableNeedDrain) this.#lastWrittenMs = performance.now();
    this.write(bytes);
  }

  /** Its messages are acknowledged at the end of the turn, all by one write. */
  settled(message: Message, error?: Error): void {
    this.inflight--;
    if (error !== undefined) this.destroy();
    else if (message.use !== 'skip') this.#owner.settled(message);
    // Whoever is gone sends it again, and is then acknowledged.
    if (this.destroyed) return;
    if (this.#acks.push(message) === 1) queueMicrotask(this.#acknowledge);
  }

  /** Hands over packets as long as there is room; to be called again when room was made. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#mayRead()) {
        const packet = this.#framer.next();
        if (packet === undefined) {
          this.#resume();
          if (this.#ended) this.destroy();
          return;
        }
        this.#take(packet);
      }
      this.#pause();
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      this.close('packet-malformed');
    } finally {
      this.#pumping = false;
    }
  }

  #mayRead(): boolean {
    if (this.destroyed || this.#state === 'connecting' || this.#state === 'leaving') return false;
    if (this.#feed !== undefined) return false;
    return this.inflight < this.#owner.limits.inflightMax && !this.writableNeedDrain && this.#owner.canTake();
  }

  #take(packet: WirePacket): void {
    if (this.#state === 'connect') {
      this.#takeConnect(packet);
      return;
    }
    switch (packet.type) {
      case PUBLISH:
        this.#takePublish(packet);
        return;
      case SUBSCRIBE:
      case UNSUBSCRIBE:
        this.#takeFilters(packet);
        return;
      case PUBREL:
        if (packet.flags !== 2 || packet.bytes.length !== 4 || packet.bytes.readUInt16BE(2) === 0) break;
        this.#release(packet.bytes.readUInt16BE(2));
        return;
      case PUBACK:
      case PUBREC:
      case PUBCOMP:
        if (packet.flags !== 0 || packet.bytes.length !== 4 || packet.bytes.readUInt16BE(2) === 0) break;
        this.#takeAcknowledgement(packet.type, packet.bytes.readUInt16BE(2));
        return;
      case PINGREQ:
        if (packet.flags !== 0 || packet.bytes.length !== 2) break;
        this.send(PINGRESP_PACKET);
        return;
      case DISCONNECT:
        if (packet.flags !== 0 || packet.bytes.length !== 2) break;
        this.goodbye = true;
        this.#state = 'leaving';
        this.#deliver(packet);
        return;
      default:
        this.close('packet-type');
        return;
    }
    this.close('packet-malformed');
  }

  #takeConnect(packet: WirePacket): void {
    const verdict = inspectConnect(packet, this.#owner.limits);
    if (!('connect' in verdict)) {
      if (verdict.connack !== undefined) this.#socket.write(new Uint8Array([0x20, 2, 0, verdict.connack]));
      this.close(verdict.reason);
      return;
    }
    const { connect } = verdict;
    this.clientId = connect.clientId;
    const name = this.clientId === '' ? `at ${this.remote}` : `id ${this.clientId}`;
    this.identity = Buffer.from(`${Buffer.byteLength(name)} ${name} `);
    this.#keepAliveMs = connect.keepAliveS * 1500;
    this.#state = 'connecting';
    this.isClean = connect.isClean;
    simplifyConnect(packet, connect);
    this.#deliver(packet);
  }

  /** Every filter has its return code, in its place (MQTT-3.8.4-5). */
  #takeFilters(packet: WirePacket): void {
    const verdict = inspectFilters(packet, this.#owner.limits);
    if ('fault' in verdict) {
      this.close(verdict.fault);
      return;
    }
    const { packetId, requests } = verdict;
    const id = [packetId >> 8, packetId & 0xff];
    if (packet.type === UNSUBSCRIBE) {
      this.#owner.unsubscribed(this, requests);
      this.send(Uint8Array.of(UNSUBACK_BYTE, 2, ...id));
      return;
    }
    const codes = this.#owner.subscribed(this, requests);
    const length = codes.length + 2;
    const lengthBytes = length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
    this.send(Uint8Array.of(SUBACK_BYTE, ...lengthBytes, ...id, ...codes));
    this.#feed = this.#owner.sendRetained(this, requests);
    this.#feedOn();
  }

  /** Sends retained messages as long as the client keeps up; called again when it has caught up. */
  #feedOn(): void {
    for (let step = 0; this.#feed !== undefined; step++) {
      if (this.destroyed) this.#feed = undefined;
      else if (this.writableNeedDrain) return;
      else if (step === FEED_STEPS) {
        setImmediate(() => this.#goOn());
        return;
      } else if (this.#feed.next().done === true) this.#feed = undefined;
    }
  }

  /** There is room again: first for what the client was promised, then for more of what it says. */
  #goOn(): void {
    this.#feedOn();
    if (this.#feed === undefined) this.pump();
  }

  #takeAcknowledgement(type: number, packetId: number): void {
    const kind = ACKNOWLEDGEMENTS[type];
    if (kind !== undefined && this.session?.acknowledge(kind, packetId) === false) this.close('acknowledgement-kind');
  }

  #takePublish(packet: WirePacket): void {
    const { qos, packetId, topic, payloadAt, fault } = inspectPublish(packet, this.#owner.topics);
    if (fault?.action === 'close') {
      this.close(fault.reason);
      return;
    }
    const { bytes, bodyAt, flags } = packet;
    const sender = qos === 0 ? undefined : this;
    const message = new Message(bytes, bodyAt, payloadAt, topic, qos, packetId, (flags & FLAG_RETAIN) !== 0, sender);
    if (fault !== undefined) {
      this.#owner.refused(fault.reason, topic);
      message.use = 'skip';
    }
    const isAgain = qos === 2 && this.#awaitRelease(message);
    if (this.destroyed) return;
    if (qos > 0) this.inflight++;
    this.#owner.published(this, message, (flags & FLAG_DUP) !== 0 || isAgain);
  }

  /** Remembers a QoS 2 message until its PUBREL. True when one came under its packet id before. */
  #awaitRelease(message: Message): boolean {
    if (this.#unreleased.has(message.packetId)) return true;
    if (this.#unreleased.size >= QOS2_WINDOW_MAX) this.close('qos2-window');
    this.#unreleased.add(message.packetId);
    return false;
  }

  /** PUBREL is answered by PUBCOMP, whether or not its message is known (MQTT-4.3.3). */
  #release(packetId: number): void {
    this.#unreleased.delete(packetId);
    this.send(Uint8Array.of(0x70, 2, packetId >> 8, packetId & 0xff));
  }

  readonly #acknowledge = (): void => {
    const acks = this.#acks;
    this.#acks = [];
    if (this.destroyed) return;
    const bytes = Buffer.allocUnsafe(acks.length * 4);
    let at = 0;
    for (const { qos, packetId } of acks) {
      bytes[at] = qos === 1 ? 0x40 : 0x50;
      bytes[at + 1] = 2;
      bytes[at + 2] = packetId >> 8;
      bytes[at + 3] = packetId & 0xff;
      at += 4;
    }
    this.send(bytes);
  };

  #deliver(packet: WirePacket): void {
    this.#held.push(packet.bytes);
    this.emit('readable');
  }

  /** Closes the connection for a reason that is counted. */
  close(reason: GuardReason): void {
    if (this.destroyed) return;
    this.#owner.refused(reason, this.peer);
    this.destroy();
  }

  #pause(): void {
    if (this.#paused || this.destroyed) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #resume(): void {
    if (!this.#paused || this.destroyed) return;
    this.#paused = false;
    this.#lastHeardMs = performance.now();
    this.#socket.resume();
  }

  /** What the library calls at every `readable`: one packet, or null. */
  override read(): Buffer | null {
    return this.#held.shift() ?? null;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, () => this.#written(done));
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.cork();
    const last = chunks.length - 1;
    for (const [index, { chunk }] of chunks.entries()) {
      if (index === last) this.#socket.write(chunk, () => this.#written(done));
      else this.#socket.write(chunk);
    }
    this.#socket.uncork();
  }

  #written(done: () => void): void {
    this.#lastWrittenMs = performance.now();
    done();
    if (this.#paused && !this.writableNeedDrain) this.#goOn();
  }

  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    this.#held.length = 0;
    this.#socket.destroySoon();
    setTimeout(() => this.#socket.destroy(), CLOSE_GRACE_MS).unref();
    done(null);
  }
}
