import { Buffer } from 'node:buffer';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { type JournalRecord, lengthAt, PAGE_BYTES, RECORD_HEAD_BYTES, readRecord } from './record.ts';
import { readInto, type SegmentFile } from './segment-files.ts';

/** Bytes read at a time; a longer record is read whole. */
const WINDOW_BYTES = 64 * 1024;

/** A record with its place in the segment. */
export interface PlacedRecord {
  /** Offset of its first byte. */
  readonly at: number;
  /** What it holds; its views are valid until the reader is asked again. */
  readonly record: JournalRecord;
}

/** Finds the records of one segment, whatever else lies in the file. */
export class SegmentReader {
  readonly id: number;
  readonly #file: number;
  readonly #size: number;
  #buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  /** What of the file is in memory: its bytes from `#from` on. */
  #window: Buffer = this.#buffer.subarray(0, 0);
  #from = 0;

  constructor({ id, path }: Pick<SegmentFile, 'id' | 'path'>) {
    this.id = id;
    this.#file = openSync(path, 'r');
    this.#size = fstatSync(this.#file).size;
  }

  close(): void {
    closeSync(this.#file);
  }

  /** The first whole record that begins at offset `from` or behind it. */
  find(from: number): PlacedRecord | undefined {
    for (let at = from; at < this.#size; at += PAGE_BYTES) {
      const record = this.#recordAt(at, WINDOW_BYTES);
      if (record !== undefined) return { at, record };
    }
    return undefined;
  }

  /** The whole record that begins at offset `at`, where one does. Reads no further than it reaches. */
  at(at: number): PlacedRecord | undefined {
    const record = this.#recordAt(at, PAGE_BYTES);
    return record && { at, record };
  }

  /** What was read before is not believed any longer. */
  forget(): void {
    this.#window = this.#buffer.subarray(0, 0);
  }

  /** @param windowBytes bytes read at a time */
  #recordAt(at: number, windowBytes: number): JournalRecord | undefined {
    if (at >= this.#size) return undefined;
    if (!this.#holds(at, RECORD_HEAD_BYTES)) this.#load(at, windowBytes);
    const length = lengthAt(this.#window, at - this.#from, this.id);
    if (length === undefined || at + length > this.#size) return undefined;
    if (!this.#holds(at, length)) this.#load(at, Math.max(length, windowBytes));
    return readRecord(this.#window, at - this.#from, this.id);
  }

  #holds(at: number, length: number): boolean {
    return at >= this.#from && at + length <= this.#from + this.#window.length;
  }

  #load(at: number, length: number): void {
    if (length > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(length);
    this.#window = readInto(this.#file, this.#buffer.subarray(0, length), at);
    this.#from = at;
  }
}
