import { Buffer } from 'node:buffer';
import { CaissonError, type ErrorCode } from '../errors.ts';

/** Longest varint: 8 groups of 7 bits hold every integer below 2^53. */
const VARINT_BYTES_MAX = 8;

/** Bytes of {@link ByteWriter.varint}. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest /= 0x80) length++;
  return length;
}

/** Bytes of {@link ByteWriter.signed}. */
export function signedLength(value: number): number {
  const rest = Math.floor(Math.abs(value) / 0x40);
  return rest > 0 ? 1 + varintLength(rest) : 1;
}

/** What `next` gives for 0 to `length` - 1, in order. Array.from takes several times as long. */
export function listOf<Element>(length: number, next: (i: number) => Element): Element[] {
  const elements: Element[] = [];
  for (let i = 0; i < length; i += 1) elements.push(next(i));
  return elements;
}

/** A growing run of bytes; numbers little-endian, as BLOCK-2 and JOURNAL-2 define them. */
export class ByteWriter {
  #bytes: Uint8Array;
  /** Made where it is first needed. */
  #dataView: DataView | undefined;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get #view(): DataView {
    this.#dataView ??= new DataView(this.#bytes.buffer);
    return this.#dataView;
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** An integer from 0 to 2^53 - 1: groups of 7 bits, least first. */
  varint(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    while (value >= 0x80) {
      this.#bytes[this.#length++] = (value % 0x80) | 0x80;
      value = Math.floor(value / 0x80);
    }
    this.#bytes[this.#length++] = value;
  }

