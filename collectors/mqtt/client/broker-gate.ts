import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Message, Sender } from '../message.ts';
import { FramingError, PacketFramer, type WirePacket } from '../packet-framer.ts';
import { CONNACK, type GuardReason, PINGREQ, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL } from '../packet-rules.ts';
import type { TopicNames } from '../topic-names.ts';
import type { MqttClientLimits } from './client-config.ts';
import { readPublish } from './incoming-publish.ts';

const PUBACK_BYTE = PUBACK << 4;
const PUBREC_BYTE = PUBREC << 4;
const PUBCOMP_BYTE = PUBCOMP << 4;
/** Bytes of an acknowledgement that gives no reason: the same in MQTT 3.1.1 and 5. */
const ACK_BYTES = 4;
const PINGREQ_BYTE = PINGREQ << 4;
const PINGRESP_PACKET = Uint8Array.of(0xd0, 0);
/** How long a closed connection may take to flush its last bytes, milliseconds. */
const CLOSE_GRACE_MS = 1000;

/** What a gate needs from its owner. */
export interface BrokerGateOwner {
  readonly limits: MqttClientLimits;
  readonly version: '3.1.1' | 5;
  /** Topics of the messages that come. */
  readonly topics: TopicNames;
  /** What tells the messages of this broker from those of others. */
  readonly identity: Buffer;
  /** False while no further message may be taken, because too many bytes wait for their commit. */
  canTake(): boolean;
  /** A message; at QoS 1 and 2 the gate hears of it by {@link BrokerGate.settled}. */
  received(message: Message, isRepeat: boolean): void;
  /** A message will never be stored. */
  failed(gate: BrokerGate, error: Error): void;
  /** The broker has let go of a message of QoS 2: its packet id is free. */
  released(packetId: number): void;
  /** Told of everything that was refused. */
  refused(reason: GuardReason, topic?: string): void;
}

/**
 * Stands between a socket and the client library, which takes one message at a time and would wait for the commit of
 * each before it reads the next. Messages go to the owner and are acknowledged from there, many at once; all other
 * packets pass.
 */
export class BrokerGate extends Duplex implements Sender {
  readonly identity: Buffer;
  /** Why the connection ended, where this end knows. */
  problem: Error | undefined;

  readonly #socket: Socket;
  readonly #owner: BrokerGateOwner;
  readonly #framer: PacketFramer;
  /** Messages handed over that are not acknowledged yet. */
  #inflight = 0;
  /** CONNACK has come: nothing may come before (MQTT-3.2.0-1). */
  #isAnswered = false;
  #isLibraryFull = false;
  #isPaused = false;
  #isEnded = false;
  #isPumping = false;
  /** Acknowledgements to be sent at the end of this turn. */
  #acks: Message[] = [];

