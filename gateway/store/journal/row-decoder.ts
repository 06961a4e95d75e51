import { messageOf } from '../../errors.ts';
import { LOSS_CAUSES, type LossCause } from '../../intake.ts';
import { COMMIT_SLOTS_MAX, TEXT_SAMPLE_BYTES_MAX } from '../../limits.ts';
import { ByteReader } from '../bytes.ts';
import { ZstdDecoder } from '../zstd.ts';
import {
  CHANNEL_MAX,
  COMPRESSED,
  FLOAT32,
  FLOAT64,
  isSequence,
  JOURNAL_BODY_BYTES_MAX,
  type JournalGroup,
  type JournalLoss,
  type JournalRow,
  KIND_SHIFT,
  NARROW_SPAN,
  NEXT_CHANNEL,
  ROW_VERSION,
  SAME_COUNT,
  SAME_SEQUENCE,
  SAME_TIMES,
  SCALED,
  TEXT,
  WIDE_TIMES,
} from './row.ts';
import type { RowScale } from './row-scales.ts';

const unzstd = new ZstdDecoder();

/** Which samples the groups of a row hold. */
export interface RowRuns {
  readonly channels: Float64Array;
  /** First sequence numbers. */
  readonly sequences: Float64Array;
  readonly counts: Uint32Array;
}

/** A row in columns: what {@link JournalRow} holds, without an object a group. */
export interface RowColumns extends RowRuns {
  /** Where the times and the values of each group begin. Groups may share times. */
  readonly timesAt: Uint32Array;
  readonly valuesAt: Uint32Array;
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** The texts of the groups that hold text, by group. */
  readonly texts: ReadonlyMap<number, readonly string[]>;
  readonly losses: readonly JournalLoss[];
}

/** The row of these bytes. Throws CaissonError `journal-invalid`, naming the clause, what was met and what was expected. */
export function decodeJournalRow(bytes: Uint8Array): JournalRow {
  const columns = decodeRowColumns(bytes);
  return { groups: groupsOf(columns), losses: columns.losses };
}

/** As {@link decodeJournalRow}, for rows with many small groups. */
export function decodeRowColumns(bytes: Uint8Array): RowColumns {
  const { body, isWide } = open(bytes);
  const count = body.varintUpTo(body.remaining, '3.1', 'number of groups');
  const columns = count === 0 ? NO_COLUMNS : readColumns(body, count, isWide);
  const losses = readLosses(body);
  if (body.remaining > 0) body.fail('1.4', `${body.remaining} bytes are left over`);
  return { ...columns, losses };
}

/** Reads no further than the heads of the groups: what lies behind them may yet turn out to be invalid. */
export function decodeRowRuns(bytes: Uint8Array): RowRuns {
  const { body, isWide } = open(bytes);
  const count = body.varintUpTo(body.remaining, '3.1', 'number of groups');
  return count === 0 ? NO_COLUMNS : readPreface(body, count, isWide).heads;
}

/** The groups as objects, whose times and values are views of the columns. */
export function groupsOf({ channels, sequences, counts, ...columns }: RowColumns): JournalGroup[] {
  const { timesAt, valuesAt, times, values, texts } = columns;
  const groups: JournalGroup[] = [];
  let shared = times.subarray(0, 0);
  let sharedFrom = -1;
  for (let i = 0; i < counts.length; i += 1) {
    const count = counts[i] ?? 0;
    const timeAt = timesAt[i] ?? 0;
    const valueAt = valuesAt[i] ?? 0;
    if (timeAt !== sharedFrom) {
      shared = times.subarray(timeAt, timeAt + count);
      sharedFrom = timeAt;
    }
    groups.push({
      channel: channels[i] ?? 0,
      firstSequence: sequences[i] ?? 0,
      times: shared,
      values: texts.get(i) ?? values.subarray(valueAt, valueAt + count),
    });
  }
  return groups;
}

function open(bytes: Uint8Array): { body: ByteReader; isWide: boolean } {
  const input = new ByteReader(bytes, 'journal-invalid', 'JOURNAL');
  const version = input.u8();
  if (version !== ROW_VERSION) input.fail('1.1', `version is ${version}, expected ${ROW_VERSION}`);
  const flags = input.u8();
  if (flags > (COMPRESSED | WIDE_TIMES)) input.fail('1.2', `flags are 0x${flags.toString(16)}, bits 2 to 7 are not 0`);
  const isWide = (flags & WIDE_TIMES) !== 0;
  if ((flags & COMPRESSED) === 0) return { body: input, isWide };
  const length = input.varintUpTo(JOURNAL_BODY_BYTES_MAX, '1.3', 'length of the body');
  try {
    return { body: input.over(unzstd.decode(input.take(input.remaining), length)), isWide };
  } catch (cause) {
    return input.fail('1.3', `body does not decompress to ${length} bytes: ${messageOf(cause)}`, cause);
  }
}

