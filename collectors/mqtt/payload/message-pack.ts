import { Buffer, isUtf8 } from 'node:buffer';
import { PayloadError } from '../../payload/payload-error.ts';
import { UtcTime } from './time.ts';
import { DEPTH_MAX } from './value-tree.ts';

/** Extension type of timestamps. */
const TIMESTAMP = -1;

/**
 * The value of a MessagePack payload: maps as `Map`, 64-bit integers as bigint, timestamps as {@link UtcTime}, other
 * extensions as their bytes. Nothing is set aside for a length that is only claimed.
 * @throws PayloadError `msgpack-invalid`, `too-deep`, `time-invalid`
 */
export function decodeMessagePack(payload: Uint8Array): unknown {
  const reader = new MessagePackReader(payload);
  const value = reader.value(0);
  if (reader.left > 0) throw invalid(`${reader.left} bytes behind the value`);
  return value;
}

class MessagePackReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(payload: Uint8Array) {
    this.#bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  value(depth: number): unknown {
    const bytes = this.#bytes;
    const head = bytes[this.#take(1)] ?? 0;
    if (head < 0x80) return head;
    if (head < 0x90) return this.#map(head & 0x0f, depth);
    if (head < 0xa0) return this.#array(head & 0x0f, depth);
    if (head < 0xc0) return this.#text(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#length(head - 0xc4));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#length(head - 0xc7));
      case 0xca:
        return bytes.readFloatBE(this.#take(4));
      case 0xcb:
        return bytes.readDoubleBE(this.#take(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#length(head - 0xcc);
      case 0xcf:
        return bytes.readBigUInt64BE(this.#take(8));
      case 0xd0:
        return bytes.readInt8(this.#take(1));
      case 0xd1:
        return bytes.readInt16BE(this.#take(2));
      case 0xd2:
        return bytes.readInt32BE(this.#take(4));
      case 0xd3:
        return bytes.readBigInt64BE(this.#take(8));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (head - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#length(head - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#length(head - 0xdb), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#length(head - 0xdd), depth);
      default:
        throw invalid(`no value begins with byte ${head.toString(16)}`);
    }
  }

  /** Where the next `count` bytes begin. */
  #take(count: number): number {
    const at = this.#at;
    if (count > this.left) throw invalid(`ends within a value: ${count} bytes needed, ${this.left} left`);
    this.#at += count;
    return at;
  }

  /** An unsigned integer of 1, 2 or 4 bytes, by the power of two. */
  #length(power: number): number {
    const size = 1 << power;
    return this.#bytes.readUIntBE(this.#take(size), size);
  }

  #binary(length: number): Buffer {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  #text(length: number): string {
    const bytes = this.#binary(length);
    if (!isUtf8(bytes)) throw invalid('a string is not UTF-8');
    return bytes.toString('utf8');
  }

  #array(length: number, depth: number): unknown[] {
    checkDepth(depth);
    const values: unknown[] = [];
    for (let index = 0; index < length; index++) values.push(this.value(depth + 1));
    return values;
  }

  #map(length: number, depth: number): Map<unknown, unknown> {
    checkDepth(depth);
    const map = new Map<unknown, unknown>();
    for (let index = 0; index < length; index++) {
      const key = this.value(depth + 1);
      if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint') {
        throw invalid('a key of a map is neither string nor integer');
      }
      map.set(key, this.value(depth + 1));
    }
    return map;
  }

  #extension(length: number): unknown {
    const type = this.#bytes.readInt8(this.#take(1));
    const data = this.#binary(length);
    return type === TIMESTAMP ? timestamp(data) : data;
  }
}

function timestamp(data: Buffer): UtcTime {
  switch (data.length) {
    case 4:
      return utcOf(data.readUInt32BE(), 0);
    case 8: {
      const packed = data.readBigUInt64BE();
      return utcOf(Number(packed & 0x3_ffff_ffffn), Number(packed >> 34n));
    }
    case 12:
      return utcOf(Number(data.readBigInt64BE(4)), data.readUInt32BE());
    default:
      throw invalid(`a timestamp has 4, 8 or 12 bytes, not ${data.length}`);
  }
}

function utcOf(seconds: number, nanoseconds: number): UtcTime {
  const us = seconds * 1e6 + Math.round(nanoseconds / 1e3);
  if (!Number.isSafeInteger(us) || us < 0 || nanoseconds >= 1e9) {
    throw new PayloadError('time-invalid', `${seconds} s and ${nanoseconds} ns are no time`);
  }
  return new UtcTime(us);
}

function checkDepth(depth: number): void {
  if (depth >= DEPTH_MAX) throw new PayloadError('too-deep', `more than ${DEPTH_MAX} levels`);
}

function invalid(detail: string): PayloadError {
  return new PayloadError('msgpack-invalid', detail);
}