  /** An integer of magnitude below 2^53: bit 0 of the first byte is the sign, 6 bits of magnitude, then groups of 7. */
  signed(value: number): void {
    const magnitude = Math.abs(value);
    const sign = value < 0 ? 1 : 0;
    const rest = Math.floor(magnitude / 0x40);
    this.u8((rest > 0 ? 0x80 : 0) | ((magnitude % 0x40) << 1) | sign);
    if (rest > 0) this.varint(rest);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Length as varint, then the text in UTF-8. */
  text(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    this.varint(bytes.length);
    this.bytes(bytes);
  }

  /** Room for `length` bytes, all of which the caller fills; valid until the next write. */
  extend(length: number): Uint8Array {
    this.#reserve(length);
    const room = this.#bytes.subarray(this.#length, this.#length + length);
    this.#length += length;
    return room;
  }

  /** Forgets what was written behind the first `length` bytes, and keeps the memory. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** Forgets what was written, and keeps the memory. */
  clear(): void {
    this.truncate(0);
  }

  /** What was written, not copied: valid until the next write. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of what was written. */
  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(length: number): void {
    const needed = this.#length + length;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.written());
    this.#bytes = grown;
    this.#dataView = undefined;
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of at most this many bytes is looked through for other than ASCII before the decoder is asked. */
const ASCII_BYTES_MAX = 64;

/** Short text of nothing but ASCII, as most names are; undefined for any other. The decoder takes ten times as long. */
function asciiOf(bytes: Uint8Array): string | undefined {
  const { length } = bytes;
  if (length > ASCII_BYTES_MAX) return undefined;
  for (let i = 0; i < length; i += 1) if ((bytes[i] as number) >= 0x80) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('latin1');
}

/** A float64 and its bits: a DataView of each few bytes that are read takes longer to make than to use. */
const WORD = new Float64Array(1);
const WORD_HALVES = new Uint32Array(WORD.buffer);

/** Reads what {@link ByteWriter} wrote; everything it meets may be hostile, and nothing beyond the bytes is read. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #code: ErrorCode;
  readonly #format: string;
  readonly #start: number;
  readonly #end: number;
  /** In all bytes; what is told counts from the start. */
  #at: number;

  /**
   * Reads [start, end) of `bytes`: a view of them takes several times as long to make as a reader.
   * @param code carried by every error
   * @param format prefix of the clauses, `BLOCK` or `JOURNAL`
   */
  constructor(bytes: Uint8Array, code: ErrorCode, format: string, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#code = code;
    this.#format = format;
    this.#start = start;
    this.#end = Math.min(end, bytes.length);
    this.#at = start;
  }

  get offset(): number {
    return this.#at - this.#start;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  /** Goes back to the start. */
  rewind(): void {
    this.#at = this.#start;
  }

  /** The next byte, which is read again by what comes; 0 where none is left. */
  peek(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] as number) : 0;
  }

  /** Bytes [start, end) of what is read, wherever reading is; not copied. */
  part(start: number, end: number): Uint8Array {
    return this.#bytes.subarray(this.#start + start, Math.min(this.#start + end, this.#end));
  }

  /** A reader of other bytes with the same errors. */
  over(bytes: Uint8Array): ByteReader {
    return new ByteReader(bytes, this.#code, this.#format);
  }

  /** Throws, naming the clause that is broken, such as `3.2`. */
  fail(clause: string, problem: string, cause?: unknown): never {
    throw new CaissonError(this.#code, `${this.#format}-${clause}: ${problem}`, { cause });
  }

  u8(): number {
    if (this.#at >= this.#end) return this.fail('2.1', `1 byte needed at offset ${this.offset}, none left`);
    return this.#bytes[this.#at++] as number;
  }

  u32(): number {
    this.#need(4);
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at += 4;
    const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  }

  f64(): number {
    WORD_HALVES[0] = this.u32();
    WORD_HALVES[1] = this.u32();
    return WORD[0] as number;
  }

  varint(): number {
    const first = this.u8();
    return first < 0x80 ? first : this.#longVarint(first & 0x7f);
  }

  /** Fills `out` with varints: faster than one by one. */
  varints(out: Float64Array): void {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    for (let i = 0; i < out.length; i++) {
      const byte = at < end ? (bytes[at] as number) : 0x80;
      if (byte < 0x80) {
        at++;
        out[i] = byte;
        continue;
      }
      this.#at = at;
      out[i] = this.varint();
      at = this.#at;
    }
    this.#at = at;
  }

  /** A varint that must not exceed `most`; `name` is for the error. */
  varintUpTo(most: number, clause: string, name: string): number {
    const value = this.varint();
    if (value > most) this.fail(clause, `${name} is ${value}, expected at most ${most}`);
    return value;
  }

  signed(): number {
    const first = this.u8();
    const rest = first >= 0x80 ? this.varint() : 0;
    if (first >= 0x80 && rest === 0) this.fail('2.3', 'signed integer is not in its shortest form');
    const magnitude = rest * 0x40 + ((first >> 1) & 0x3f);
    if (magnitude > Number.MAX_SAFE_INTEGER) this.fail('2.3', `integer of magnitude ${magnitude} is not below 2^53`);
    if ((first & 1) === 0) return magnitude;
    if (magnitude === 0) this.fail('2.3', 'signed integer is minus zero');
    return -magnitude;
  }

  /** Fills `out` with signed integers. */
  signedRun(out: Float64Array): void {
    const bytes = this.#bytes;
    const inner = this.#end - 3;
    let at = this.#at;
    for (let i = 0; i < out.length; i++) {
      if (at < inner) {
        const first = bytes[at] ?? 0;
        const low = (first >>> 1) & 0x3f;
        if (first < 0x80 && first !== 1) {
          at += 1;
          out[i] = first & 1 ? -low : low;
          continue;
        }
        const second = bytes[at + 1] ?? 0;
        if (first >= 0x80 && second < 0x80 && second > 0) {
          at += 2;
          const magnitude = (second << 6) | low;
          out[i] = first & 1 ? -magnitude : magnitude;
          continue;
        }
        const third = bytes[at + 2] ?? 0;
        if (first >= 0x80 && second >= 0x80 && third < 0x80 && third > 0) {
          at += 3;
          const magnitude = (third << 13) | ((second & 0x7f) << 6) | low;
          out[i] = first & 1 ? -magnitude : magnitude;
          continue;
        }
      }
      // Longer ones, the last few, and what is not allowed.
      this.#at = at;
      out[i] = this.signed();
      at = this.#at;
    }
    this.#at = at;
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Uint8Array {
    this.#need(length);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  skip(length: number): void {
    this.#need(length);
    this.#at += length;
  }

  /** A text as {@link ByteWriter.text} wrote it, of at most `bytesMax` bytes. */
  text(bytesMax: number, clause: string, name: string): string {
    return this.utf8(this.varintUpTo(bytesMax, clause, `length of ${name}`), clause, name);
  }

  /** The next `length` bytes as UTF-8. */
  utf8(length: number, clause: string, name: string): string {
    const bytes = this.take(length);
    const ascii = asciiOf(bytes);
    if (ascii !== undefined) return ascii;
    try {
      return UTF8.decode(bytes);
    } catch (cause) {
      return this.fail(clause, `${name} is not UTF-8`, cause);
    }
  }

  #longVarint(first: number): number {
    let value = first;
    let scale = 0x80;
    for (let length = 2; length <= VARINT_BYTES_MAX; length++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0) this.fail('2.2', 'integer is not in its shortest form');
        if (value > Number.MAX_SAFE_INTEGER) this.fail('2.2', `integer ${value} is not below 2^53`);
        return value;
      }
      scale *= 0x80;
    }
    return this.fail('2.2', `integer is longer than ${VARINT_BYTES_MAX} bytes`);
  }

  #need(length: number): void {
    if (length > this.remaining) {
      this.fail('2.1', `${length} bytes needed at offset ${this.offset}, ${this.remaining} left`);
    }
  }
}