/** Heads of all groups, in columns. */
interface Heads {
  readonly channels: Float64Array;
  readonly sequences: Float64Array;
  readonly counts: Uint32Array;
  readonly kinds: Uint8Array;
  readonly hasOwnTimes: Uint8Array;
  readonly scales: Uint32Array;
  /** Samples of all groups, those with times of their own, and those that stand as floats. */
  samples: number;
  ownTimes: number;
  floats32: number;
  floats64: number;
}

const NO_COLUMNS: Omit<RowColumns, 'losses'> = {
  channels: new Float64Array(0),
  sequences: new Float64Array(0),
  counts: new Uint32Array(0),
  timesAt: new Uint32Array(0),
  valuesAt: new Uint32Array(0),
  times: new Float64Array(0),
  values: new Float64Array(0),
  texts: new Map(),
};

/** What stands before the samples of a row. */
function readPreface(body: ByteReader, groupCount: number, isWide: boolean) {
  const scales = readScales(body);
  const base = isWide ? 0 : body.signed();
  return { scales, base, heads: readHeads(body, groupCount, scales.length) };
}

function readColumns(body: ByteReader, groupCount: number, isWide: boolean): Omit<RowColumns, 'losses'> {
  const { scales, base, heads } = readPreface(body, groupCount, isWide);
  const { channels, sequences, counts } = heads;
  const times = isWide ? readWideTimes(body, heads) : readTimes(body, heads, base);
  const values = new Float64Array(heads.samples);
  readIntegers(body, heads, scales, values);
  readFloats(body, heads, FLOAT32, values);
  readFloats(body, heads, FLOAT64, values);
  const timesAt = new Uint32Array(groupCount);
  const valuesAt = new Uint32Array(groupCount);
  const texts = new Map<number, readonly string[]>();
  let ownAt = 0;
  let ownEnd = 0;
  let at = 0;
  for (let i = 0; i < groupCount; i += 1) {
    const count = counts[i] ?? 0;
    if (heads.hasOwnTimes[i] === 1) {
      ownAt = ownEnd;
      ownEnd += count;
    }
    timesAt[i] = ownAt;
    valuesAt[i] = at;
    if (heads.kinds[i] === TEXT) texts.set(i, readTexts(body, count));
    at += count;
  }
  return { channels, sequences, counts, timesAt, valuesAt, times, values, texts };
}

function readScales(body: ByteReader): RowScale[] {
  const scales: RowScale[] = [];
  const count = body.varintUpTo(body.remaining, '3.6', 'number of scales');
  for (let i = 0; i < count; i += 1) {
    const form = body.u8();
    if (form > 1) body.fail('3.6', `form of a scale is ${form}, expected 0 or 1`);
    const divide = form === 1;
    const gain = body.f64();
    const offset = divide ? 0 : body.f64();
    if (!Number.isFinite(gain) || gain === 0 || !Number.isFinite(offset)) {
      body.fail('3.6', `a scale has gain ${gain} and offset ${offset}, expected finite ones and a gain that is not 0`);
    }
    scales.push({ gain, offset, divide });
  }
  return scales;
}

function readHeads(body: ByteReader, groupCount: number, scaleCount: number): Heads {
  const heads: Heads = {
    channels: new Float64Array(groupCount),
    sequences: new Float64Array(groupCount),
    counts: new Uint32Array(groupCount),
    kinds: new Uint8Array(groupCount),
    hasOwnTimes: new Uint8Array(groupCount),
    scales: new Uint32Array(groupCount),
    samples: 0,
    ownTimes: 0,
    floats32: 0,
    floats64: 0,
  };
  let channel = -1;
  let sequence = 0;
  let count = 0;
  let scale = scaleCount;
  for (let i = 0; i < groupCount; i += 1) {
    const form = body.u8();
    const kind = form >>> KIND_SHIFT;
    if (kind > TEXT) body.fail('3.2', `form of a group is 0x${form.toString(16)}, whose values are of no kind`);
    channel += form & NEXT_CHANNEL ? 1 : body.signed();
    if (channel >>> 0 !== channel) body.fail('3.3', `channel is ${channel}, expected 0 to 2^32 - 1`);
    if ((form & SAME_SEQUENCE) === 0) sequence += body.signed();
    if ((form & SAME_COUNT) === 0) {
      count = body.varintUpTo(COMMIT_SLOTS_MAX, '3.4', 'count of a group');
      if (form & SAME_TIMES) body.fail('3.2', 'a group has the times of another and a count of its own');
    }
    if (count === 0) body.fail('3.4', 'count of a group is 0, expected at least 1');
    if (!isSequence(sequence, count)) body.fail('3.5', `first sequence is ${sequence}, expected 0 to 2^53 - 1`);
    heads.samples += count;
    if (heads.samples > COMMIT_SLOTS_MAX) body.fail('3.4', `more than ${COMMIT_SLOTS_MAX} samples`);
    if (kind === SCALED) scale = body.varint();
    if (kind <= SCALED && scale >= scaleCount) body.fail('3.6', `scale ${scale} of ${scaleCount}`);
    if ((form & SAME_TIMES) === 0) {
      heads.hasOwnTimes[i] = 1;
      heads.ownTimes += count;
    }
    if (kind === FLOAT32) heads.floats32 += count;
    if (kind === FLOAT64) heads.floats64 += count;
    heads.channels[i] = channel;
    heads.sequences[i] = sequence;
    heads.counts[i] = count;
    heads.kinds[i] = kind;
    heads.scales[i] = scale;
  }
  return heads;
}

