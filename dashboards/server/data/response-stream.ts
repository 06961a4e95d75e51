import type { HttpResponse } from 'uWebSockets.js';
import { setImmediate as turn } from 'node:timers/promises';

/**
 * The body of a response that is sent in pieces. What waits in the socket is one piece at most: the next is taken when the
 * reader has made room, or when nobody reads any more.
 */
export class ResponseStream {
  readonly #response: HttpResponse;
  readonly #closing = new AbortController();
  #wake: () => void = () => {};

  /** To be made before anything is awaited: uWebSockets.js wants to know at once who hears of a connection that ends. */
  constructor(response: HttpResponse) {
    this.#response = response;
    response.onAborted(() => {
      this.#closing.abort();
      this.#wake();
    });
    response.onWritable(() => {
      this.#wake();
      return true;
    });
  }

  get isOpen(): boolean {
    return !this.#closing.signal.aborted;
  }

  /** Writes status and headers, or a whole answer, in one packet. */
  corked(write: (response: HttpResponse) => void): void {
    if (this.isOpen) this.#response.cork(() => write(this.#response));
  }

  /** Resolves when there is room for more: true, or false when the connection is gone. */
  async send(piece: Uint8Array): Promise<boolean> {
    if (!this.isOpen) return false;
    let hasRoom = false;
    const writable = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#response.cork(() => {
      hasRoom = this.#response.write(piece);
    });
    // Others are served between two pieces, however fast the reader is.
    await (hasRoom ? turn() : writable);
    return this.isOpen;
  }

  /** Writes status and headers and nothing else. The connection ends: where none follows, uWebSockets.js takes no further request. */
  endWithoutBody(write: (response: HttpResponse) => void): void {
    this.corked((response) => {
      write(response);
      response.endWithoutBody(undefined, true);
    });
    this.#closing.abort();
  }

  end(): void {
    if (this.isOpen) this.#response.cork(() => this.#response.end());
    this.#closing.abort();
  }

  /** Ends the connection without an end of the body: a reader sees that something is missing. */
  breakOff(): void {
    if (this.isOpen) this.#response.close();
    this.#closing.abort();
    this.#wake();
  }
}
