/** Sessions kept beyond their connection. Beyond: a client connects as if it had asked for a clean one. */
export const SESSIONS_MAX = 256;
/** Messages that one session keeps for its client. Beyond: further ones are not kept for it, and counted. */
export const SESSION_MESSAGES_MAX = 1000;
/** Bytes of payload of all messages kept, all sessions together. Beyond: as above. */
export const SESSION_BYTES_MAX = 32 * 1024 * 1024;

interface Packet {
  readonly cmd?: string;
  readonly brokerCounter?: number;
  readonly messageId?: number | undefined;
  readonly payload?: string | Uint8Array;
}

interface ClientId {
  readonly id: string;
}

/** What the broker library keeps sessions in; the part of it that is watched here. */
export interface SessionStore {
  outgoingEnqueueCombi(subscriptions: readonly { clientId: string }[], packet: Packet): Promise<void>;
  outgoingUpdate(client: ClientId, packet: Packet): Promise<void>;
  outgoingClearMessageId(client: ClientId, packet: Packet): Promise<Packet | undefined>;
}

/** What is kept for one client. */
interface Session {
  messages: number;
  bytes: number;
  /** Bytes of each message that was sent and is not acknowledged, by packet id. */
  readonly sent: Map<number, number>;
  isSubscribed: boolean;
  isOnline: boolean;
  /** Numbers of messages that were not kept, and so are not to be sent either. */
  readonly refused: Set<number>;
}

/**
 * Keeps the account of sessions, which the broker library would keep without end: how many there are, and what each keeps for its
 * client until it is acknowledged.
 */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  #bytes = 0;
  /** Sessions with a subscription. */
  #subscribed = 0;
  /** Clients that asked for a session and got a clean one. */
  refused = 0;
  /** Messages that a session had no room for. */
  dropped = 0;

  /** Watches what `store` keeps from now on. */
  bound(store: SessionStore): void {
    const enqueue = store.outgoingEnqueueCombi.bind(store);
    const update = store.outgoingUpdate.bind(store);
    const clear = store.outgoingClearMessageId.bind(store);
    store.outgoingEnqueueCombi = (subscriptions, packet) =>
      enqueue(
        subscriptions.filter(({ clientId }) => this.#keep(clientId, packet)),
        packet,
      );
    store.outgoingUpdate = async (client, packet) => {
      await update(client, packet);
      const isMessage = packet.messageId !== undefined && packet.cmd === 'publish';
      if (isMessage) this.#sessions.get(client.id)?.sent.set(packet.messageId, sizeOf(packet));
    };
    store.outgoingClearMessageId = async (client, packet) => {
      // Without an id the library would take the first that was not sent yet for one that is not to be sent.
      if (packet.messageId === undefined) return undefined;
      const cleared = await clear(client, packet);
      if (cleared !== undefined) this.#release(client.id, packet.messageId);
      return cleared;
    };
  }

  /** True where someone who is or was here may want what is published. */
  get isListening(): boolean {
    return this.#subscribed > 0;
  }

  /** A client connects; true when its session is kept, or goes on. */
  connect(clientId: string, isClean: boolean): boolean {
    if (isClean) {
      this.#end(clientId);
      return false;
    }
    const known = this.#sessions.get(clientId);
    if (known === undefined && this.#sessions.size >= SESSIONS_MAX) {
      this.refused++;
      return false;
    }
    const session = known ?? {
      ...{ messages: 0, bytes: 0, isSubscribed: false, isOnline: false },
      ...{ sent: new Map(), refused: new Set() },
    };
    this.#sessions.set(clientId, session);
    return true;
  }

  /** Messages are sent to the client as they come, from now on or no more. */
  setOnline(clientId: string, isOnline: boolean): void {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return;
    session.isOnline = isOnline;
    session.refused.clear();
  }

  subscribe(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (session === undefined || session.isSubscribed) return;
    session.isSubscribed = true;
    this.#subscribed++;
  }

  /** False for a message that the client's session had no room for. */
  mayForward(clientId: string, packet: Packet): boolean {
    return this.#sessions.get(clientId)?.refused.delete(packet.brokerCounter ?? 0) !== true;
  }

  #end(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return;
    this.#bytes -= session.bytes;
    if (session.isSubscribed) this.#subscribed--;
    this.#sessions.delete(clientId);
  }

  #keep(clientId: string, packet: Packet): boolean {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return false;
    const bytes = sizeOf(packet);
    if (session.messages >= SESSION_MESSAGES_MAX || this.#bytes + bytes > SESSION_BYTES_MAX) {
      this.dropped++;
      if (session.isOnline) session.refused.add(packet.brokerCounter ?? 0);
      return false;
    }
    session.messages++;
    session.bytes += bytes;
    this.#bytes += bytes;
    return true;
  }

  #release(clientId: string, packetId: number): void {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return;
    const bytes = session.sent.get(packetId) ?? 0;
    session.sent.delete(packetId);
    session.messages--;
    session.bytes -= bytes;
    this.#bytes -= bytes;
  }
}

function sizeOf({ payload = '' }: Packet): number {
  return payload.length;
}
