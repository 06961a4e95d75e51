import { Buffer } from 'node:buffer';
import type { ChannelType, Stamp } from '../../channel.ts';
import type { ClockSource } from '../../clock.ts';
import { CaissonError } from '../../errors.ts';
import { BLOCK_SAMPLES_MAX, CHANNEL_NAME_BYTES_MAX, PACK_BLOCKS_MAX } from '../../limits.ts';
import { type ByteReader, ByteWriter, listOf } from '../bytes.ts';
import { isSequence, numberContentMax, textContentMax } from './block-bounds.ts';
import type { Directory, PackHeader, SectionEntry } from './pack-info.ts';

/** Bytes of a gateway's id in UTF-8. A longer id is refused where a pack is encoded. */
export const GATEWAY_ID_BYTES_MAX = 64;

/** Numbers by place: PACK-3.2, 3.3 and 5.2. */
const TYPES: readonly ChannelType[] = ['number', 'bool', 'enum', 'text'];
const STAMPS: readonly Stamp[] = ['arrival', 'device'];
const CLOCK_SOURCES: readonly ClockSource[] = ['none', 'manual', 'rtc', 'ntp', 'gnss', 'ptp'];

const BOOT_DIGITS = /^[0-9a-f]{16}$/;
const WIDE = 0x10;

/** Times of lesser magnitude have exact differences (PACK-4.2). */
const NARROW_MAX = 2 ** 52;

/** Writes PACK-3 to 6. Throws CaissonError `block-invalid` for what no pack can have. */
export function writeDirectory(directory: Directory): Uint8Array {
  const { header, times, blocks, sections } = directory;
  const out = new ByteWriter(1024);
  const isWide = times.some(({ timeMin, timeMax }) => !isNarrow(timeMin) || !isNarrow(timeMax));
  writeHeader(out, header, isWide);
  expect(blocks.length >= 1 && blocks.length <= PACK_BLOCKS_MAX, '3.6', 'blocks', blocks.length, '1 to 256');
  out.varint(times.length);
  out.varint(blocks.length);
  out.varint(sections.length);
  for (const { count } of times) out.varint(count);
  let before = 0;
  for (const { timeMin } of times) {
    out.signed(isWide ? timeMin : timeMin - before);
    before = timeMin;
  }
  for (const { timeMin, timeMax } of times) {
    if (isWide) out.signed(timeMax);
    else out.varint(timeMax - timeMin);
  }
  for (const { encoding } of times) out.u8(encoding);
  for (const { contentLength } of times) out.varint(contentLength);
  writeNames(
    out,
    blocks.map(({ channel }) => channel),
  );
  for (const { type } of blocks) {
    const number = TYPES.indexOf(type);
    expect(number >= 0, '5.2', 'type', type, TYPES.join(', '));
    out.u8(number);
  }
  before = 0;
  for (const { firstSequence, count } of blocks) {
    expect(isSequence(firstSequence, count), '5.3', 'first sequence', firstSequence, 'below 2^53');
    out.signed(firstSequence - before);
    before = firstSequence;
  }
  for (const block of blocks) out.varint(block.times);
  for (const { encoding } of blocks) out.u8(encoding);
  for (const { contentLength } of blocks) out.varint(contentLength);
  for (const { columns } of sections) out.varint(columns);
  for (const { frameLength } of sections) out.varint(frameLength);
  return out.toBytes();
}

/** Reads PACK-3 to 6; all of `input` is it. */
export function readDirectory(input: ByteReader): Directory {
  const { header, isWide } = readHeader(input);
  const timesLength = input.varintUpTo(PACK_BLOCKS_MAX, '3.6', 'number of time columns');
  const blocksLength = input.varintUpTo(PACK_BLOCKS_MAX, '3.6', 'number of blocks');
  const sectionsLength = input.varintUpTo(2 * PACK_BLOCKS_MAX, '3.6', 'number of sections');
  if (timesLength === 0 || timesLength > blocksLength) {
    input.fail('3.6', `${timesLength} time columns for ${blocksLength} blocks, expected 1 to as many`);
  }
  const times = readTimes(input, timesLength, isWide);
  const blocks = readBlocks(input, blocksLength, times);
  const sections = readSections(input, sectionsLength, timesLength + blocksLength);
  if (input.remaining > 0) input.fail('3.7', `${input.remaining} bytes are left over in the directory`);
  return { header, times, blocks, sections };
}

