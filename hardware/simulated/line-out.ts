import type { Pty } from '../serial/pty.ts';

/**
 * What a device still has to say on its serial line. It gives the line a piece only when the line has taken the one
 * before, so that {@link LineOut.clear} can take back what nobody has read; beyond its maximum new pieces are dropped
 * and counted, as a device's own buffer overflows.
 */
export class LineOut {
  /** Pieces dropped because the line took nothing. */
  dropped = 0;
  readonly #pty: Pty;
  readonly #bytesMax: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(pty: Pty, bytesMax: number) {
    this.#pty = pty;
    this.#bytesMax = bytesMax;
  }

  /** Takes over `bytes`. */
  write(bytes: Uint8Array): void {
    this.flush();
    if (this.#held.length === 0 && this.#pty.waitingBytes === 0) {
      this.#pty.write(bytes);
    } else if (this.#heldBytes + bytes.length <= this.#bytesMax) {
      this.#held.push(bytes);
      this.#heldBytes += bytes.length;
    } else {
      this.dropped++;
    }
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
  }

  /** Forgets what is held. */
  clear(): void {
    this.#held = [];
    this.#heldBytes = 0;
  }
}
