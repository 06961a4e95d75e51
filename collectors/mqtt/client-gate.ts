import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { MqttLimits } from './config.ts';
import { FramingError, PacketFramer, type WirePacket } from './packet-framer.ts';
import {
  DISCONNECT,
  type GuardReason,
  inspectConnect,
  inspectFilters,
  inspectPublish,
  PINGREQ,
  PUBLISH,
  PUBREL,
  SUBSCRIBE,
  simplifyConnect,
  UNSUBSCRIBE,
} from './packet-rules.ts';

/** Bytes that may wait to be written to one client. Beyond: forwarded messages are dropped and it is not read on. */
export const CLIENT_BACKLOG_BYTES_MAX = 256 * 1024;
/** Messages and bytes at QoS 2 of one client that may await their PUBREL. Beyond: closed, reason `qos2-window`. */
export const QOS2_WINDOW_MAX = 4096;
export const QOS2_WINDOW_BYTES_MAX = 4 * 1024 * 1024;
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
  /** Told once, when CONNECT was accepted by the gate, before the broker sees it. */
  connecting(gate: ClientGate): void;
}

/**
 * Stands between a socket and the broker library, which sees only whole packets that keep the rules. It hands them over
 * one `readable` event each: the library reads on at every such event, so that many messages of a client await their
 * commit at once, where a stream would give it the next bytes only after all messages of the last ones are done.
 */
export class ClientGate extends Duplex {
  /** Client identifier as the client gave it; empty when it gave none. */
  clientId = '';
  /** Address of the peer. */
  readonly remote: string;
  /** True once the client said goodbye with DISCONNECT. */
  goodbye = false;
  /** True while messages without the DUP flag may be repeats: after a lost connection, until the first that is none. */
  resuming = false;
  /** Messages handed over that are not acknowledged yet. */
  inflight = 0;
  /** Digest of each QoS 2 message, by packet id, until its PUBREL. */
  readonly unreleased = new Map<number, string>();

  readonly #socket: Socket;
  readonly #owner: GateOwner;
  readonly #framer: PacketFramer;
  readonly #held: Buffer[] = [];
  #state: 'connect' | 'connecting' | 'open' = 'connect';
  #paused = false;
  #ended = false;
  #pumping = false;
  #unreleasedBytes = 0;
  readonly #unreleasedSizes = new Map<number, number>();
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

  /** Remembers a QoS 2 message until its PUBREL. */
  awaitRelease(packetId: number, digest: string, bytes: number): void {
    this.#unreleasedBytes += bytes - (this.#unreleasedSizes.get(packetId) ?? 0);
    this.#unreleasedSizes.set(packetId, bytes);
    this.unreleased.set(packetId, digest);
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
        if (packet.flags !== 2 || packet.bytes.length !== 4) break;
        this.#release(packet.bytes.readUInt16BE(2));
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
    simplifyConnect(packet, connect);
    this.clientId = connect.clientId;
    this.#keepAliveMs = connect.keepAliveS * 1500;
    this.#state = 'connecting';
    this.#owner.connecting(this);
    this.#deliver(packet);
  }

  #takePublish(packet: WirePacket): void {
    const { qos, packetId, topic, fault } = inspectPublish(packet, this.#owner.limits);
    if (fault?.action === 'close') {
      this.close(fault.reason);
      return;
    }
    if (fault !== undefined) {
      this.#owner.refused(fault.reason, topic);
      this.#acknowledge(qos, packetId);
      return;
    }
    if (qos === 2 && !this.unreleased.has(packetId)) {
      if (this.unreleased.size >= QOS2_WINDOW_MAX || this.#unreleasedBytes >= QOS2_WINDOW_BYTES_MAX) {
        this.close('qos2-window');
        return;
      }
    }
    this.#deliver(packet);
  }

  /** Acknowledges a message that was stepped over: PUBACK, or PUBREC, whose PUBREL the broker then completes. */
  #acknowledge(qos: 0 | 1 | 2, packetId: number): void {
    if (qos === 0) return;
    this.write(new Uint8Array([qos === 1 ? 0x40 : 0x50, 2, packetId >> 8, packetId & 0xff]));
  }

  #release(packetId: number): void {
    this.unreleased.delete(packetId);
    this.#unreleasedBytes -= this.#unreleasedSizes.get(packetId) ?? 0;
    this.#unreleasedSizes.delete(packetId);
  }

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
