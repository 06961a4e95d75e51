import { Buffer } from 'node:buffer';
import type { QoS } from '../message.ts';
import { encodePublish, type OutgoingMessage } from './publish-packet.ts';

/** Messages that one kept session holds for its client. Beyond: further ones are not kept for it, and counted. */
export const SESSION_MESSAGES_MAX = 1000;
/** Messages at QoS 1 and 2 that a connection without a kept session has not acknowledged. Beyond: not sent, and counted. */
export const UNACKED_MESSAGES_MAX = 10_000;
/** Subscriptions of one client. Beyond: refused in SUBACK, reason `subscriptions-full`. */
export const SUBSCRIPTIONS_MAX = 1000;

const PACKET_ID_MAX = 65_535;
const NOTHING = Buffer.alloc(0);

/** The acknowledgements that a subscriber sends, by their packet type. */
export type AcknowledgementType = 'PUBACK' | 'PUBREC' | 'PUBCOMP';

/** The connection of a session. */
export interface SubscriberLink {
  /** True while it has more to be written than may wait. */
  readonly isBehind: boolean;
  send(bytes: Uint8Array): void;
}

/** A message at QoS 1 or 2 from when it is for the client until the client has acknowledged it. */
export interface Delivery {
  readonly message: OutgoingMessage;
  /** Place among the messages of the session. */
  readonly order: number;
  /** Its message is held, to be sent again; else only its acknowledgement is awaited. */
  readonly isHeld: boolean;
  /** PUBREC has come: what is sent again is PUBREL (MQTT-4.3.3). */
  isReleased: boolean;
  /** It was sent, or may have been by the process before. */
  wasSent: boolean;
}

/** What sessions have in common. */
export interface SessionOwner {
  /** Makes room for so many bytes that a session holds; false where there is none. */
  reserve(bytes: number): boolean;
  release(bytes: number): void;
  /** What a kept session holds under a packet id has changed. */
  changed(session: Session, packetId: number): void;
  /** A message that was not sent, or not kept. */
  dropped(): void;
}

/** What a client has subscribed to, and the messages that are on their way to it (MQTT-4.1). */
export class Session {
  readonly clientId: string;
  /** True when it outlives the connection. */
  readonly isKept: boolean;
  readonly filters = new Map<string, QoS>();
  /** Box time since when its client is away, microseconds; undefined while it is there. */
  awaySince: number | undefined;
  readonly #owner: SessionOwner;
  readonly #deliveries = new Map<number, Delivery>();
  #held = 0;
  #link: SubscriberLink | undefined;
  #lastId = 0;
  #lastOrder = 0;

  constructor(clientId: string, isKept: boolean, owner: SessionOwner) {
    this.clientId = clientId;
    this.isKept = isKept;
    this.#owner = owner;
  }

  /** True when there is something that a client that comes back would find. */
  get isPresent(): boolean {
    return this.filters.size > 0 || this.#deliveries.size > 0;
  }

  delivery(packetId: number): Delivery | undefined {
    return this.#deliveries.get(packetId);
  }

