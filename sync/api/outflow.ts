import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js';

/** A call that is answered with a stream. */
export type OutgoingCall<Message> = ServerWritableStream<unknown, Message> | ServerDuplexStream<unknown, Message>;

/**
 * The server's end of a stream. Messages leave one after the other; a sender that waits for {@link Outflow.send} never has
 * more than `inFlightMax` messages between itself and the wire, however slowly the reader takes them.
 */
export class Outflow<Message> {
  readonly #call: OutgoingCall<Message>;
  readonly #inFlightMax: number;
  readonly #closing = new AbortController();
  #inFlight = 0;
  /** Senders that wait for room: there may be several, such as one of rows and one of how far it is. */
  #waiting: (() => void)[] = [];

  /** @param stopped aborted when the server stops */
  constructor(call: OutgoingCall<Message>, inFlightMax: number, stopped: AbortSignal) {
    this.#call = call;
    this.#inFlightMax = inFlightMax;
    const close = () => {
      this.#closing.abort();
      this.#wake();
    };
    call.once('cancelled', close);
    call.once('close', close);
    if (stopped.aborted) close();
    stopped.addEventListener('abort', close, { once: true });
    this.#closing.signal.addEventListener('abort', () => stopped.removeEventListener('abort', close), { once: true });
  }

  /** Aborted when nobody reads any more or the server stops. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  get isOpen(): boolean {
    return !this.#closing.signal.aborted && !this.#call.cancelled;
  }

  /** Resolves when there is room for another message: true, or false when the stream is closed. */
  async send(message: Message): Promise<boolean> {
    if (!this.isOpen) return false;
    this.#inFlight += 1;
    this.#call.write(message, () => {
      this.#inFlight -= 1;
      this.#wake();
    });
    while (this.#inFlight >= this.#inFlightMax && this.isOpen) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.isOpen;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Resolves after `delayMs`, or at once when the stream closes. */
  async pause(delayMs: number): Promise<void> {
    if (!this.isOpen) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.closed.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, delayMs);
      this.closed.addEventListener('abort', wake, { once: true });
    });
  }
}
