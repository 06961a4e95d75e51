import { crc32 } from 'node:zlib';
import { messageOf } from '../../errors.ts';
import { PACK_BYTES_MAX } from '../../limits.ts';
import { ByteReader, type ByteWriter } from '../bytes.ts';
import { ZstdDecoder, ZstdEncoder } from '../zstd.ts';

/** The frame of a pack (PACK-1 and 2): magic, version, the directory's bytes, checksum. */

const MAGIC = [0x43, 0x50] as const;
const VERSION = 2;
const COMPRESSED = 0x01;
const CHECKSUM_BYTES = 4;

/** 256 blocks with names of 512 bytes that share nothing, and their numbers (PACK-2.3). */
const DIRECTORY_BYTES_MAX = 256 * 1024;

const zstd = new ZstdEncoder(3);
const unzstd = new ZstdDecoder();

/** Writes what stands before the sections. */
export function writeHead(out: ByteWriter, directory: Uint8Array): void {
  const frame = zstd.encode(directory, directory.length - 2);
  for (const byte of MAGIC) out.u8(byte);
  out.u8(VERSION);
  out.u8(frame === undefined ? 0 : COMPRESSED);
  out.varint((frame ?? directory).length);
  if (frame !== undefined) out.varint(directory.length);
  out.bytes(frame ?? directory);
}

/** Appends PACK-1.4 to what was written. */
export function writeChecksum(out: ByteWriter): void {
  out.u32(crc32(out.written()));
}

/** A reader of all but the checksum, which is verified first, behind the head; and one of the directory. */
export function openFrame(bytes: Uint8Array): { input: ByteReader; directory: ByteReader } {
  const input = openChecked(bytes);
  if (input.u8() !== MAGIC[0] || input.u8() !== MAGIC[1]) input.fail('1.1', 'bytes do not begin with the magic "CP"');
  const version = input.u8();
  if (version !== VERSION) input.fail('1.2', `version is ${version}, expected ${VERSION}`);
  const flags = input.u8();
  if (flags > COMPRESSED) input.fail('1.3', `flags are 0x${flags.toString(16)}, bits 1 to 7 are not 0`);
  const length = input.varint();
  const contentLength = flags === 0 ? length : input.varint();
  if (contentLength > DIRECTORY_BYTES_MAX) {
    input.fail('2.4', `directory is ${contentLength} bytes, expected at most ${DIRECTORY_BYTES_MAX}`);
  }
  const stored = input.take(length);
  if (flags === 0) return { input, directory: input.over(stored) };
  try {
    return { input, directory: input.over(unzstd.decode(stored, contentLength)) };
  } catch (cause) {
    return input.fail('2.5', `directory does not decompress to ${contentLength} bytes: ${messageOf(cause)}`, cause);
  }
}

function openChecked(bytes: Uint8Array): ByteReader {
  const whole = new ByteReader(bytes, 'block-invalid', 'PACK');
  if (bytes.length > PACK_BYTES_MAX) whole.fail('1.5', `${bytes.length} bytes, expected at most ${PACK_BYTES_MAX}`);
  if (bytes.length < CHECKSUM_BYTES) whole.fail('1.4', `${bytes.length} bytes are too few for a checksum`);
  const covered = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  const stored = whole.over(bytes.subarray(covered.length)).u32();
  const met = crc32(covered);
  if (met !== stored) whole.fail('1.4', `checksum is ${hex(stored)}, the bytes give ${hex(met)}`);
  return whole.over(covered);
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
