import type { Pty } from '../serial/pty.ts';

/**
 * What a device has to say on its serial line. What the line does not take at once is held, up to a maximum: then
 * nobody reads any more, and all is dropped and counted until the line takes bytes again, so that the next reader is not
 * given what is old.
 */
export class LineOut {
  /** Pieces dropped because the line took nothing. */
  dropped = 0;
  readonly #pty: Pty;
  readonly #bytesMax: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #stalled = false;

  constructor(pty: Pty, bytesMax: number) {
    this.#pty = pty;
    this.#bytesMax = bytesMax;
  }

  /** Takes over `bytes`. */
  write(bytes: Uint8Array): void {
    this.flush();
    if (this.#held.length === 0 && this.#pty.waitingBytes === 0) {
      this.#pty.write(bytes);
      return;
    }
    if (this.#stalled || this.#heldBytes + bytes.length > this.#bytesMax) {
      this.#stalled = true;
      this.dropped += this.#held.length + 1;
      this.#held = [];
      this.#heldBytes = 0;
      return;
    }
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
  }

  /** Gives the line what it has room for. */
  flush(): void {
    let given = 0;
    while (given < this.#held.length && this.#pty.waitingBytes === 0) {
      const bytes = this.#held[given++];
      if (bytes === undefined) break;
      this.#heldBytes -= bytes.length;
      this.#pty.write(bytes);
    }
    if (given > 0) this.#held = this.#held.slice(given);
    if (this.#pty.waitingBytes === 0) this.#stalled = false;
  }
}
