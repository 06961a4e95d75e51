import { Session, type SessionOwner } from './session.ts';

/** Sessions kept beyond their connection. Beyond: the one whose client was away longest gives way, if that is long enough. */
export const SESSIONS_MAX = 256;
/** How long a client must be away for its session to give way to another, microseconds of box time. */
export const GIVES_WAY_US = 24 * 3600 * 1e6;
/** Bytes of all messages that sessions hold, topics included. Beyond: further ones are not kept, and counted. */
export const SESSION_BYTES_MAX = 32 * 1024 * 1024;

/** Told of what changes of the kept sessions: of a session itself, or of what it holds under a packet id. */
export type OnSessionChange = (clientId: string, packetId: number | undefined) => void;

/** The sessions of all clients: those that are kept, by client id, and the account of what they hold. */
export class Sessions implements SessionOwner {
  readonly #kept = new Map<string, Session>();
  readonly #onChange: OnSessionChange;
  /** Told when a session is over, however it came to that. */
  readonly #onEnd: (session: Session) => void;
  #bytes = 0;
  /** Clients that asked for a session and got a clean one. */
  refused = 0;
  /** Sessions that gave way to others. */
  evicted = 0;
  /** Messages that were not sent, or that a session had no room for. */
  droppedMessages = 0;

  constructor(onChange: OnSessionChange, onEnd: (session: Session) => void) {
    this.#onChange = onChange;
    this.#onEnd = onEnd;
  }

  get(clientId: string): Session | undefined {
    return this.#kept.get(clientId);
  }

  all(): Iterable<Session> {
    return this.#kept.values();
  }

  /** The session of a client that was let in: a kept one goes on, or is over where the client asks for a clean one. */
  open(clientId: string, isClean: boolean, now: number): Session {
    const known = this.#kept.get(clientId);
    if (!isClean && known !== undefined) return known;
    if (known !== undefined) this.#end(known);
    const isKept = !isClean && this.#makeRoom(now);
    const session = new Session(clientId, isKept, this);
    if (isKept) this.#kept.set(clientId, session);
    else if (!isClean) this.refused++;
    return session;
  }

  /** Takes over a session of the process before. */
  restore(clientId: string): Session | undefined {
    if (this.#kept.size >= SESSIONS_MAX) return undefined;
    const session = new Session(clientId, true, this);
    this.#kept.set(clientId, session);
    return session;
  }

  /** A session itself has changed: its subscriptions, or since when its client is away. */
  touched(session: Session): void {
    if (session.isKept) this.#onChange(session.clientId, undefined);
  }

  reserve(bytes: number): boolean {
    if (this.#bytes + bytes > SESSION_BYTES_MAX) return false;
    this.#bytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }

  changed(session: Session, packetId: number): void {
    this.#onChange(session.clientId, packetId);
  }

  dropped(): void {
    this.droppedMessages++;
  }

  #makeRoom(now: number): boolean {
    if (this.#kept.size < SESSIONS_MAX) return true;
    let longest: Session | undefined;
    for (const session of this.#kept.values()) {
      if (session.awaySince === undefined || session.awaySince > now - GIVES_WAY_US) continue;
      if (longest === undefined || session.awaySince < (longest.awaySince ?? 0)) longest = session;
    }
    if (longest === undefined) return false;
    this.evicted++;
    this.#end(longest);
    return true;
  }

  #end(session: Session): void {
    session.end();
    this.#kept.delete(session.clientId);
    this.#onEnd(session);
    this.touched(session);
  }
}