function readTimes(body: ByteReader, { counts, hasOwnTimes, ownTimes }: Heads, base: number): Float64Array {
  const times = new Float64Array(ownTimes);
  body.signedRun(times);
  let groupTime = base;
  let step = 0;
  let at = 0;
  for (let i = 0; i < counts.length; i += 1) {
    if (hasOwnTimes[i] === 0) continue;
    const end = at + (counts[i] ?? 0);
    groupTime += times[at] ?? 0;
    let time = groupTime;
    checkTime(body, time, base);
    times[at] = time;
    for (at += 1; at < end; at += 1) {
      step += times[at] ?? 0;
      time += step;
      checkTime(body, time, base);
      times[at] = time;
    }
  }
  return times;
}

function checkTime(body: ByteReader, time: number, base: number): void {
  const distance = time - base;
  if (
    distance < NARROW_SPAN &&
    distance > -NARROW_SPAN &&
    time <= Number.MAX_SAFE_INTEGER &&
    time >= -Number.MAX_SAFE_INTEGER
  ) {
    return;
  }
  body.fail('3.7', `time is ${time}, which is not within 2^50 of ${base}, or not below 2^53`);
}

function readWideTimes(body: ByteReader, { ownTimes }: Heads): Float64Array {
  const times = new Float64Array(ownTimes);
  body.signedRun(times);
  return times;
}

function readIntegers(body: ByteReader, heads: Heads, scales: readonly RowScale[], values: Float64Array): void {
  const { counts, kinds } = heads;
  const integers = new Float64Array(heads.samples - heads.floats32 - heads.floats64 - textsOf(heads));
  body.signedRun(integers);
  let from = 0;
  let at = 0;
  for (let i = 0; i < counts.length; i += 1) {
    const count = counts[i] ?? 0;
    const scale = (kinds[i] ?? TEXT) <= SCALED ? scales[heads.scales[i] ?? 0] : undefined;
    if (scale !== undefined) {
      restore(integers, from, values, at, count, scale);
      from += count;
    }
    at += count;
  }
}

/** Turns differences of integers into numbers. */
function restore(
  integers: Float64Array,
  from: number,
  values: Float64Array,
  at: number,
  count: number,
  { gain, offset, divide }: RowScale,
): void {
  let integer = 0;
  if (divide) {
    for (let i = 0; i < count; i += 1) {
      integer += integers[from + i] ?? 0;
      values[at + i] = integer / gain;
    }
    return;
  }
  for (let i = 0; i < count; i += 1) {
    integer += integers[from + i] ?? 0;
    values[at + i] = integer * gain + offset;
  }
}

function textsOf({ counts, kinds }: Heads): number {
  let texts = 0;
  for (let i = 0; i < counts.length; i += 1) if (kinds[i] === TEXT) texts += counts[i] ?? 0;
  return texts;
}

function readFloats(body: ByteReader, heads: Heads, kind: typeof FLOAT32 | typeof FLOAT64, values: Float64Array): void {
  const count = kind === FLOAT32 ? heads.floats32 : heads.floats64;
  if (count === 0) return;
  const floats = kind === FLOAT32 ? new Float32Array(count) : new Float64Array(count);
  const bytes = new Uint8Array(floats.buffer);
  const width = floats.BYTES_PER_ELEMENT;
  const planes = body.take(count * width);
  for (let plane = 0; plane < width; plane += 1) {
    for (let i = 0; i < count; i += 1) bytes[i * width + plane] = planes[plane * count + i] ?? 0;
  }
  let from = 0;
  let at = 0;
  for (let i = 0; i < heads.counts.length; i += 1) {
    const length = heads.counts[i] ?? 0;
    if (heads.kinds[i] === kind) {
      values.set(floats.subarray(from, from + length), at);
      from += length;
    }
    at += length;
  }
}

function readTexts(body: ByteReader, count: number): string[] {
  const texts: string[] = [];
  for (let i = 0; i < count; i += 1) texts.push(body.text(TEXT_SAMPLE_BYTES_MAX, '3.11', 'a text'));
  return texts;
}

function readLosses(body: ByteReader): JournalLoss[] {
  const losses: JournalLoss[] = [];
  const count = body.varintUpTo(body.remaining, '4.1', 'number of losses');
  for (let i = 0; i < count; i += 1) losses.push(readLoss(body));
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