  /** Takes over what the process before held. Bytes are not reserved for it where there is no room: it is then left out. */
  restore(packetId: number, delivery: Delivery): void {
    if (this.#held >= SESSION_MESSAGES_MAX || !this.#owner.reserve(bytesOf(delivery))) return;
    this.#held++;
    this.#deliveries.set(packetId, delivery);
    this.#lastOrder = Math.max(this.#lastOrder, delivery.order);
    this.#lastId = packetId;
  }

  /**
   * A message for the client: sent at once where it is there, and held until it is acknowledged where it is at QoS 1 or 2 and the
   * session is a kept one. A retained message is sent with its subscription and not held, because it stays where it is.
   * @param granted the best QoS that the client's subscriptions grant
   */
  offer(offered: OutgoingMessage, granted: QoS): void {
    const qos = granted < offered.qos ? granted : offered.qos;
    const message = qos === offered.qos ? offered : { ...offered, qos };
    const link = this.#link;
    const isHeld = this.isKept && qos > 0 && !message.isRetained;
    if (link === undefined && !isHeld) return;
    if (!isHeld && link?.isBehind === true && !message.isRetained) this.#owner.dropped();
    else if (qos === 0) link?.send(encodePublish(message, 0, false));
    else this.#deliver(message, isHeld);
  }

  #deliver(message: OutgoingMessage, isHeld: boolean): void {
    const open = this.#deliveries.size - this.#held;
    const isFull = isHeld ? this.#held >= SESSION_MESSAGES_MAX : open >= UNACKED_MESSAGES_MAX;
    if (isFull || (isHeld && !this.#owner.reserve(message.payload.length + message.topic.length))) {
      this.#owner.dropped();
      return;
    }
    const packetId = this.#nextId();
    const wasSent = this.#link !== undefined;
    const kept = isHeld ? message : { ...message, topic: '', payload: NOTHING };
    this.#deliveries.set(packetId, { message: kept, order: ++this.#lastOrder, isHeld, isReleased: false, wasSent });
    if (isHeld) {
      this.#held++;
      this.#owner.changed(this, packetId);
    }
    this.#link?.send(encodePublish(message, packetId, false));
  }

  /** Packet ids are given when a message is taken, so that it has the same one however often it is sent. */
  #nextId(): number {
    do this.#lastId = (this.#lastId % PACKET_ID_MAX) + 1;
    while (this.#deliveries.has(this.#lastId));
    return this.#lastId;
  }

  /**
   * What the client says of a message. An id that is not known is that of a connection before, or of what was dropped with its
   * session, and is answered so that the client can let go of it.
   * @returns false for an acknowledgement that is not of the message's QoS, or not its turn
   */
  acknowledge(type: AcknowledgementType, packetId: number): boolean {
    const delivery = this.#deliveries.get(packetId);
    const isTwo = delivery?.message.qos === 2;
    switch (type) {
      case 'PUBACK':
        if (isTwo) return false;
        break;
      case 'PUBREC':
        if (delivery !== undefined && !isTwo) return false;
        if (delivery !== undefined) this.#release(packetId, delivery);
        this.#link?.send(pubrel(packetId));
        return true;
      case 'PUBCOMP':
        if (delivery !== undefined && !delivery.isReleased) return false;
        break;
    }
    if (delivery !== undefined) this.#settle(packetId, delivery);
    return true;
  }

  #release(packetId: number, delivery: Delivery): void {
    if (delivery.isReleased) return;
    delivery.isReleased = true;
    if (delivery.isHeld) this.#owner.changed(this, packetId);
  }

  #settle(packetId: number, delivery: Delivery): void {
    this.#deliveries.delete(packetId);
    if (!delivery.isHeld) return;
    this.#held--;
    this.#owner.release(bytesOf(delivery));
    this.#owner.changed(this, packetId);
  }

  /** The client is there: what it has not acknowledged is sent again, in its order (MQTT-4.4.0-1, MQTT-4.6.0-1). */
  attach(link: SubscriberLink): void {
    this.#link = link;
    this.awaySince = undefined;
    const inOrder = [...this.#deliveries].sort(([, a], [, b]) => a.order - b.order);
    for (const [packetId, delivery] of inOrder) {
      if (delivery.isReleased) link.send(pubrel(packetId));
      else link.send(encodePublish(delivery.message, packetId, delivery.wasSent));
      delivery.wasSent = true;
    }
  }

  /** The connection has ended; false where another one took its place before. */
  detach(link: SubscriberLink, now: number): boolean {
    if (this.#link !== link) return false;
    this.#link = undefined;
    this.awaySince = now;
    for (const [packetId, { isHeld }] of this.#deliveries) if (!isHeld) this.#deliveries.delete(packetId);
    return true;
  }

  /** The session is over: it lets go of all it holds. */
  end(): void {
    for (const [packetId, delivery] of this.#deliveries) this.#settle(packetId, delivery);
  }
}

function bytesOf({ message }: Delivery): number {
  return message.payload.length + message.topic.length;
}

function pubrel(packetId: number): Uint8Array {
  return Uint8Array.of(0x62, 2, packetId >> 8, packetId & 0xff);
}
