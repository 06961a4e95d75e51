import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { CaissonError, messageOf } from '../errors.ts';
import { LOSS_CAUSES, type LossCause } from '../intake.ts';
import { COMMIT_SLOTS_MAX, TEXT_SAMPLE_BYTES_MAX } from '../limits.ts';
import { wordBytes } from './block/words.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { ZstdDecoder, ZstdEncoder } from './zstd.ts';

/**
 * A journal row: all samples of one group commit, in columns over all their groups (JOURNAL clauses of JOURNAL_FORMAT.md).
 * It needs no other row to be read, so a damaged one costs only itself.
 */

/** Bytes of a row before zstd. A commit of COMMIT_SLOTS_MAX samples stays below half of it; more is refused. */
export const JOURNAL_BODY_BYTES_MAX = 32 * 1024 * 1024;

/** Samples of one channel with contiguous sequence numbers. A row may have several groups of a channel. */
export interface JournalGroup {
  /** Id of the channel, below 2^32. */
  readonly channel: number;
  readonly firstSequence: number;
  /** Whole microseconds of magnitude below 2^53, in any order; at least one. */
  readonly times: Float64Array;
  readonly values: Float64Array | readonly string[];
}

/** Samples that took sequence numbers but did not make it. Times in microseconds. */
export interface JournalLoss {
  readonly channel: number;
  readonly firstSequence: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly cause: LossCause;
}

export interface JournalRow {
  readonly groups: readonly JournalGroup[];
  readonly losses: readonly JournalLoss[];
}

const MAGIC = [0x43, 0x4a] as const;
const VERSION = 1;
const HEAD_BYTES = 4;
const CHECKSUM_BYTES = 4;
const COMPRESSED = 0x01;
const WIDE_TIMES = 0x02;

/** Times below this magnitude have differences that a signed integer of the format holds. */
const NARROW_TIME_MAX = 2 ** 52;

/** Greatest id of a channel. */
const CHANNEL_MAX = 0xffff_ffff;

/** A shorter body does not gain by zstd. */
const COMPRESS_BYTES_MIN = 64;

const zstd = new ZstdEncoder(1);
const unzstd = new ZstdDecoder();

/** The bytes of a row; the same row always gives the same bytes. Throws CaissonError `journal-invalid` for what no row can hold. */
export function encodeJournalRow(row: JournalRow): Uint8Array {
  const { samples, wide } = measure(row.groups);
  const body = new ByteWriter(64 + row.groups.length * 8 + samples * 12 + row.losses.length * 32);
  body.varint(row.groups.length);
  writeHeads(body, row.groups);
  if (wide) writeWideTimes(body, row.groups);
  else writeTimes(body, row.groups);
  writeNumbers(body, row.groups);
  writeTexts(body, row.groups);
  writeLosses(body, row.losses);
  if (body.length > JOURNAL_BODY_BYTES_MAX) {
    refuse('1.5', `a body of ${body.length} bytes, expected at most ${JOURNAL_BODY_BYTES_MAX}`);
  }

  const content = body.written();
  const frame = content.length < COMPRESS_BYTES_MIN ? undefined : zstd.encode(content, content.length - 4);
  const out = new ByteWriter(HEAD_BYTES + 8 + (frame ?? content).length + CHECKSUM_BYTES);
  for (const byte of MAGIC) out.u8(byte);
  out.u8(VERSION);
  out.u8((frame === undefined ? 0 : COMPRESSED) | (wide ? WIDE_TIMES : 0));
  if (frame !== undefined) out.varint(content.length);
  out.bytes(frame ?? content);
  out.u32(crc32(out.written()));
  return out.toBytes();
}

