import { Buffer, isUtf8 } from 'node:buffer';
import { PayloadError } from '../payload/payload-error.ts';

/*
 * Codec of PACKED_FRAME.md. Samples are copied as bytes between the frame and typed arrays, so that every bit pattern
 * survives, NaN payloads included. Node runs on little-endian hosts only as far as this project goes, and the frame is
 * little-endian, so such a copy needs no swapping.
 */

/** First bytes of every frame (PF-1.1). They can begin no UTF-8 text, so no JSON and no plain number either. */
export const PACKED_FRAME_MAGIC = 0x15ca;
/** The version this codec reads and writes (PF-1.2). */
export const PACKED_FRAME_VERSION = 1;
/** Channels of one frame (PF-4.1). */
export const PACKED_CHANNELS_MAX = 4096;
/** Samples of one frame over all its channels (PF-4.2). */
export const PACKED_SAMPLES_MAX = 65_536;
/** Bytes of a channel's name in UTF-8 (PF-2.3). */
export const PACKED_NAME_BYTES_MAX = 255;
/** Raw value of an `i16` channel that stands for a sample that was not taken (PF-3.4). */
export const PACKED_I16_GAP = -32_768;

const HEADER_BYTES = 14;
const RECORD_HEAD_BYTES = 14;
const RECORD_BYTES_MAX = 0xffff;
const SCALE_BYTES = 16;
const U32_MAX = 0xffff_ffff;

const TYPE_F32 = 1;
const TYPE_F64 = 2;
const TYPE_I16 = 3;
const TYPE_BOOL = 4;

interface PackedSpan {
  /** Name below the topic; empty for the topic itself. */
  readonly name: string;
  /** First sample's time behind the frame's base time, microseconds. */
  readonly firstUs: number;
  /** From one sample to the next, microseconds. */
  readonly intervalUs: number;
}

/** One channel's run of samples at a fixed interval. */
export type PackedChannel =
  | (PackedSpan & { readonly type: 'f32'; readonly values: Float32Array })
  | (PackedSpan & { readonly type: 'f64'; readonly values: Float64Array })
  /** value = raw * gain + offset; {@link PACKED_I16_GAP} is a sample that was not taken. */
  | (PackedSpan & { readonly type: 'i16'; readonly values: Int16Array; readonly gain: number; readonly offset: number })
  /** 0 or 1. */
  | (PackedSpan & { readonly type: 'bool'; readonly values: Uint8Array });

export interface PackedFrame {
  /** UTC of offset 0, microseconds; 0 when the device does not know the time, then the arrival of the frame counts. */
  readonly baseTimeUs: number;
  readonly channels: readonly PackedChannel[];
}

/** True when the bytes begin as a packed frame does; no other payload can. */
export function isPackedFrame(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === (PACKED_FRAME_MAGIC & 0xff) && bytes[1] === PACKED_FRAME_MAGIC >> 8;
}

/** Offset of the latest sample of the frame, microseconds; it is what happened at the moment of arrival (PF-3.2). */
export function lastOffsetUs(frame: PackedFrame): number {
  let last = 0;
  for (const { firstUs, intervalUs, values } of frame.channels) {
    if (values.length > 0) last = Math.max(last, firstUs + intervalUs * (values.length - 1));
  }
  return last;
}

/**
 * Reads a frame. Records of a type that this version does not know are left out (PF-5.2).
 * @throws PayloadError `packed-invalid`, the message starting with the clause that is broken
 */
