import { Buffer } from 'node:buffer';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/**
 * Up to which row the journal is known to be on disk, for readers in other threads and processes (PUBLISHED clauses of
 * JOURNAL_FORMAT.md). It is never synced: after a power cut it may be older than the journal, which costs nothing, because
 * every record behind which another stands is known to be on disk as well.
 */

const FILE = 'published';
const ENTRY_BYTES = 12;

export class PublishedWriter {
  readonly #file: number;
  readonly #entry = Buffer.alloc(ENTRY_BYTES);

  constructor(dir: string) {
    // Not truncated: a reader may look meanwhile.
    this.#file = openSync(join(dir, FILE), constants.O_CREAT | constants.O_WRONLY, 0o644);
  }

  write(row: number): void {
    this.#entry.writeDoubleLE(row, 0);
    this.#entry.writeUInt32LE(crc32(this.#entry.subarray(0, 8)), 8);
    writeSync(this.#file, this.#entry, 0, ENTRY_BYTES, 0);
  }

  close(): void {
    closeSync(this.#file);
  }
}

export class PublishedReader {
  readonly #path: string;
  readonly #entry = Buffer.alloc(ENTRY_BYTES);
  #file: number | undefined;
  #row = 0;

  constructor(dir: string) {
    this.#path = join(dir, FILE);
  }

  /** The newest row that is on disk, as far as it was published; 0 where none was. */
  read(): number {
    try {
      this.#file ??= openSync(this.#path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return this.#row;
    }
    const length = readSync(this.#file, this.#entry, 0, ENTRY_BYTES, 0);
    // Half of an entry that is being written: the one before holds a moment longer.
    if (length === ENTRY_BYTES && crc32(this.#entry.subarray(0, 8)) === this.#entry.readUInt32LE(8)) {
      this.#row = this.#entry.readDoubleLE(0);
    }
    return this.#row;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