/** The row of these bytes. Throws CaissonError `journal-invalid`, naming the clause, what was met and what was expected. */
export function decodeJournalRow(bytes: Uint8Array): JournalRow {
  const { body, wide } = open(bytes);
  const groupCount = body.varintUpTo(body.remaining, '3.1', 'number of groups');
  const heads = readHeads(body, groupCount);
  const times = wide ? readWideTimes(body, heads) : readTimes(body, heads);
  const numbers = readNumbers(body, heads.numbers);
  const groups: JournalGroup[] = [];
  let timeAt = 0;
  let numberAt = 0;
  for (let i = 0; i < groupCount; i++) {
    const count = heads.counts[i] ?? 0;
    const isText = heads.isText[i] === 1;
    groups.push({
      channel: heads.channels[i] ?? 0,
      firstSequence: heads.firstSequences[i] ?? 0,
      times: times.subarray(timeAt, timeAt + count),
      values: isText ? readTextGroup(body, count) : numbers.subarray(numberAt, numberAt + count),
    });
    timeAt += count;
    if (!isText) numberAt += count;
  }
  const losses = readLosses(body);
  if (body.remaining > 0) body.fail('1.6', `${body.remaining} bytes are left over`);
  return { groups, losses };
}

function open(bytes: Uint8Array): { body: ByteReader; wide: boolean } {
  const whole = new ByteReader(bytes, 'journal-invalid', 'JOURNAL');
  if (bytes.length < HEAD_BYTES + CHECKSUM_BYTES) whole.fail('1.4', `${bytes.length} bytes are too few for a row`);
  const covered = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  const stored = whole.over(bytes.subarray(covered.length)).u32();
  const met = crc32(covered);
  if (met !== stored) whole.fail('1.4', `checksum is 0x${stored.toString(16)}, the bytes give 0x${met.toString(16)}`);
  const input = whole.over(covered);
  if (input.u8() !== MAGIC[0] || input.u8() !== MAGIC[1]) input.fail('1.1', 'bytes do not begin with the magic "CJ"');
  const version = input.u8();
  if (version !== VERSION) input.fail('1.2', `version is ${version}, expected ${VERSION}`);
  const flags = input.u8();
  if (flags > (COMPRESSED | WIDE_TIMES)) input.fail('1.3', `flags are 0x${flags.toString(16)}, bits 2 to 7 are not 0`);
  const wide = (flags & WIDE_TIMES) !== 0;
  if ((flags & COMPRESSED) === 0) return { body: input, wide };
  const length = input.varintUpTo(JOURNAL_BODY_BYTES_MAX, '1.5', 'length of the body');
  try {
    return { body: input.over(unzstd.decode(input.take(input.remaining), length)), wide };
  } catch (cause) {
    return input.fail('1.5', `body does not decompress to ${length} bytes: ${messageOf(cause)}`, cause);
  }
}

function measure(groups: readonly JournalGroup[]): { samples: number; wide: boolean } {
  let samples = 0;
  let wide = false;
  for (const { channel, firstSequence, times, values } of groups) {
    const count = times.length;
    if (count === 0 || values.length !== count) refuse('3.3', `a group of ${count} times and ${values.length} values`);
    if (channel >>> 0 !== channel) refuse('3.2', `channel is ${channel}, expected a whole number below 2^32`);
    if (!isSequence(firstSequence, count)) refuse('3.4', `first sequence is ${firstSequence}, expected below 2^53`);
    samples += count;
    for (let i = 0; i < count; i++) {
      const time = times[i] ?? 0;
      if (!Number.isSafeInteger(time))
        refuse('3.5', `time is ${time}, expected whole microseconds of magnitude below 2^53`);
      if (time >= NARROW_TIME_MAX || time <= -NARROW_TIME_MAX) wide = true;
    }
  }
  if (samples > COMMIT_SLOTS_MAX) refuse('3.3', `${samples} samples, expected at most ${COMMIT_SLOTS_MAX}`);
  return { samples, wide };
}