export function decodePackedFrame(bytes: Uint8Array): PackedFrame {
  if (bytes.length < HEADER_BYTES) throw invalid('PF-1', `${bytes.length} bytes are shorter than the header of 14`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isPackedFrame(bytes)) throw invalid('PF-1.1', `begins ${hex(bytes, 2)}, not ca15`);
  const version = view.getUint8(2);
  if (version !== PACKED_FRAME_VERSION) throw invalid('PF-1.2', `version ${version}, not ${PACKED_FRAME_VERSION}`);
  const headerBytes = view.getUint8(3);
  if (headerBytes < HEADER_BYTES || headerBytes > bytes.length) {
    throw invalid('PF-1.3', `header of ${headerBytes} bytes in a frame of ${bytes.length}, not 14 or more`);
  }
  const baseTimeUs = view.getUint32(8, true) * 2 ** 32 + view.getUint32(4, true);
  if (!Number.isSafeInteger(baseTimeUs)) throw invalid('PF-1.4', 'base time above 2^53 - 1 microseconds');
  const count = view.getUint16(12, true);
  if (count === 0 || count > PACKED_CHANNELS_MAX) {
    throw invalid('PF-4.1', `${count} channels, not 1 to ${PACKED_CHANNELS_MAX}`);
  }

  const channels: PackedChannel[] = [];
  let samples = 0;
  let at = headerBytes;
  for (let record = 0; record < count; record++) {
    if (at + RECORD_HEAD_BYTES > bytes.length) throw invalid('PF-2.1', `record ${record} of ${count} is cut off`);
    const recordBytes = view.getUint16(at, true);
    if (recordBytes < RECORD_HEAD_BYTES || at + recordBytes > bytes.length) {
      throw invalid('PF-2.1', `record ${record} of ${recordBytes} bytes at ${at} in a frame of ${bytes.length}`);
    }
    samples += view.getUint16(at + 4, true);
    if (samples > PACKED_SAMPLES_MAX) throw invalid('PF-4.2', `more than ${PACKED_SAMPLES_MAX} samples`);
    const channel = decodeRecord(bytes, view, at, at + recordBytes);
    if (channel !== undefined) channels.push(channel);
    at += recordBytes;
  }
  if (at !== bytes.length) throw invalid('PF-2.2', `${bytes.length - at} bytes behind the last record`);
  return { baseTimeUs, channels };
}

/**
 * Writes a frame in its shortest form.
 * @throws RangeError when a count, offset, name or record is beyond what the format can carry
 */
export function encodePackedFrame(frame: PackedFrame): Uint8Array<ArrayBuffer> {
  const { baseTimeUs, channels } = frame;
  check(Number.isSafeInteger(baseTimeUs) && baseTimeUs >= 0, 'PF-1.4', `base time ${baseTimeUs}`);
  check(channels.length >= 1 && channels.length <= PACKED_CHANNELS_MAX, 'PF-4.1', `${channels.length} channels`);
  let samples = 0;
  let total = HEADER_BYTES;
  for (const channel of channels) {
    samples += channel.values.length;
    total += recordBytesOf(channel);
  }
  check(samples <= PACKED_SAMPLES_MAX, 'PF-4.2', `${samples} samples`);

  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, PACKED_FRAME_MAGIC, true);
  view.setUint8(2, PACKED_FRAME_VERSION);
  view.setUint8(3, HEADER_BYTES);
  view.setUint32(4, baseTimeUs % 2 ** 32, true);
  view.setUint32(8, Math.floor(baseTimeUs / 2 ** 32), true);
  view.setUint16(12, channels.length, true);
  let at = HEADER_BYTES;
  for (const channel of channels) at = encodeRecord(bytes, view, at, channel);
  return bytes;
}

function decodeRecord(bytes: Uint8Array, view: DataView, start: number, end: number): PackedChannel | undefined {
  const type = view.getUint8(start + 2);
  const nameBytes = view.getUint8(start + 3);
  const count = view.getUint16(start + 4, true);
  const firstUs = view.getUint32(start + 6, true);
  const intervalUs = view.getUint32(start + 10, true);
  const nameAt = start + RECORD_HEAD_BYTES;
  let at = nameAt + nameBytes;
  if (at > end) throw invalid('PF-2.3', `name of ${nameBytes} bytes reaches beyond its record`);
  const raw = bytes.subarray(nameAt, at);
  if (!isUtf8(raw) || raw.includes(0)) throw invalid('PF-2.3', 'name is not UTF-8 without U+0000');
  const span = { name: Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString('utf8'), firstUs, intervalUs };

  switch (type) {
    case TYPE_F32:
      return { ...span, type: 'f32', values: copyInto(new Float32Array(count), bytes, at, end) };
    case TYPE_F64:
      return { ...span, type: 'f64', values: copyInto(new Float64Array(count), bytes, at, end) };
    case TYPE_I16: {
      if (at + SCALE_BYTES > end) throw invalid('PF-3.3', 'record ends before gain and offset');
      const gain = view.getFloat64(at, true);
      const offset = view.getFloat64(at + 8, true);
      if (!Number.isFinite(gain) || gain === 0 || !Number.isFinite(offset)) {
        throw invalid('PF-3.3', `gain ${gain} and offset ${offset}, not finite with a gain other than 0`);
      }
      at += SCALE_BYTES;
      return { ...span, type: 'i16', values: copyInto(new Int16Array(count), bytes, at, end), gain, offset };
    }
    case TYPE_BOOL: {
      const values = copyInto(new Uint8Array(count), bytes, at, end);
      if (values.some((value) => value > 1)) throw invalid('PF-3.5', 'a bool that is neither 0 nor 1');
      return { ...span, type: 'bool', values };
    }
    default:
      return undefined;
  }
}