  constructor(socket: Socket, owner: BrokerGateOwner) {
    super();
    this.identity = owner.identity;
    this.#socket = socket;
    this.#owner = owner;
    const { packetBytesMax, topicBytesMax } = owner.limits;
    // Enough of a packet that is too large to read its topic and packet id.
    this.#framer = new PacketFramer(packetBytesMax, 5 + 2 + topicBytesMax + 2);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      if (!this.#isAnswered && isTlsAlert(chunk)) {
        this.close(new Error('it speaks TLS on this port; set tls, or take the port for connections without'));
        return;
      }
      this.#framer.feed(chunk);
      this.pump();
    });
    socket.on('drain', () => this.pump());
    socket.on('end', () => {
      this.#isEnded = true;
      this.pump();
    });
    socket.on('error', (error) => {
      this.problem ??= error;
      this.destroy();
    });
    socket.on('close', () => this.destroy());
  }

  /** Takes packets as long as there is room; to be called again when room was made. */
  pump(): void {
    if (this.#isPumping || this.destroyed) return;
    this.#isPumping = true;
    try {
      while (this.#mayRead()) {
        const packet = this.#framer.next();
        if (packet === undefined) {
          this.#pause(false);
          if (this.#isEnded) this.destroy();
          return;
        }
        this.#take(packet);
      }
      this.#pause(true);
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      this.#refuse('packet-malformed');
    } finally {
      this.#isPumping = false;
    }
  }

  /** Its messages are acknowledged at the end of the turn, all by one write. */
  settled(message: Message, error?: Error): void {
    this.#inflight--;
    if (error !== undefined) this.#owner.failed(this, error);
    else if (!this.destroyed && this.#acks.push(message) === 1) queueMicrotask(this.#acknowledge);
  }

  /** Ends the connection; what is not acknowledged comes again. */
  close(problem: Error): void {
    this.problem ??= problem;
    this.destroy();
  }

  #mayRead(): boolean {
    if (this.destroyed || this.#isLibraryFull || this.#socket.writableNeedDrain) return false;
    return this.#inflight < this.#owner.limits.inflightMax && this.#owner.canTake();
  }

  #take(packet: WirePacket): void {
    if (packet.type === CONNACK) this.#isAnswered = true;
    if (!this.#isAnswered) this.#refuse('packet-malformed');
    else if (packet.type === PUBLISH) this.#takePublish(packet);
    else if (packet.oversized) this.#refuse('packet-too-large');
    else if (packet.type === PUBREL) this.#takeRelease(packet);
    else this.#isLibraryFull = !this.push(packet.bytes);
  }

  #takePublish(packet: WirePacket): void {
    const reading = readPublish(packet, this.#owner.version, this.#owner.topics, this);
    if ('fault' in reading) {
      this.#refuse(reading.fault);
      return;
    }
    const { message, isRepeat, skipped } = reading;
    if (skipped !== undefined) this.#owner.refused(skipped, message.topic);
    if (message.sender !== undefined) this.#inflight++;
    this.#owner.received(message, isRepeat);
  }

  #takeRelease({ bytes, bodyAt, flags }: WirePacket): void {
    if (flags !== 2 || bytes.length < bodyAt + 2) {
      this.#refuse('packet-malformed');
      return;
    }
    const packetId = bytes.readUInt16BE(bodyAt);
    this.#owner.released(packetId);
    this.#socket.write(Uint8Array.of(PUBCOMP_BYTE, 2, packetId >> 8, packetId & 0xff));
  }

  readonly #acknowledge = (): void => {
    const acks = this.#acks;
    this.#acks = [];
    if (this.destroyed) return;
    const bytes = Buffer.allocUnsafe(acks.length * ACK_BYTES);
    for (const [index, { qos, packetId }] of acks.entries()) {
      bytes[index * ACK_BYTES] = qos === 1 ? PUBACK_BYTE : PUBREC_BYTE;
      bytes[index * ACK_BYTES + 1] = 2;
      bytes.writeUInt16BE(packetId, index * ACK_BYTES + 2);
    }
    this.#socket.write(bytes);
  };

  #refuse(reason: GuardReason): void {
    this.#owner.refused(reason);
    this.close(new Error(`the broker sent what is no MQTT (${reason})`));
  }

  #pause(isPaused: boolean): void {
    if (this.#isPaused === isPaused || this.destroyed) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#socket.pause();
    else this.#socket.resume();
  }

  override _read(): void {
    if (!this.#isLibraryFull) return;
    this.#isLibraryFull = false;
    this.pump();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // The answer to a ping would stand behind messages that are not read on yet: while they wait, nobody is gone.
    if (this.#isPaused && chunk.length === 2 && chunk[0] === PINGREQ_BYTE) this.push(PINGRESP_PACKET);
    this.#socket.write(chunk, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroySoon();
    setTimeout(() => this.#socket.destroy(), CLOSE_GRACE_MS).unref();
    done(null);
  }
}

/** True where what comes is how TLS refuses (RFC 8446, 5.1 and 6), which no packet of a broker begins like. */
function isTlsAlert(bytes: Uint8Array): boolean {
  return bytes[0] === 0x15 && bytes[1] === 0x03;
}
