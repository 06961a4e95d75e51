import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { ChannelType, Stamp } from '../../channel.ts';
import type { ClockSource } from '../../clock.ts';
import { CaissonError } from '../../errors.ts';
import { BLOCK_SAMPLES_MAX, CHANNEL_NAME_BYTES_MAX } from '../../limits.ts';
import { ByteReader, type ByteWriter } from '../bytes.ts';

/** Bytes of a gateway's id in UTF-8. A longer id is refused where a block is encoded. */
export const GATEWAY_ID_BYTES_MAX = 64;

/** What a block says of its samples as a whole. */
export interface BlockHeader {
  /** Id of the gateway. */
  readonly gateway: string;
  /** Random id of the boot, 16 hex digits in lower case. */
  readonly boot: string;
  /** Name of the channel. */
  readonly channel: string;
  readonly type: ChannelType;
  readonly stamp: Stamp;
  /** Sequence number of the first sample; the others follow without a hole. */
  readonly firstSequence: number;
  /** Best clock known when the block was sealed. */
  readonly clockSource: ClockSource;
  /** Bound of that clock's error, microseconds; Infinity where it is not known. Kept rounded up to a whole number. */
  readonly clockErrorUs: number;
}

/** All that is known of a block without decoding its columns. Times in microseconds. */
export interface BlockInfo extends BlockHeader {
  readonly count: number;
  readonly timeMin: number;
  readonly timeMax: number;
}

/** Numbers in the flags byte by place: BLOCK-3.4. */
const TYPES: readonly ChannelType[] = ['number', 'bool', 'enum', 'text'];
const STAMPS: readonly Stamp[] = ['arrival', 'device'];
const CLOCK_SOURCES: readonly ClockSource[] = ['none', 'manual', 'rtc', 'ntp', 'gnss', 'ptp'];

const MAGIC = [0x43, 0x42] as const;
const VERSION = 1;
const BOOT_DIGITS = /^[0-9a-f]{16}$/;
const CHECKSUM_BYTES = 4;

/** Writes BLOCK-3. Throws CaissonError `block-invalid` for a header that no block can have. */
export function writeHeader(out: ByteWriter, info: BlockInfo): void {
  const type = TYPES.indexOf(info.type);
  const stamp = STAMPS.indexOf(info.stamp);
  const source = CLOCK_SOURCES.indexOf(info.clockSource);
  expect(type >= 0, '3.4', 'type', info.type, TYPES.join(', '));
  expect(stamp >= 0, '3.4', 'stamp', info.stamp, STAMPS.join(', '));
  expect(source >= 0, '3.4', 'clock source', info.clockSource, CLOCK_SOURCES.join(', '));
  expect(info.clockErrorUs >= 0, '3.5', 'clock error', info.clockErrorUs, 'at least 0');
  expectText(info.gateway, GATEWAY_ID_BYTES_MAX, '3.6', 'gateway');
  expect(BOOT_DIGITS.test(info.boot), '3.7', 'boot', info.boot, '16 hex digits in lower case');
  expectText(info.channel, CHANNEL_NAME_BYTES_MAX, '3.8', 'channel');
  expect(isSequence(info.firstSequence, info.count), '3.9', 'first sequence', info.firstSequence, 'below 2^53');

  for (const byte of MAGIC) out.u8(byte);
  out.u8(VERSION);
  out.u8(type | (stamp << 2) | (source << 3));
  out.varint(errorToWire(info.clockErrorUs));
  out.text(info.gateway);
  out.bytes(Buffer.from(info.boot, 'hex'));
  out.text(info.channel);
  out.varint(info.firstSequence);
  out.varint(info.count);
  out.signed(info.timeMin);
  out.signed(info.timeMax);
}

/** Reads BLOCK-3; what it leaves unread are the columns. */
export function readHeader(input: ByteReader): BlockInfo {
  if (input.u8() !== MAGIC[0] || input.u8() !== MAGIC[1]) input.fail('3.2', 'bytes do not begin with the magic "CB"');
  const version = input.u8();
  if (version !== VERSION) input.fail('3.3', `version is ${version}, expected ${VERSION}`);
  const flags = input.u8();
  const type = TYPES[flags & 3];
  const stamp = STAMPS[(flags >> 2) & 1];
  const clockSource = CLOCK_SOURCES[(flags >> 3) & 7];
  if (type === undefined || stamp === undefined || clockSource === undefined || flags >= 0x40) {
    return input.fail('3.4', `flags are 0x${flags.toString(16)}, with a clock source or bits that are not defined`);
  }
  const clockErrorUs = errorFromWire(input.varint());
  const gateway = input.text(GATEWAY_ID_BYTES_MAX, '3.6', 'gateway');
  if (gateway === '') input.fail('3.6', 'gateway is empty');
  const boot = Buffer.from(input.take(8)).toString('hex');
  const channel = input.text(CHANNEL_NAME_BYTES_MAX, '3.8', 'channel');
  if (channel === '') input.fail('3.8', 'channel is empty');
  const firstSequence = input.varint();
  const count = input.varint();
  if (count < 1 || count > BLOCK_SAMPLES_MAX) {
    input.fail('3.10', `count is ${count}, expected 1 to ${BLOCK_SAMPLES_MAX}`);
  }
  if (!isSequence(firstSequence, count)) input.fail('3.9', `sequence ${firstSequence} + ${count} is not below 2^53`);
  const timeMin = input.signed();
  const timeMax = input.signed();
  if (timeMin > timeMax) input.fail('3.11', `time span ends at ${timeMax}, before it begins at ${timeMin}`);
  return { gateway, boot, channel, type, stamp, firstSequence, clockSource, clockErrorUs, count, timeMin, timeMax };
}

/** Appends BLOCK-1.3 to what was written. */
export function writeChecksum(out: ByteWriter): void {
  out.u32(crc32(out.written()));
}

/** A reader of all but the checksum, which is verified first. */
export function openChecked(bytes: Uint8Array): ByteReader {
  const whole = new ByteReader(bytes, 'block-invalid', 'BLOCK');
  if (bytes.length < CHECKSUM_BYTES) whole.fail('1.3', `${bytes.length} bytes are too few for a checksum`);
  const covered = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  const stored = whole.over(bytes.subarray(covered.length)).u32();
  const met = crc32(covered);
  if (met !== stored) whole.fail('1.3', `checksum is ${hex(stored)}, the bytes give ${hex(met)}`);
  return whole.over(covered);
}

/** BLOCK-3.5: 0 stands for unknown, anything else is the bound plus 1. */
function errorToWire(errorUs: number): number {
  return errorUs < Number.MAX_SAFE_INTEGER - 1 ? Math.ceil(errorUs) + 1 : 0;
}

function errorFromWire(wire: number): number {
  return wire === 0 ? Number.POSITIVE_INFINITY : wire - 1;
}

function isSequence(first: number, count: number): boolean {
  return Number.isSafeInteger(first) && first >= 0 && Number.isSafeInteger(first + (count - 1));
}

function expectText(text: string, bytesMax: number, clause: string, name: string): void {
  const length = Buffer.byteLength(text);
  expect(length > 0 && length <= bytesMax, clause, `length of ${name}`, length, `1 to ${bytesMax} bytes`);
}

function expect(holds: boolean, clause: string, name: string, met: unknown, expected: string): void {
  if (!holds)
    throw new CaissonError('block-invalid', `BLOCK-${clause}: ${name} is ${String(met)}, expected ${expected}`);
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
