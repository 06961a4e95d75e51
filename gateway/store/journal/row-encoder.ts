import { Buffer } from 'node:buffer';
import { COMMIT_SLOTS_MAX, TEXT_SAMPLE_BYTES_MAX } from '../../limits.ts';
import { ByteWriter } from '../bytes.ts';
import { ZstdEncoder } from '../zstd.ts';
import {
  COMPRESSED,
  FLOAT32,
  FLOAT64,
  isSequence,
  JOURNAL_BODY_BYTES_MAX,
  type JournalLoss,
  type JournalRow,
  KIND_SHIFT,
  NEXT_CHANNEL,
  ROW_VERSION,
  refuse,
  SAME_COUNT,
  SAME_SEQUENCE,
  SAME_TIMES,
  SCALED,
  SCALED_AS_BEFORE,
  TEXT,
  WIDE_TIMES,
} from './row.ts';
import { type GroupRange, RowGroups } from './row-groups.ts';
import { type RowScale, RowScales, type ScaleHintOf } from './row-scales.ts';
import { refuseTime, SampleWriter } from './sample-writer.ts';

/** A shorter body is left as it is: a record takes whole pages, and what zstd could take off would not save one. */
const COMPRESS_BYTES_MIN = 3900;

/** So is a longer one: it comes where samples come as fast as they can be taken, and what zstd would save its time costs. */
const COMPRESS_BYTES_MAX = 256 * 1024;

/** Most bytes of a group before its times and values. */
const HEAD_BYTES_MAX = 32;

const zstd = new ZstdEncoder(1);

/** The bytes of a row. Throws CaissonError `journal-invalid` for what no row can hold. */
export function encodeJournalRow({ groups, losses }: JournalRow): Uint8Array {
  return new RowEncoder().encode(RowGroups.of(groups), losses).slice();
}

/** Writes rows; from one to the next it remembers what the numbers of a channel look like. */
export class RowEncoder {
  readonly #scales: RowScales;
  readonly #samples = new SampleWriter();
  readonly #body = new ByteWriter();
  readonly #row = new ByteWriter();
  #heads = new Uint8Array(0);
  #headsEnd = 0;
  /** Groups whose values stand as floats, and text. */
  #floats32: Float64Array[] = [];
  #floats64: Float64Array[] = [];
  #texts: (readonly string[])[] = [];
  /** Scales of the row in hand, and by index of a scale its place among them, while `#rowOf` says that it is of this row. */
  #rowScales: RowScale[] = [];
  readonly #placeOf: number[] = [];
  readonly #rowOf: number[] = [];
  #rowNumber = 0;

  /** @param hintOf gain and offset that the source of a channel knows */
  constructor(hintOf: ScaleHintOf = () => undefined) {
    this.#scales = new RowScales(hintOf);
  }

  /** The bytes of a row, valid until the next. Throws CaissonError `journal-invalid` for what no row can hold. */
  encode(groups: RowGroups, losses: readonly JournalLoss[]): Uint8Array {
    const first = groups.count > 0 ? groups.at(0) : undefined;
    const base = first?.times[first.from] ?? 0;
    if (!Number.isSafeInteger(base)) refuseTime(base);
    const isWide = !this.#writeGroups(groups, base, false);
    if (isWide) this.#writeGroups(groups, base, true);
    const body = this.#body;
    body.clear();
    body.varint(groups.count);
    if (groups.count > 0) this.#writeColumns(body, base, isWide);
    writeLosses(body, losses);
    if (body.length > JOURNAL_BODY_BYTES_MAX) {
      refuse('1.3', `a body of ${body.length} bytes, expected at most ${JOURNAL_BODY_BYTES_MAX}`);
    }
    return this.#framed(body.written(), isWide);
  }

