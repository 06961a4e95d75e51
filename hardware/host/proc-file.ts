import { Buffer } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';

/** Bytes read of a file of /proc. What is beyond is not seen; none of the files read here comes near. */
const PROC_FILE_BYTES_MAX = 256 * 1024;

/**
 * A file of `/proc`, read again and again through one descriptor: the kernel writes it anew for every read from its
 * beginning. Such reads never wait for a device, so they are made without a thread, in some 10 microseconds.
 */
export class ProcFile {
  readonly #path: string;
  #fd: number | undefined;
  /** True once it was not there: what this kernel lacks is not looked for at every tick. */
  #isAbsent = false;
  #buffer = Buffer.allocUnsafe(8 * 1024);

  constructor(path: string) {
    this.#path = path;
  }

  /** The text of now; undefined where there is no such file, or it cannot be read. */
  read(): string | undefined {
    if (this.#isAbsent) return undefined;
    try {
      this.#fd ??= openSync(this.#path, 'r');
      return this.#readAll(this.#fd);
    } catch {
      this.#isAbsent = this.#fd === undefined;
      this.close();
      return undefined;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #readAll(fd: number): string {
    let length = 0;
    for (;;) {
      const got = readSync(fd, this.#buffer, length, this.#buffer.length - length, length);
      length += got;
      if (got === 0 || length === PROC_FILE_BYTES_MAX) return this.#buffer.toString('latin1', 0, length);
      if (length === this.#buffer.length) {
        this.#buffer = Buffer.concat([this.#buffer], Math.min(PROC_FILE_BYTES_MAX, length * 2));
      }
    }
  }
}
