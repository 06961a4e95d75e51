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

/** Types of a record (PF-3). */
export const PACKED_F32 = 1;
export const PACKED_F64 = 2;
export const PACKED_I16 = 3;
export const PACKED_BOOL = 4;

/**
 * Goes through a frame record by record, without an object for any of them: {@link PackedReader.open}, then
 * {@link PackedReader.next} until it returns false. Only then is the frame known to be whole. Records of a type that this version
 * does not know are left out (PF-5.2). Its fields are those of the record it stands at.
 */
export class PackedReader {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** As in {@link PackedFrame}. */
  baseTimeUs = 0;
  /** One of PACKED_F32, PACKED_F64, PACKED_I16, PACKED_BOOL. */
  type = 0;
  nameAt = 0;
  nameEnd = 0;
  firstUs = 0;
  intervalUs = 0;
  /** Samples. */
  count = 0;
  /** Where they begin; there are as many as the record says (PF-2.4). */
  valuesAt = 0;
  /** Of a record of type i16. */
  gain = 1;
  offset = 0;
  #records = 0;
  #record = 0;
  #samples = 0;
  #at = 0;

  /** @throws PayloadError `packed-invalid`, the message starting with the clause that is broken */
  open(bytes: Uint8Array): void {
    if (bytes.length < HEADER_BYTES) throw invalid('PF-1', `${bytes.length} bytes are shorter than the header of 14`);
    if (!isPackedFrame(bytes)) throw invalid('PF-1.1', `begins ${hex(bytes, 2)}, not ca15`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const version = view.getUint8(2);
    if (version !== PACKED_FRAME_VERSION) throw invalid('PF-1.2', `version ${version}, not ${PACKED_FRAME_VERSION}`);
    const headerBytes = view.getUint8(3);
    if (headerBytes < HEADER_BYTES || headerBytes > bytes.length) {
      throw invalid('PF-1.3', `header of ${headerBytes} bytes in a frame of ${bytes.length}, not 14 or more`);
    }
    this.baseTimeUs = view.getUint32(8, true) * 2 ** 32 + view.getUint32(4, true);
    if (!Number.isSafeInteger(this.baseTimeUs)) throw invalid('PF-1.4', 'base time above 2^53 - 1 microseconds');
    this.#records = view.getUint16(12, true);
    if (this.#records === 0 || this.#records > PACKED_CHANNELS_MAX) {
      throw invalid('PF-4.1', `${this.#records} channels, not 1 to ${PACKED_CHANNELS_MAX}`);
    }
    this.bytes = bytes;
    this.view = view;
    this.#record = 0;
    this.#samples = 0;
    this.#at = headerBytes;
  }

  /**
   * Goes to the next record; false behind the last.
   * @throws PayloadError as {@link PackedReader.open}
   */
  next(): boolean {
    while (this.#record < this.#records) {
      const start = this.#at;
      const left = this.bytes.length - start;
      if (left < RECORD_HEAD_BYTES) throw invalid('PF-2.1', `record ${this.#record} of ${this.#records} is cut off`);
      const recordBytes = this.view.getUint16(start, true);
      if (recordBytes < RECORD_HEAD_BYTES || recordBytes > left) {
        const place = `record ${this.#record} of ${recordBytes} bytes at ${start}`;
        throw invalid('PF-2.1', `${place} in a frame of ${this.bytes.length}`);
      }
      this.#record++;
      this.#at += recordBytes;
      if (this.#read(start, start + recordBytes)) return true;
    }
    if (this.#at !== this.bytes.length) {
      throw invalid('PF-2.2', `${this.bytes.length - this.#at} bytes behind the last record`);
    }
    return false;
  }

  /**
   * Name of the record's channel below the topic; empty for the topic itself.
   * @throws PayloadError PF-2.3
   */
  name(): string {
    const raw = this.bytes.subarray(this.nameAt, this.nameEnd);
    if (!isUtf8(raw) || raw.includes(0)) throw invalid('PF-2.3', 'name is not UTF-8 without U+0000');
    return Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString('utf8');
  }

  /** Reads what stands before the values; false when the record's type is not known. */
  #read(start: number, end: number): boolean {
    const { view } = this;
    this.type = view.getUint8(start + 2);
    this.count = view.getUint16(start + 4, true);
    this.#samples += this.count;
    if (this.#samples > PACKED_SAMPLES_MAX) throw invalid('PF-4.2', `more than ${PACKED_SAMPLES_MAX} samples`);
    this.firstUs = view.getUint32(start + 6, true);
    this.intervalUs = view.getUint32(start + 10, true);
    this.nameAt = start + RECORD_HEAD_BYTES;
    this.nameEnd = this.nameAt + view.getUint8(start + 3);
    if (this.nameEnd > end)
      throw invalid('PF-2.3', `name of ${this.nameEnd - this.nameAt} bytes reaches beyond its record`);
    this.valuesAt = this.nameEnd;
    switch (this.type) {
      case PACKED_F32:
        this.#requireValues(4, end);
        return true;
      case PACKED_F64:
        this.#requireValues(8, end);
        return true;
      case PACKED_I16:
        this.#readScale(end);
        this.#requireValues(2, end);
        return true;
      case PACKED_BOOL:
        this.#requireValues(1, end);
        for (let at = this.valuesAt; at < this.valuesAt + this.count; at++) {
          if (view.getUint8(at) > 1) throw invalid('PF-3.5', 'a bool that is neither 0 nor 1');
        }
        return true;
      default:
        this.name();
        return false;
    }
  }

  #readScale(end: number): void {
    if (this.valuesAt + SCALE_BYTES > end) throw invalid('PF-3.3', 'record ends before gain and offset');
    this.gain = this.view.getFloat64(this.valuesAt, true);
    this.offset = this.view.getFloat64(this.valuesAt + 8, true);
    if (!Number.isFinite(this.gain) || this.gain === 0 || !Number.isFinite(this.offset)) {
      throw invalid('PF-3.3', `gain ${this.gain} and offset ${this.offset}, not finite with a gain other than 0`);
    }
    this.valuesAt += SCALE_BYTES;
  }

  /** Bytes of the record behind its values belong to a later version (PF-5.3). */
  #requireValues(valueBytes: number, end: number): void {
    const needed = this.count * valueBytes;
    if (this.valuesAt + needed <= end) return;
    throw invalid('PF-2.4', `${this.count} samples need ${needed} bytes, the record has ${end - this.valuesAt}`);
  }
}

