import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { MqttLimits } from './config.ts';
import { Message, type QoS, type Sender } from './message.ts';
import { FramingError, PacketFramer, type WirePacket } from './packet-framer.ts';
import {
  DISCONNECT,
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
import { matchFilter } from './topic-rules.ts';

/** Bytes that may wait to be written to one client. Beyond: forwarded messages are dropped and it is not read on. */
export const CLIENT_BACKLOG_BYTES_MAX = 256 * 1024;
/** Messages at QoS 2 of one client that may await their PUBREL. Beyond: closed, reason `qos2-window`. */
export const QOS2_WINDOW_MAX = 4096;
/** How long a closed connection may take to flush its last bytes, milliseconds. */
const CLOSE_GRACE_MS = 1000;
/** TCP probes after that silence, milliseconds, so that a client without keep-alive that vanished is noticed. */
const TCP_KEEPALIVE_MS = 30_000;

/** What a gate needs from its owner. */
export interface GateOwner {
  readonly limits: MqttLimits;
  /** False while no further message may be taken, because too many bytes wait for their commit. */
  canTake(): boolean;
  /** Told of everything that was refused; `topic` where it is known. */
  refused(reason: GuardReason, topic?: string): void;
  /** Topics of the messages that come. */
  readonly topics: TopicNames;
  /** Takes a message that keeps the rules; at QoS 1 and 2 the gate hears of it by {@link ClientGate.settled}. */
  published(gate: ClientGate, message: Message, maybeRepeat: boolean): void;
  /** A message of QoS 1 or 2 is durable, for the first time. */
  settled(message: Message): void;
  /** Told once, when CONNECT was accepted by the gate, before the broker sees it. True when the session is to be kept. */
  connecting(gate: ClientGate, isClean: boolean): boolean;
}

/**
 * Stands between a socket and the broker library, which sees only whole packets that keep the rules. What the client publishes
 * does not go through the library: it is handed to the owner, many messages awaiting their commit at once, and acknowledged here,
 * all that became durable together by one write.
 */
export class ClientGate extends Duplex implements Sender {
  /** Client identifier as the client gave it; empty when it gave none. */
  clientId = '';
  /** Address of the peer. */
  readonly remote: string;
  /** True once the client said goodbye with DISCONNECT. */
  goodbye = false;
  /** True while messages without the DUP flag may be repeats: after a lost connection, until the first that is none. */
  resuming = false;
  /** True when the session outlives the connection. */
  keepsSession = false;
  /** What tells the messages of this client from those of others. */
  identity: Buffer = Buffer.alloc(0);
  /** What the client has subscribed to, by filter. */
  readonly granted = new Map<string, { readonly levels: readonly string[]; readonly qos: QoS }>();
  /** Messages handed over that are not acknowledged yet. */
  inflight = 0;

  readonly #socket: Socket;
  readonly #owner: GateOwner;
  readonly #framer: PacketFramer;
  readonly #held: Buffer[] = [];
  #state: 'connect' | 'connecting' | 'open' = 'connect';
  #paused = false;
  #ended = false;
  #pumping = false;
  /** Packet ids of messages at QoS 2 until their PUBREL. */
  readonly #unreleased = new Set<number>();
  /** Packet id and kind of each acknowledgement to be sent at the end of this turn. */
  #acks: Message[] = [];
  #keepAliveMs = 0;
  #lastHeardMs = performance.now();

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

  /** The QoS at which a message of `qos` goes to this client: no more than the best of its subscriptions to it grants. */
  grantedQos(topic: string, qos: QoS): QoS {
    const levels = topic.split('/');
    let granted: QoS = 0;
    for (const subscription of this.granted.values()) {
      if (subscription.qos > granted && matchFilter(subscription.levels, levels) !== undefined)
        granted = subscription.qos;
    }
    return granted < qos ? granted : qos;
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
    if (this.destroyed || this.#state === 'connecting') return false;
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
      case UNSUBSCRIBE: {
        const fault = packet.flags === 2 ? inspectFilters(packet, this.#owner.limits) : 'subscribe-malformed';
        if (fault === undefined) this.#deliver(packet);
        else this.close(fault);
        return;
      }
      case PUBREL:
        if (packet.flags !== 2 || packet.bytes.length !== 4 || packet.bytes.readUInt16BE(2) === 0) break;
        this.#release(packet.bytes.readUInt16BE(2));
        return;
      case PUBACK:
      case PUBREC:
      case PUBCOMP:
        if (packet.flags !== 0 || packet.bytes.length !== 4 || packet.bytes.readUInt16BE(2) === 0) break;
        this.#deliver(packet);
        return;
      case PINGREQ:
      case DISCONNECT:
        if (packet.flags !== 0 || packet.bytes.length !== 2) break;
        if (packet.type === DISCONNECT) this.goodbye = true;
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
    this.keepsSession = this.#owner.connecting(this, connect.isClean);
    simplifyConnect(packet, connect, !this.keepsSession);
    this.#deliver(packet);
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
    this.write(Uint8Array.of(0x70, 2, packetId >> 8, packetId & 0xff));
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
    this.write(bytes);
  };

  #deliver(packet: WirePacket): void {
    this.#held.push(packet.bytes);
    this.emit('readable');
  }

  /** Closes the connection for a reason that is counted. */
  close(reason: GuardReason): void {
    if (this.destroyed) return;
    this.#owner.refused(reason);
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
    done();
    if (this.#paused && !this.writableNeedDrain) this.pump();
  }

  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    this.#held.length = 0;
    this.#socket.destroySoon();
    setTimeout(() => this.#socket.destroy(), CLOSE_GRACE_MS).unref();
    done(null);
  }
}