function writeHeader(out: ByteWriter, header: PackHeader, isWide: boolean): void {
  const { gateway, boot, stamp, clockSource, clockErrorUs } = header;
  const source = CLOCK_SOURCES.indexOf(clockSource);
  expect(source >= 0, '3.2', 'clock source', clockSource, CLOCK_SOURCES.join(', '));
  expect(STAMPS.includes(stamp), '3.2', 'stamp', stamp, STAMPS.join(', '));
  expect(clockErrorUs >= 0, '3.3', 'clock error', clockErrorUs, 'at least 0');
  expectText(gateway, GATEWAY_ID_BYTES_MAX, '3.4', 'gateway');
  expect(BOOT_DIGITS.test(boot), '3.5', 'boot', boot, '16 hex digits in lower case');
  out.u8(source | (STAMPS.indexOf(stamp) << 3) | (isWide ? WIDE : 0));
  out.varint(errorToWire(clockErrorUs));
  out.text(gateway);
  out.bytes(Buffer.from(boot, 'hex'));
}

function readHeader(input: ByteReader): { header: PackHeader; isWide: boolean } {
  const flags = input.u8();
  const clockSource = CLOCK_SOURCES[flags & 7];
  const stamp = STAMPS[(flags >> 3) & 1];
  if (clockSource === undefined || stamp === undefined || flags >= 0x20) {
    return input.fail('3.2', `flags are 0x${flags.toString(16)}, with a clock source or bits that are not defined`);
  }
  const clockErrorUs = errorFromWire(input.varint());
  const gateway = input.text(GATEWAY_ID_BYTES_MAX, '3.4', 'gateway');
  if (gateway === '') input.fail('3.4', 'gateway is empty');
  const boot = Buffer.from(input.take(8)).toString('hex');
  return { header: { gateway, boot, stamp, clockSource, clockErrorUs }, isWide: (flags & WIDE) !== 0 };
}

function readTimes(input: ByteReader, length: number, isWide: boolean): Directory['times'] {
  const counts = listOf(length, () => {
    const count = input.varintUpTo(BLOCK_SAMPLES_MAX, '4.1', 'number of times');
    if (count === 0) input.fail('4.1', 'number of times is 0, expected at least 1');
    return count;
  });
  let before = 0;
  const mins = listOf(length, () => {
    const timeMin = input.signed() + (isWide ? 0 : before);
    before = timeMin;
    return timeMin;
  });
  const maxs = listOf(length, (i) => (isWide ? input.signed() : (mins[i] ?? 0) + input.varint()));
  const encodings = listOf(length, () => input.u8());
  const lengths = listOf(length, (i) =>
    input.varintUpTo(numberContentMax(counts[i] ?? 0), '4.4', 'content length of times'),
  );
  return counts.map((count, i) => {
    const [timeMin = 0, timeMax = 0, encoding = 0, contentLength = 0] = [mins[i], maxs[i], encodings[i], lengths[i]];
    if (!Number.isSafeInteger(timeMin) || !Number.isSafeInteger(timeMax) || timeMin > timeMax) {
      input.fail('4.3', `times span ${timeMin} to ${timeMax}, expected ascending, of magnitude below 2^53`);
    }
    return { count, timeMin, timeMax, encoding, contentLength };
  });
}

function readBlocks(input: ByteReader, length: number, times: Directory['times']): Directory['blocks'] {
  const names = readNames(input, length);
  const types = listOf(length, () => {
    const number = input.u8();
    return TYPES[number] ?? input.fail('5.2', `type is ${number}, expected 0 to ${TYPES.length - 1}`);
  });
  let before = 0;
  const sequences = listOf(length, () => {
    before += input.signed();
    return before;
  });
  let met = 0;
  const timesOf = listOf(length, () => {
    const index = input.varint();
    if (index > met || index >= times.length) {
      input.fail('5.4', `time column is ${index}, expected at most ${Math.min(met, times.length - 1)}`);
    }
    if (index === met) met += 1;
    return index;
  });
  if (met < times.length) input.fail('5.4', `no block has time column ${met}`);
  const encodings = listOf(length, () => input.u8());
  const blocks = names.map((channel, i) => {
    const [type = 'number', firstSequence = 0, index = 0, encoding = 0] = [
      types[i],
      sequences[i],
      timesOf[i],
      encodings[i],
    ];
    const { count, timeMin, timeMax } = times[index] ?? { count: 0, timeMin: 0, timeMax: 0 };
    if (!isSequence(firstSequence, count)) {
      input.fail('5.3', `sequence ${firstSequence} + ${count} is not below 2^53`);
    }
    const contentLength = input.varintUpTo(
      type === 'text' ? textContentMax(count) : numberContentMax(count),
      '5.5',
      'content length of values',
    );
    return { channel, type, firstSequence, count, timeMin, timeMax, times: index, encoding, contentLength };
  });
  return blocks;
}