/** JOURNAL-3.2 to 3.4: three columns, one after the other, so that each is alike within itself. */
function writeHeads(body: ByteWriter, groups: readonly JournalGroup[]): void {
  let previous = 0;
  for (const { channel } of groups) {
    body.signed(channel - previous);
    previous = channel;
  }
  for (const { times, values } of groups) body.varint(times.length * 2 + (values instanceof Float64Array ? 0 : 1));
  previous = 0;
  for (const { firstSequence } of groups) {
    body.signed(firstSequence - previous);
    previous = firstSequence;
  }
}

interface Heads {
  readonly channels: Float64Array;
  readonly counts: Uint32Array;
  readonly isText: Uint8Array;
  readonly firstSequences: Float64Array;
  /** Samples of all groups, and of those with numbers. */
  readonly samples: number;
  readonly numbers: number;
}

function readHeads(body: ByteReader, groupCount: number): Heads {
  const channels = new Float64Array(groupCount);
  const counts = new Uint32Array(groupCount);
  const isText = new Uint8Array(groupCount);
  const firstSequences = new Float64Array(groupCount);
  let previous = 0;
  for (let i = 0; i < groupCount; i++) {
    previous += body.signed();
    if (previous >>> 0 !== previous) body.fail('3.2', `channel is ${previous}, expected 0 to 2^32 - 1`);
    channels[i] = previous;
  }
  let samples = 0;
  let numbers = 0;
  for (let i = 0; i < groupCount; i++) {
    const code = body.varintUpTo(2 * COMMIT_SLOTS_MAX + 1, '3.3', 'count of a group');
    const count = code >>> 1;
    if (count === 0) body.fail('3.3', 'count of a group is 0, expected at least 1');
    counts[i] = count;
    isText[i] = code & 1;
    samples += count;
    if ((code & 1) === 0) numbers += count;
    if (samples > COMMIT_SLOTS_MAX) body.fail('3.3', `more than ${COMMIT_SLOTS_MAX} samples`);
  }
  previous = 0;
  for (let i = 0; i < groupCount; i++) {
    previous += body.signed();
    if (!isSequence(previous, counts[i] ?? 0))
      body.fail('3.4', `first sequence is ${previous}, expected 0 to 2^53 - 1`);
    firstSequences[i] = previous;
  }
  return { channels, counts, isText, firstSequences, samples, numbers };
}

/** JOURNAL-3.5: a group's first time against that of the group before, its others against the one before. */
function writeTimes(body: ByteWriter, groups: readonly JournalGroup[]): void {
  let groupTime = 0;
  for (const { times } of groups) {
    let previous = groupTime;
    groupTime = times[0] ?? 0;
    for (let i = 0; i < times.length; i++) {
      const time = times[i] ?? 0;
      body.signed(time - previous);
      previous = time;
    }
  }
}

function readTimes(body: ByteReader, { counts, samples }: Heads): Float64Array {
  const times = new Float64Array(samples);
  let groupTime = 0;
  let at = 0;
  for (const count of counts) {
    let time = groupTime;
    for (let i = 0; i < count; i++) {
      time += body.signed();
      if (!(time < NARROW_TIME_MAX && time > -NARROW_TIME_MAX))
        body.fail('3.5', `time is ${time}, magnitude not below 2^52`);
      times[at + i] = time;
    }
    groupTime = times[at] ?? 0;
    at += count;
  }
  return times;
}

/** JOURNAL-3.6: for times whose differences a signed integer could not hold. */
function writeWideTimes(body: ByteWriter, groups: readonly JournalGroup[]): void {
  for (const { times } of groups) for (const time of times) body.signed(time);
}

function readWideTimes(body: ByteReader, { samples }: Heads): Float64Array {
  const times = new Float64Array(samples);
  for (let i = 0; i < samples; i++) times[i] = body.signed();
  return times;
}

