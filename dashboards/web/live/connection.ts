import { type ClientFrame, decodeServerFrame, encodeClientFrame, type ServerFrame, WIRE_PROTOCOL } from '../../wire.ts';

/** Milliseconds without any frame after which a connection counts as broken; the server sends at least twice a second. */
const SILENCE_MS = 2500;

const PING_MS = 500;

/** Milliseconds in which a page that stood still reads what came meanwhile. */
const UNREAD_MS = 100;

/** Milliseconds before the first and at most before a further try; each has up to a quarter more at random. */
const BACKOFF_LEAST_MS = 250;
const BACKOFF_MOST_MS = 4000;

export type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  /** Both in milliseconds of performance.now(). */
  | { readonly kind: 'waiting'; readonly lostAt: number; readonly retryAt: number };

export interface ConnectionEvents {
  onState(state: ConnectionState): void;
  onFrame(frame: ServerFrame, localMs: number): void;
}

/** The live WebSocket: tries again by itself, with bounded back-off, whenever it is lost. */
export class Connection {
  readonly #url: string;
  readonly #events: ConnectionEvents;
  #socket: WebSocket | undefined;
  #tries = 0;
  #lostAt = 0;
  #lastFrameAt = 0;
  #seenTick = 0;
  #retryTimer = 0;

  constructor(url: string, events: ConnectionEvents) {
    this.#url = url;
    this.#events = events;
    setInterval(() => this.#watch(), PING_MS);
    addEventListener('online', () => this.retryNow());
    addEventListener('pagehide', () => this.#socket?.close());
    addEventListener('pageshow', (event) => {
      if (event.persisted) this.retryNow();
    });
  }

  connect(): void {
    clearTimeout(this.#retryTimer);
    this.#events.onState({ kind: 'connecting' });
    this.#seenTick = 0;
    this.#lastFrameAt = performance.now();
    const socket = new WebSocket(this.#url, WIRE_PROTOCOL);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (event) => this.#receive(socket, event.data);
    socket.onclose = () => this.#lost(socket);
    this.#socket = socket;
  }

  /** Tries at once where it waits for the next try. */
  retryNow(): void {
    if (this.#socket !== undefined) return;
    this.#tries = 0;
    this.connect();
  }

  /** Sends a frame; nothing happens while the connection is down, for on opening everything is said anew. */
  send(frame: ClientFrame): void {
    if (this.#socket?.readyState === WebSocket.OPEN)
      this.#socket.send(encodeClientFrame(frame) as Uint8Array<ArrayBuffer>);
  }

  #receive(socket: WebSocket, data: unknown): void {
    if (socket !== this.#socket || !(data instanceof ArrayBuffer)) return;
    const localMs = performance.now();
    this.#lastFrameAt = localMs;
    try {
      const frame = decodeServerFrame(new Uint8Array(data));
      if (frame.type === 'unknown') return;
      if (frame.type === 'hello') {
        this.#tries = 0;
        this.#events.onState({ kind: 'open' });
      }
      if (frame.type === 'tick') this.#seenTick = frame.number;
      this.#events.onFrame(frame, localMs);
    } catch (error) {
      console.error(error);
      socket.close();
      this.#lost(socket);
    }
  }

  /** @param mayBeUnread a frame may have come that this page has not got to yet */
  #watch(mayBeUnread = true): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    if (performance.now() - this.#lastFrameAt > SILENCE_MS && !document.hidden) {
      if (mayBeUnread) {
        setTimeout(() => this.#watch(false), UNREAD_MS);
        return;
      }
      socket.close();
      this.#lost(socket);
      return;
    }
    this.send({ type: 'ping', token: performance.now(), seenTick: this.#seenTick });
  }

  #lost(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    const now = performance.now();
    if (this.#tries === 0) this.#lostAt = now;
    const backoff = Math.min(BACKOFF_MOST_MS, BACKOFF_LEAST_MS * 2 ** this.#tries) * (1 + Math.random() / 4);
    this.#tries += 1;
    this.#retryTimer = setTimeout(() => this.connect(), backoff);
    this.#events.onState({ kind: 'waiting', lostAt: this.#lostAt, retryAt: now + backoff });
  }
}