/**
 * Reads a whole frame, see {@link PackedReader}.
 * @throws PayloadError `packed-invalid`, the message starting with the clause that is broken
 */
export function decodePackedFrame(bytes: Uint8Array): PackedFrame {
  const reader = new PackedReader();
  reader.open(bytes);
  const channels: PackedChannel[] = [];
  while (reader.next()) channels.push(channelAt(reader));
  return { baseTimeUs: reader.baseTimeUs, channels };
}

function channelAt(reader: PackedReader): PackedChannel {
  const { type, count, firstUs, intervalUs, gain, offset } = reader;
  const span = { name: reader.name(), firstUs, intervalUs };
  switch (type) {
    case PACKED_F32:
      return { ...span, type: 'f32', values: copyInto(new Float32Array(count), reader) };
    case PACKED_F64:
      return { ...span, type: 'f64', values: copyInto(new Float64Array(count), reader) };
    case PACKED_I16:
      return { ...span, type: 'i16', values: copyInto(new Int16Array(count), reader), gain, offset };
    default:
      return { ...span, type: 'bool', values: copyInto(new Uint8Array(count), reader) };
  }
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
      return PACKED_F32;
    case 'f64':
      return PACKED_F64;
    case 'i16':
      return PACKED_I16;
    case 'bool':
      return PACKED_BOOL;
  }
}

/** Fills `values` with the record's. */
function copyInto<T extends Float32Array | Float64Array | Int16Array | Uint8Array>(values: T, reader: PackedReader): T {
  const { bytes, valuesAt } = reader;
  new Uint8Array(values.buffer).set(bytes.subarray(valuesAt, valuesAt + values.byteLength));
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
