import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { PAGE_BYTES, readRecord, writeRecord } from '../../../../gateway/store/journal/record.ts';
import { journalVectors } from './row-vectors.ts';

/** The cases under test/vectors/journal-record: each is read as the beginning of segment 5. */
export const VECTOR_SEGMENT = 5;

export interface DescribedRecord {
  readonly segment: number;
  readonly row: number;
  readonly boot: string;
  readonly ringEnd: number;
  readonly firstReceipt: number;
  readonly rowHex: string;
  readonly receiptsHex: string;
}

export interface RecordVector {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What the bytes hold, or the clause by which there is no record. */
  readonly expected: { readonly record: DescribedRecord } | { readonly refused: string };
}

export function describeRecord(bytes: Uint8Array): DescribedRecord | undefined {
  const record = readRecord(Buffer.from(bytes), 0, VECTOR_SEGMENT);
  if (record === undefined) return undefined;
  const { bytes: row, receipts, length: _, ...head } = record;
  return { ...head, rowHex: Buffer.from(row).toString('hex'), receiptsHex: Buffer.from(receipts).toString('hex') };
}

export function recordVectors(): RecordVector[] {
  return [
    valid(
      'worked-example',
      12,
      worked('worked-example'),
      Uint8Array.from({ length: 16 }, (_, i) => 0xd0 + i),
    ),
    valid('without-receipts', 2 ** 53 - 1, worked('nothing'), new Uint8Array(0)),
    valid('several-pages', 7, worked('compressed'), new Uint8Array(48).fill(7)),
    refused('magic', 'RECORD table', (bytes) => bytes.writeUInt8(0x42, 1)),
    refused('version', 'RECORD table', (bytes) => bytes.writeUInt8(2, 3)),
    refused('checksum-differs', 'RECORD table', (bytes) => bytes.writeUInt8(9, 4)),
    refused('bit-of-the-row-turned', 'RECORD table', (bytes) => bytes.writeUInt8((bytes[60] ?? 0) ^ 1, 60)),
    refused('another-segment', 'RECORD-3', (bytes) => resealed(bytes, () => bytes.writeUInt8(6, 8))),
    refused('row-beyond-2-53', 'RECORD table', (bytes) => resealed(bytes, () => bytes.writeUInt8(0x20, 22))),
    refused('longer-than-allowed', 'RECORD-2', (bytes) => bytes.writeUInt32LE(0xffff_ffff, 48)),
    refused('longer-than-its-segment', 'RECORD-2', (bytes) => bytes.writeUInt32LE(60_000, 48)),
  ];
}

function worked(name: string): Uint8Array {
  return journalVectors().find((vector) => vector.name === name)?.bytes ?? new Uint8Array(0);
}

function written(row: number, rowBytes: Uint8Array, receipts: Uint8Array): Buffer {
  const bytes = Buffer.alloc(rowBytes.length + receipts.length + 2 * PAGE_BYTES);
  const head = { segment: VECTOR_SEGMENT, row, boot: '00112233aabbccdd', ringEnd: 4711, firstReceipt: 300 };
  return bytes.subarray(0, writeRecord(bytes, head, rowBytes, receipts));
}

function valid(name: string, row: number, rowBytes: Uint8Array, receipts: Uint8Array): RecordVector {
  const bytes = written(row, rowBytes, receipts);
  const record = describeRecord(bytes);
  if (record === undefined) throw new Error(`${name} is not valid`);
  return { name, bytes: withoutPadding(bytes), expected: { record } };
}

function refused(name: string, clause: string, damage: (bytes: Buffer) => void): RecordVector {
  const bytes = withoutPadding(written(12, worked('worked-example'), new Uint8Array(16)));
  damage(bytes);
  return { name: `refused-${name}`, bytes, expected: { refused: clause } };
}

/** Changes a record under a checksum that is right. */
function resealed(bytes: Buffer, change: () => void): void {
  change();
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
}

/** The record alone: what stands behind it means nothing. */
function withoutPadding(bytes: Buffer): Buffer {
  return bytes.subarray(0, 56 + bytes.readUInt32LE(48) + 16 * bytes.readUInt32LE(52));
}
