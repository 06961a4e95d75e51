import type { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';

/**
 * A record of the journal: one commit, as it lies in a segment (RECORD clauses of JOURNAL_FORMAT.md). Its checksum covers
 * all of it, and its head names the segment, so that what a recycled segment still holds of its former life is told apart.
 */

/** Records begin at multiples of this, so that no write touches a page that holds another record. */
export const PAGE_BYTES = 4096;

export const RECORD_HEAD_BYTES = 56;
export const DIGEST_BYTES = 16;

/** Bytes of one record; more claims a damaged head. The largest commit stays below a quarter of it. */
export const RECORD_BYTES_MAX = 64 * 1024 * 1024;

const MAGIC_AND_VERSION = 0x01_52_4a_43;
const CHECKED_FROM = 8;

/** Ids are whole numbers below 2^53: so much of the high half may be set. */
const HIGH_MAX = 2 ** 21;

export interface RecordHead {
  /** Id of the segment that the record was written to. */
  readonly segment: number;
  /** Id of the row; every record has the next one. */
  readonly row: number;
  /** Random id of the boot, 16 hex digits. */
  readonly boot: string;
  /** Position in the ring behind the commit. */
  readonly ringEnd: number;
  /** Number of the first receipt, counted over the whole life of the journal. */
  readonly firstReceipt: number;
}

export interface JournalRecord extends RecordHead {
  /** The row, a view. */
  readonly bytes: Uint8Array;
  /** Digests of 16 bytes, a view. */
  readonly receipts: Uint8Array;
  /** Bytes of the record without the padding behind it. */
  readonly length: number;
}

/** Bytes that a record takes in its segment, padding included. */
export function pagesOf(length: number): number {
  return Math.ceil(length / PAGE_BYTES) * PAGE_BYTES;
}

export function recordLength(rowBytes: number, receiptBytes: number): number {
  return RECORD_HEAD_BYTES + rowBytes + receiptBytes;
}

/** Writes a record to the beginning of `out`, and zeros behind it up to the next page. Returns the bytes with the padding. */
export function writeRecord(out: Buffer, head: RecordHead, row: Uint8Array, receipts: Uint8Array): number {
  const length = recordLength(row.length, receipts.length);
  out.writeUInt32LE(MAGIC_AND_VERSION, 0);
  writeWhole(out, head.segment, 8);
  writeWhole(out, head.row, 16);
  out.write(head.boot, 24, 8, 'hex');
  writeWhole(out, head.ringEnd, 32);
  writeWhole(out, head.firstReceipt, 40);
  out.writeUInt32LE(row.length, 48);
  out.writeUInt32LE(receipts.length / DIGEST_BYTES, 52);
  out.set(row, RECORD_HEAD_BYTES);
  out.set(receipts, RECORD_HEAD_BYTES + row.length);
  out.writeUInt32LE(crc32(out.subarray(CHECKED_FROM, length)), 4);
  const padded = pagesOf(length);
  out.fill(0, length, padded);
  return padded;
}

/**
 * Bytes of the record that begins at `at`, as its head says; undefined where none of that segment can begin. The head, not
 * more, must be in `bytes`.
 */
export function lengthAt(bytes: Buffer, at: number, segment: number): number | undefined {
  if (at + RECORD_HEAD_BYTES > bytes.length) return undefined;
  if (bytes.readUInt32LE(at) !== MAGIC_AND_VERSION || readWhole(bytes, at + 8) !== segment) return undefined;
  const length = recordLength(bytes.readUInt32LE(at + 48), bytes.readUInt32LE(at + 52) * DIGEST_BYTES);
  return length <= RECORD_BYTES_MAX ? length : undefined;
}

/** The record of that segment that begins at `at`; undefined where there is none, or it is not whole. */
export function readRecord(bytes: Buffer, at: number, segment: number): JournalRecord | undefined {
  const length = lengthAt(bytes, at, segment);
  if (length === undefined || at + length > bytes.length) return undefined;
  if (crc32(bytes.subarray(at + CHECKED_FROM, at + length)) !== bytes.readUInt32LE(at + 4)) return undefined;
  const row = readWhole(bytes, at + 16);
  const ringEnd = readWhole(bytes, at + 32);
  const firstReceipt = readWhole(bytes, at + 40);
  if (row === undefined || ringEnd === undefined || firstReceipt === undefined) return undefined;
  const rowAt = at + RECORD_HEAD_BYTES;
  const receiptsAt = rowAt + bytes.readUInt32LE(at + 48);
  // Not as Buffers, of which `slice` would not copy.
  const view = (from: number, to: number) => new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);
  return {
    segment,
    row,
    boot: bytes.toString('hex', at + 24, at + 32),
    ringEnd,
    firstReceipt,
    bytes: view(rowAt, receiptsAt),
    receipts: view(receiptsAt, at + length),
    length,
  };
}

function writeWhole(out: Buffer, value: number, at: number): void {
  out.writeUInt32LE(value >>> 0, at);
  out.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

function readWhole(bytes: Buffer, at: number): number | undefined {
  const high = bytes.readUInt32LE(at + 4);
  return high < HIGH_MAX ? high * 2 ** 32 + bytes.readUInt32LE(at) : undefined;
}
