import { Buffer } from 'node:buffer';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../gateway/errors.ts';
import { makeCrc } from './crc.ts';

/*
 * State that outlives its process: values under keys, in one file that is appended to. Little-endian.
 *
 *   header   8 bytes "CAISSTA1"
 *   record   u32 bytes of the body | u32 CRC-32 of the body | body
 *   body     u16 bytes of the key | key, UTF-8 | u8 0: the key is gone, 1: its value follows | value
 *
 * The last record of a key counts. Reading ends at the first record that is not whole: what was being written when the process or
 * the power went. A file of which more than half is outlived is written anew under another name, synced and renamed.
 */

const MAGIC = Buffer.from('CAISSTA1');
const RECORD_HEAD_BYTES = 8;
/** Pause between two writes, milliseconds: what changes more often is written as it stands then. */
export const STATE_PAUSE_MS = 1000;
/** Bytes written a second on average; after a write of more the pause is longer. */
export const STATE_BYTES_PER_S = 32 * 1024;
/** Outlived bytes below which a file is not written anew. */
const OUTLIVED_BYTES_MIN = 256 * 1024;
/** Bytes of one call to the file system. */
const CHUNK_BYTES = 1024 * 1024;

const crc32 = makeCrc('crc32');

/** Says what stands under a key now; undefined: nothing. */
export type StateLookup = (key: string) => Uint8Array | undefined;

/** Keeps what its owner says in one file: the state, not the stream of its changes. */
export class StateFile {
  readonly #path: string;
  readonly #lookup: StateLookup;
  readonly #pauseMs: number;
  /** Bytes of the record of each key that the file has. */
  readonly #records = new Map<string, number>();
  #dirty = new Set<string>();
  #file: FileHandle | undefined;
  /** Bytes of the file, and of what counts in it. */
  #bytes = 0;
  #live = 0;
  #mustRewrite = true;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #isClosed = false;
  /** Why the state could not be written the last time; undefined when it was. */
  problem: string | undefined;
  /** Bytes written since start. */
  written = 0;

  /** @param pauseMs between two writes */
  constructor(path: string, lookup: StateLookup, pauseMs = STATE_PAUSE_MS) {
    this.#path = path;
    this.#lookup = lookup;
    this.#pauseMs = pauseMs;
  }

  /** What was kept; nothing where there is no file, or none that can be read, which `problem` then tells. */
  async open(): Promise<Map<string, Buffer>> {
    const values = new Map<string, Buffer>();
    try {
      const bytes = await readFile(this.#path);
      const end = this.#read(bytes, values);
      // Behind what is not whole nothing can be appended.
      this.#mustRewrite = end === 0 || end !== bytes.length;
      this.#bytes = end;
    } catch (error) {
      if (!isMissing(error)) this.problem = messageOf(error);
    }
    return values;
  }

  /** What stands under `key` has changed, and is written soon. */
  touch(key: string): void {
    this.#dirty.add(key);
    if (this.#timer === undefined && this.#writing === undefined) this.#schedule(this.#pauseMs);
  }

  /** Writes what has changed; resolves when it is on disk, or `problem` says why not. */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#writing === undefined && this.#dirty.size > 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#writing = this.#write();
    }
    await this.#writing;
  }

  /** Writes what has changed and lets go of the file. */
  async close(): Promise<void> {
    await this.flush();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#file?.close();
    this.#file = undefined;
  }