function readSections(input: ByteReader, length: number, columnsLength: number): SectionEntry[] {
  let columns = 0;
  const counts = listOf(length, () => {
    const count = input.varintUpTo(columnsLength - columns, '6.1', 'columns of a section');
    if (count === 0) input.fail('6.1', 'columns of a section are 0, expected at least 1');
    columns += count;
    return count;
  });
  if (columns !== columnsLength) input.fail('6.1', `sections have ${columns} columns, expected ${columnsLength}`);
  return counts.map((count) => ({ columns: count, frameLength: input.varint() }));
}

/** Front coding: bytes shared with the name before, bytes that follow, then what follows of all (PACK-5.1). */
function writeNames(out: ByteWriter, names: readonly string[]): void {
  const bytes = names.map((name) => Buffer.from(name));
  for (const name of names) expectText(name, CHANNEL_NAME_BYTES_MAX, '5.1', 'channel');
  expect(new Set(names).size === names.length, '5.1', 'channels', 'not all different', 'each once');
  const shared = bytes.map((name, i) => commonLength(name, bytes[i - 1] ?? new Uint8Array(0)));
  for (const length of shared) out.varint(length);
  for (const [i, name] of bytes.entries()) out.varint(name.length - (shared[i] ?? 0));
  for (const [i, name] of bytes.entries()) out.bytes(name.subarray(shared[i]));
}

function readNames(input: ByteReader, length: number): string[] {
  const shared = listOf(length, () =>
    input.varintUpTo(CHANNEL_NAME_BYTES_MAX, '5.1', 'bytes shared with the channel before'),
  );
  const own = listOf(length, () => input.varintUpTo(CHANNEL_NAME_BYTES_MAX, '5.1', 'bytes of a channel'));
  let before: Uint8Array = new Uint8Array(0);
  const names = listOf(length, (i) => {
    const [kept = 0, added = 0] = [shared[i], own[i]];
    if (kept > before.length) input.fail('5.1', `${kept} bytes shared with a channel of ${before.length}`);
    if (kept + added < 1 || kept + added > CHANNEL_NAME_BYTES_MAX) {
      input.fail('5.1', `channel has ${kept + added} bytes, expected 1 to ${CHANNEL_NAME_BYTES_MAX}`);
    }
    const name = new Uint8Array(kept + added);
    name.set(before.subarray(0, kept));
    name.set(input.take(added), kept);
    before = name;
    return input.over(name).utf8(name.length, '5.1', 'channel');
  });
  if (new Set(names).size !== length) input.fail('5.1', 'a channel is there twice');
  return names;
}

function commonLength(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length);
  for (let i = 0; i < most; i += 1) if (a[i] !== b[i]) return i;
  return most;
}

function isNarrow(time: number): boolean {
  return Math.abs(time) < NARROW_MAX;
}

/** PACK-3.3: 0 stands for unknown, anything else is the bound plus 1. */
function errorToWire(errorUs: number): number {
  return errorUs < Number.MAX_SAFE_INTEGER - 1 ? Math.ceil(errorUs) + 1 : 0;
}

function errorFromWire(wire: number): number {
  return wire === 0 ? Number.POSITIVE_INFINITY : wire - 1;
}

function expectText(text: string, bytesMax: number, clause: string, name: string): void {
  const length = Buffer.byteLength(text);
  expect(length > 0 && length <= bytesMax, clause, `length of ${name}`, length, `1 to ${bytesMax} bytes`);
}

function expect(holds: boolean, clause: string, name: string, met: unknown, expected: string): void {
  if (!holds)
    throw new CaissonError('block-invalid', `PACK-${clause}: ${name} is ${String(met)}, expected ${expected}`);
}