  #framed(body: Uint8Array, isWide: boolean): Uint8Array {
    const isTried = body.length >= COMPRESS_BYTES_MIN && body.length <= COMPRESS_BYTES_MAX;
    const frame = isTried ? zstd.encode(body, body.length - 4) : undefined;
    const out = this.#row;
    out.clear();
    out.u8(ROW_VERSION);
    out.u8((frame === undefined ? 0 : COMPRESSED) | (isWide ? WIDE_TIMES : 0));
    if (frame !== undefined) out.varint(body.length);
    out.bytes(frame ?? body);
    return out.written();
  }

  #begin(groups: number, base: number): void {
    this.#rowNumber += 1;
    this.#samples.begin(base);
    this.#rowScales = [];
    this.#floats32 = [];
    this.#floats64 = [];
    this.#texts = [];
    if (this.#heads.length < groups * HEAD_BYTES_MAX) this.#heads = new Uint8Array(groups * 2 * HEAD_BYTES_MAX);
  }

  /** False where times turn out to be wide, which was not said. */
  #writeGroups(groups: RowGroups, base: number, isWide: boolean): boolean {
    this.#begin(groups.count, base);
    const heads = this.#heads;
    let at = 0;
    let channel = -1;
    let sequence = 0;
    let samples = 0;
    let before: GroupRange | undefined;
    let scale = -1;
    for (let index = 0; index < groups.count; index += 1) {
      const group = groups.at(index);
      expectGroup(group);
      const { times, values, from, to } = group;
      const count = to - from;
      let form = 0;
      if (group.channel === channel + 1) form |= NEXT_CHANNEL;
      if (group.firstSequence === sequence) form |= SAME_SEQUENCE;
      if (before !== undefined && count === before.to - before.from) form |= SAME_COUNT;
      if (before !== undefined && haveSameTimes(group, before)) form |= SAME_TIMES;
      else if (isWide) this.#samples.writeWideTimes(times, from, to);
      else if (!this.#samples.writeTimes(times, from, to)) return false;
      before = group;
      let place = -1;
      let kind = TEXT;
      if (values instanceof Float64Array) {
        place = this.#writeScaled(group.channel, values, from, to);
        if (place >= 0) kind = place === scale ? SCALED_AS_BEFORE : SCALED;
        else kind = this.#keepFloats(values.subarray(from, to));
      } else this.#texts.push(values.slice(from, to));
      heads[at] = form | (kind << KIND_SHIFT);
      at += 1;
      if ((form & NEXT_CHANNEL) === 0) at = putSigned(heads, at, group.channel - channel);
      if ((form & SAME_SEQUENCE) === 0) at = putSigned(heads, at, group.firstSequence - sequence);
      if ((form & SAME_COUNT) === 0) at = putVarint(heads, at, count);
      if (kind === SCALED) {
        at = putVarint(heads, at, place);
        scale = place;
      }
      channel = group.channel;
      sequence = group.firstSequence;
      samples += count;
      if (samples > COMMIT_SLOTS_MAX) refuse('3.4', `${samples} samples, expected at most ${COMMIT_SLOTS_MAX}`);
    }
    this.#headsEnd = at;
    return true;
  }

  /** Writes the integers of a group; returns the place of their scale in the row, or a negative number where there is none. */
  #writeScaled(channel: number, values: Float64Array, from: number, to: number): number {
    let index = this.#scales.of(channel);
    if (this.#tryScale(index, values, from, to)) return this.#placeInRow(index);
    index = this.#scales.search(channel, values.subarray(from, to));
    return this.#tryScale(index, values, from, to) ? this.#placeInRow(index) : -1;
  }

  #tryScale(index: number, values: Float64Array, from: number, to: number): boolean {
    const scale = this.#scales.at(index);
    return scale !== undefined && this.#samples.writeIntegers(values, from, to, scale);
  }

  #placeInRow(index: number): number {
    if (this.#rowOf[index] === this.#rowNumber) return this.#placeOf[index] ?? -1;
    const scale = this.#scales.at(index);
    if (scale === undefined) return -1;
    const place = this.#rowScales.push(scale) - 1;
    this.#rowOf[index] = this.#rowNumber;
    this.#placeOf[index] = place;
    return place;
  }

  #keepFloats(values: Float64Array): number {
    if (isFloat32(values)) {
      this.#floats32.push(values);
      return FLOAT32;
    }
    this.#floats64.push(values);
    return FLOAT64;
  }

  #writeColumns(body: ByteWriter, base: number, isWide: boolean): void {
    body.varint(this.#rowScales.length);
    for (const { gain, offset, divide } of this.#rowScales) {
      body.u8(divide ? 1 : 0);
      body.f64(gain);
      if (!divide) body.f64(offset);
    }
    if (!isWide) body.signed(base);
    body.bytes(this.#heads.subarray(0, this.#headsEnd));
    body.bytes(this.#samples.takeTimes());
    body.bytes(this.#samples.takeIntegers());
    writePlanes(body, this.#floats32, Float32Array);
    writePlanes(body, this.#floats64, Float64Array);
    for (const texts of this.#texts) writeTexts(body, texts);
  }
}

function expectGroup({ channel, firstSequence, from, to }: GroupRange): void {
  if (to <= from) refuse('3.4', 'a group of 0 times');
  if (channel >>> 0 !== channel) refuse('3.3', `channel is ${channel}, expected a whole number below 2^32`);
  if (!isSequence(firstSequence, to - from)) refuse('3.5', `first sequence is ${firstSequence}, expected below 2^53`);
}

function haveSameTimes(a: GroupRange, b: GroupRange): boolean {
  if (a.to - a.from !== b.to - b.from) return false;
  const [times, others] = [a.times, b.times];
  const shift = b.to - a.to;
  for (let i = a.to - 1; i >= a.from; i -= 1) if (times[i] !== others[i + shift]) return false;
  return true;
}

function isFloat32(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? 0;
    // A NaN may hold more than a float32 can.
    if (Math.fround(value) !== value) return false;
  }
  return true;
}

/** JOURNAL-3.10: the bytes of all floats, the least significant of every one first. */
function writePlanes(
  body: ByteWriter,
  groups: readonly Float64Array[],
  Floats: typeof Float32Array | typeof Float64Array,
): void {
  const count = groups.reduce((sum, { length }) => sum + length, 0);
  const width = Floats.BYTES_PER_ELEMENT;
  const planes = body.extend(count * width);
  let at = 0;
  for (const values of groups) {
    const floats = Floats === Float64Array ? values : Float32Array.from(values);
    const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
    for (let i = 0; i < bytes.length; i += width) {
      for (let plane = 0; plane < width; plane += 1) planes[plane * count + at] = bytes[i + plane] ?? 0;
      at += 1;
    }
  }
}

function writeTexts(body: ByteWriter, texts: readonly string[]): void {
  for (const text of texts) {
    const length = Buffer.byteLength(text);
    if (length > TEXT_SAMPLE_BYTES_MAX) {
      refuse('3.11', `a text of ${length} bytes, expected at most ${TEXT_SAMPLE_BYTES_MAX}`);
    }
    body.text(text);
  }
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

/** As {@link ByteWriter.varint}, into memory that has room; returns the offset behind it. */
function putVarint(out: Uint8Array, at: number, value: number): number {
  while (value >= 0x80) {
    out[at] = (value % 0x80) | 0x80;
    at += 1;
    value = Math.floor(value / 0x80);
  }
  out[at] = value;
  return at + 1;
}

/** As {@link ByteWriter.signed}, into memory that has room; returns the offset behind it. */
function putSigned(out: Uint8Array, at: number, value: number): number {
  const sign = value < 0 ? 1 : 0;
  const magnitude = Math.abs(value);
  if (magnitude < 0x40) {
    out[at] = (magnitude << 1) | sign;
    return at + 1;
  }
  if (magnitude >= 0x4000_0000) {
    out[at] = 0x80 | ((magnitude % 0x40) << 1) | sign;
    return putVarint(out, at + 1, Math.floor(magnitude / 0x40));
  }
  out[at] = 0x80 | ((magnitude & 0x3f) << 1) | sign;
  at += 1;
  let rest = magnitude >>> 6;
  while (rest >= 0x80) {
    out[at] = (rest & 0x7f) | 0x80;
    at += 1;
    rest >>>= 7;
  }
  out[at] = rest;
  return at + 1;
}