  /** Reads records into `values`; returns where the last whole one ends. */
  #read(bytes: Buffer, values: Map<string, Buffer>): number {
    if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return 0;
    let at = MAGIC.length;
    while (at + RECORD_HEAD_BYTES <= bytes.length) {
      const begin = at + RECORD_HEAD_BYTES;
      const end = begin + bytes.readUInt32LE(at);
      if (end > bytes.length || crc32(bytes, begin, end) !== bytes.readUInt32LE(at + 4)) break;
      const keyEnd = begin + 2 + bytes.readUInt16LE(begin);
      const key = bytes.toString('utf8', begin + 2, keyEnd);
      const isThere = bytes[keyEnd] === 1;
      if (isThere) values.set(key, bytes.subarray(keyEnd + 1, end));
      else values.delete(key);
      this.#account(key, isThere ? end - at : 0);
      at = end;
    }
    return at;
  }

  #account(key: string, bytes: number): void {
    this.#live += bytes - (this.#records.get(key) ?? 0);
    if (bytes === 0) this.#records.delete(key);
    else this.#records.set(key, bytes);
  }

  #schedule(ms: number): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, ms);
  }

  async #write(): Promise<void> {
    const keys = this.#dirty;
    this.#dirty = new Set();
    const before = this.written;
    try {
      if (this.#mustRewrite || this.#bytes - this.#live > Math.max(this.#live, OUTLIVED_BYTES_MIN)) {
        await this.#rewrite(keys);
      } else {
        await this.#append(keys);
      }
      this.problem = undefined;
    } catch (error) {
      // After a failed write or sync nothing is known of the file: the next one is written anew, as a whole.
      this.problem = `cannot write ${this.#path}: ${messageOf(error)}`;
      this.#mustRewrite = true;
      for (const key of keys) this.#dirty.add(key);
      await this.#file?.close().catch(() => {});
      this.#file = undefined;
    }
    this.#writing = undefined;
    const pauseMs = Math.max(this.#pauseMs, ((this.written - before) / STATE_BYTES_PER_S) * 1e3);
    // Also where nothing waits: what changes next is not written before the pause is over.
    if (this.#dirty.size > 0 || pauseMs > this.#pauseMs) this.#schedule(pauseMs);
  }

  async #append(keys: ReadonlySet<string>): Promise<void> {
    this.#file ??= await open(this.#path, 'a');
    const bytes = await this.#put(this.#file, keys);
    if (bytes === 0) return;
    await this.#file.datasync();
    this.#bytes += bytes;
  }

  async #rewrite(changed: ReadonlySet<string>): Promise<void> {
    const unfinished = `${this.#path}.new`;
    const keys = new Set([...this.#records.keys(), ...changed]);
    await this.#file?.close();
    this.#file = undefined;
    this.#records.clear();
    this.#live = 0;
    const file = await open(unfinished, 'w');
    try {
      await file.write(MAGIC);
      this.#bytes = MAGIC.length + (await this.#put(file, keys));
      await file.sync();
      await file.close();
      await rename(unfinished, this.#path);
      await syncFolder(dirname(this.#path));
    } catch (error) {
      for (const key of keys) this.#dirty.add(key);
      await file.close().catch(() => {});
      await rm(unfinished, { force: true });
      throw error;
    }
    this.written += MAGIC.length;
    this.#mustRewrite = false;
  }

  /** Writes a record for each key, but for those that neither are nor were; returns the bytes. */
  async #put(file: FileHandle, keys: Iterable<string>): Promise<number> {
    let chunk: Buffer[] = [];
    let waiting = 0;
    let bytes = 0;
    const write = async (): Promise<void> => {
      for (let rest = Buffer.concat(chunk); rest.length > 0; ) {
        const { bytesWritten } = await file.write(rest);
        rest = rest.subarray(bytesWritten);
      }
      bytes += waiting;
      this.written += waiting;
      chunk = [];
      waiting = 0;
    };
    for (const key of keys) {
      const value = this.#lookup(key);
      if (value === undefined && !this.#records.has(key)) continue;
      const record = encodeRecord(key, value);
      this.#account(key, value === undefined ? 0 : record.length);
      chunk.push(record);
      waiting += record.length;
      if (waiting >= CHUNK_BYTES) await write();
    }
    await write();
    return bytes;
  }
}

function encodeRecord(key: string, value: Uint8Array | undefined): Buffer {
  const name = Buffer.from(key);
  const record = Buffer.alloc(RECORD_HEAD_BYTES + 2 + name.length + 1 + (value?.length ?? 0));
  const keyEnd = RECORD_HEAD_BYTES + 2 + name.length;
  record.writeUInt32LE(record.length - RECORD_HEAD_BYTES, 0);
  record.writeUInt16LE(name.length, RECORD_HEAD_BYTES);
  name.copy(record, RECORD_HEAD_BYTES + 2);
  record[keyEnd] = value === undefined ? 0 : 1;
  if (value !== undefined) record.set(value, keyEnd + 1);
  record.writeUInt32LE(crc32(record, RECORD_HEAD_BYTES, record.length), 4);
  return record;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
