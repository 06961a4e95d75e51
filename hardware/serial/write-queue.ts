import { writeSync } from 'node:fs';
import type { Timers } from './timers.ts';

/** Bytes waiting for a device that takes none now. At the maximum: further writes are dropped whole and counted. */
export const WRITE_QUEUE_BYTES_MAX = 256 * 1024;

/** Time between two attempts to write to a device that was full, milliseconds. */
const WRITE_RETRY_MS = 5;

/**
 * Writes to a non-blocking descriptor in order, without a thread and without a queue that can grow. Synchronous
 * writes are right here: the kernel takes what it has room for in microseconds, and refuses the rest with EAGAIN.
 */
export class WriteQueue {
  readonly #fd: number;
  readonly #timers: Timers;
  readonly #onError: (error: unknown) => void;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  /** @param onError called once when the device fails; nothing is written afterwards */
  constructor(fd: number, timers: Timers, onError: (error: unknown) => void) {
    this.#fd = fd;
    this.#timers = timers;
    this.#onError = onError;
  }

  /** Bytes taken but not yet given to the device. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Takes all of `bytes` or none; false when they were not taken. */
  write(bytes: Uint8Array): boolean {
    if (this.#closed || this.#waitingBytes + bytes.length > WRITE_QUEUE_BYTES_MAX) return false;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#cancelRetry === undefined) this.#flush();
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #flush(): void {
    this.#cancelRetry = undefined;
    let done = 0;
    try {
      for (const bytes of this.#waiting) {
        const written = writeSync(this.#fd, bytes);
        this.#waitingBytes -= written;
        if (written < bytes.length) {
          this.#waiting[done] = bytes.subarray(written);
          break;
        }
        done += 1;
      }
    } catch (error) {
      if (!isFull(error)) {
        this.close();
        this.#onError(error);
        return;
      }
    }
    this.#waiting.splice(0, done);
    if (this.#waiting.length > 0) this.#cancelRetry = this.#timers.after(WRITE_RETRY_MS, () => this.#flush());
  }
}

/** True when the descriptor has no room, or nothing to read, just now. */
export function isFull(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EINTR';
}