function encodeRecord(bytes: Uint8Array, view: DataView, start: number, channel: PackedChannel): number {
  const { name, values, firstUs, intervalUs } = channel;
  check(Number.isInteger(firstUs) && firstUs >= 0 && firstUs <= U32_MAX, 'PF-3.1', `first offset ${firstUs}`);
  check(Number.isInteger(intervalUs) && intervalUs >= 0 && intervalUs <= U32_MAX, 'PF-3.1', `interval ${intervalUs}`);
  const nameBytes = Buffer.from(name, 'utf8');
  view.setUint16(start, recordBytesOf(channel), true);
  view.setUint8(start + 2, typeCode(channel));
  view.setUint8(start + 3, nameBytes.length);
  view.setUint16(start + 4, values.length, true);
  view.setUint32(start + 6, firstUs, true);
  view.setUint32(start + 10, intervalUs, true);
  bytes.set(nameBytes, start + RECORD_HEAD_BYTES);
  let at = start + RECORD_HEAD_BYTES + nameBytes.length;
  if (channel.type === 'i16') {
    const { gain, offset } = channel;
    check(Number.isFinite(gain) && gain !== 0 && Number.isFinite(offset), 'PF-3.3', `gain ${gain}, offset ${offset}`);
    view.setFloat64(at, gain, true);
    view.setFloat64(at + 8, offset, true);
    at += SCALE_BYTES;
  }
  if (channel.type === 'bool') check(!values.some((value) => value > 1), 'PF-3.5', 'a bool other than 0 or 1');
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
  return at + values.byteLength;
}

function recordBytesOf(channel: PackedChannel): number {
  const nameBytes = Buffer.byteLength(channel.name, 'utf8');
  check(nameBytes <= PACKED_NAME_BYTES_MAX && !channel.name.includes('\0'), 'PF-2.3', `name ${channel.name}`);
  const scaleBytes = channel.type === 'i16' ? SCALE_BYTES : 0;
  const recordBytes = RECORD_HEAD_BYTES + nameBytes + scaleBytes + channel.values.byteLength;
  check(recordBytes <= RECORD_BYTES_MAX, 'PF-2.1', `record of ${recordBytes} bytes`);
  return recordBytes;
}

function typeCode(channel: PackedChannel): number {
  switch (channel.type) {
    case 'f32':
      return TYPE_F32;
    case 'f64':
      return TYPE_F64;
    case 'i16':
      return TYPE_I16;
    case 'bool':
      return TYPE_BOOL;
  }
}

/** Fills `values` with the bytes from `at`; bytes of the record behind them belong to a later version (PF-5.3). */
function copyInto<T extends Float32Array | Float64Array | Int16Array | Uint8Array>(
  values: T,
  bytes: Uint8Array,
  at: number,
  end: number,
): T {
  if (at + values.byteLength > end) {
    throw invalid('PF-2.4', `${values.length} samples need ${values.byteLength} bytes, the record has ${end - at}`);
  }
  new Uint8Array(values.buffer).set(bytes.subarray(at, at + values.byteLength));
  return values;
}

function invalid(clause: string, detail: string): PayloadError {
  return new PayloadError('packed-invalid', `${clause}: ${detail}`);
}

function check(holds: boolean, clause: string, met: string): void {
  if (!holds) throw new RangeError(`${clause}: ${met} does not fit a packed frame`);
}

function hex(bytes: Uint8Array, count: number): string {
  return Buffer.from(bytes.subarray(0, count)).toString('hex');
}
