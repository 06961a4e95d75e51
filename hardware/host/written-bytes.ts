import { join } from 'node:path';
import { ProcFile } from './proc-file.ts';
import { parseDisks } from './traffic.ts';

/**
 * Bytes written to a disk since the machine started, by whomever: what wears it. Where the disk is not known, bytes that
 * this process sent to any.
 */
export class WrittenBytes {
  readonly #disk: string | undefined;
  readonly #file: ProcFile;

  /** @param disk as `/proc/diskstats` calls it; undefined: not known */
  constructor(disk: string | undefined, root = '/') {
    this.#disk = disk;
    this.#file = new ProcFile(join(root, 'proc', disk === undefined ? 'self/io' : 'diskstats'));
  }

  /** Undefined where the machine does not tell. */
  read(): number | undefined {
    const text = this.#file.read();
    if (text === undefined) return undefined;
    return this.#disk === undefined ? parseWriteBytes(text) : parseDisks(text).get(this.#disk)?.writtenBytes;
  }

  close(): void {
    this.#file.close();
  }
}

/** `write_bytes` of `/proc/self/io`: what was sent to the storage layer, whatever became of it. */
export function parseWriteBytes(io: string): number | undefined {
  const bytes = /^write_bytes: (\d+)$/m.exec(io)?.[1];
  return bytes === undefined ? undefined : Number(bytes);
}