/** JOURNAL-3.7: eight planes over the numbers of all groups, least significant bytes first. */
function writeNumbers(body: ByteWriter, groups: readonly JournalGroup[]): void {
  let count = 0;
  for (const { values } of groups) if (values instanceof Float64Array) count += values.length;
  const planes = body.extend(count * 8);
  let at = 0;
  for (const { values } of groups) {
    if (!(values instanceof Float64Array)) continue;
    const bytes = wordBytes(values);
    for (let i = 0; i < bytes.length; i += 8) {
      for (let plane = 0; plane < 8; plane++) planes[plane * count + at] = bytes[i + plane] ?? 0;
      at++;
    }
  }
}

function readNumbers(body: ByteReader, count: number): Float64Array {
  const planes = body.take(count * 8);
  const numbers = new Float64Array(count);
  const bytes = wordBytes(numbers);
  for (let plane = 0; plane < 8; plane++) {
    for (let i = 0; i < count; i++) bytes[i * 8 + plane] = planes[plane * count + i] ?? 0;
  }
  return numbers;
}

/** JOURNAL-3.8: every text with its length, group by group. */
function writeTexts(body: ByteWriter, groups: readonly JournalGroup[]): void {
  for (const { values } of groups) {
    if (values instanceof Float64Array) continue;
    for (const text of values) {
      const length = Buffer.byteLength(text);
      if (length > TEXT_SAMPLE_BYTES_MAX)
        refuse('3.8', `a text of ${length} bytes, expected at most ${TEXT_SAMPLE_BYTES_MAX}`);
      body.text(text);
    }
  }
}

function readTextGroup(body: ByteReader, count: number): string[] {
  const texts: string[] = [];
  for (let i = 0; i < count; i++) texts.push(body.text(TEXT_SAMPLE_BYTES_MAX, '3.8', 'a text'));
  return texts;
}

/** JOURNAL-4. */
function writeLosses(body: ByteWriter, losses: readonly JournalLoss[]): void {
  body.varint(losses.length);
  for (const { channel, firstSequence, count, from, to, cause } of losses) {
    expectLoss(channel, firstSequence, count, from, to);
    body.varint(channel);
    body.varint(firstSequence);
    body.varint(count);
    body.signed(from);
    body.signed(to);
    body.text(cause);
  }
}

function expectLoss(channel: number, firstSequence: number, count: number, from: number, to: number): void {
  if (channel >>> 0 !== channel) refuse('4.2', `channel is ${channel}, expected a whole number below 2^32`);
  if (!(count >= 1 && isSequence(firstSequence, count))) {
    refuse('4.3', `a loss of ${count} samples from sequence ${firstSequence}, expected 1 or more below 2^53`);
  }
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to)) {
    refuse('4.3', `a loss from ${from} to ${to}, expected whole microseconds of magnitude below 2^53`);
  }
}

function readLosses(body: ByteReader): JournalLoss[] {
  const losses: JournalLoss[] = [];
  const count = body.varintUpTo(body.remaining, '4.1', 'number of losses');
  for (let i = 0; i < count; i++) losses.push(readLoss(body));
  return losses;
}

function readLoss(body: ByteReader): JournalLoss {
  const channel = body.varintUpTo(CHANNEL_MAX, '4.2', 'channel of a loss');
  const firstSequence = body.varint();
  const count = body.varint();
  if (count === 0 || !isSequence(firstSequence, count)) {
    body.fail('4.3', `a loss of ${count} samples from sequence ${firstSequence}, expected 1 or more below 2^53`);
  }
  return { channel, firstSequence, count, from: body.signed(), to: body.signed(), cause: readCause(body) };
}

function readCause(body: ByteReader): LossCause {
  const name = body.text(64, '4.4', 'cause of a loss');
  return LOSS_CAUSES.find((cause) => cause === name) ?? body.fail('4.4', `cause "${name}" is not known`);
}

function isSequence(first: number, count: number): boolean {
  return Number.isSafeInteger(first) && first >= 0 && Number.isSafeInteger(first + (count - 1));
}

function refuse(clause: string, problem: string): never {
  throw new CaissonError('journal-invalid', `JOURNAL-${clause}: ${problem}`);
}
