/** Little-endian fields of a frame, written and read; the bounds of WIRE_FORMAT.md that hold for every frame. */

const HEADER_BYTES = 4;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes that break a clause of WIRE_FORMAT.md. */
export class WireError extends Error {
  readonly clause: string;

  constructor(clause: string, message: string) {
    super(`${clause}: ${message}`);
    this.name = 'WireError';
    this.clause = clause;
  }
}

/** Appends little-endian fields to bytes that grow as needed. */
export class Writer {
  length = 0;
  #bytes: Uint8Array;
  #view: DataView;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  /** The header of a frame whose body begins at `headBytes` (WIRE-1.2). */
  head(type: number, headBytes: number): void {
    this.u8(type);
    this.u8(0);
    this.u16(headBytes);
  }

  u8(value: number): void {
    const at = this.#take(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#take(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#take(4);
    this.#view.setUint32(at, value, true);
  }

  u32At(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  f32(value: number): void {
    const at = this.#take(4);
    this.#view.setFloat32(at, value, true);
  }

  f64(value: number): void {
    const at = this.#take(8);
    this.#view.setFloat64(at, value, true);
  }

  /** Text behind its length in bytes as u16; longer text is cut at a character. */
  string(text: string): void {
    const encoded = ENCODER.encode(text);
    let length = Math.min(encoded.length, 0xffff);
    while (length < encoded.length && length > 0 && ((encoded[length] ?? 0) & 0xc0) === 0x80) length--;
    this.u16(length);
    this.raw(encoded.subarray(0, length));
  }

  raw(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#bytes.set(bytes, at);
  }

  #take(count: number): number {
    const at = this.length;
    const needed = at + count;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.length = needed;
    return at;
  }
}

/** Reads little-endian fields; whatever would reach beyond the end is a {@link WireError} (WIRE-1.4). */
export class Reader {
  offset = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Type of the frame (WIRE-1.2). */
  header(): number {
    if (this.#bytes.length < HEADER_BYTES) {
      throw new WireError('WIRE-1.2', `${this.#bytes.length} bytes, expected at least ${HEADER_BYTES}`);
    }
    return this.#view.getUint8(0);
  }

  /** Steps to the first field behind the header; returns where the head, of at least `least` bytes, ends (WIRE-1.3). */
  head(least: number): number {
    const headBytes = this.#view.getUint16(2, true);
    if (headBytes < least || headBytes > this.#bytes.length) {
      throw new WireError('WIRE-1.3', `head of ${headBytes} bytes, expected ${least} to ${this.#bytes.length}`);
    }
    this.offset = HEADER_BYTES;
    return headBytes;
  }

  at(offset: number): void {
    this.offset = offset;
  }

  /** The record of `length` bytes from `start`, read for itself. */
  part(start: number, length: number): Reader {
    if (start + length > this.#bytes.length || length < 4) {
      throw new WireError('WIRE-4.2', `record of ${length} bytes at ${start} in a frame of ${this.#bytes.length}`);
    }
    return new Reader(this.#bytes.subarray(start, start + length));
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  ids(count: number): number[] {
    let at = this.#take(count * 4);
    const ids: number[] = [];
    for (let i = 0; i < count; i++, at += 4) ids.push(this.#view.getUint32(at, true));
    return ids;
  }

  u16s(count: number): Uint16Array {
    const at = this.#take(count * 2);
    const values = new Uint16Array(count);
    for (let i = 0; i < count; i++) values[i] = this.#view.getUint16(at + i * 2, true);
    return values;
  }

  f64s(count: number): Float64Array {
    const at = this.#take(count * 8);
    const values = new Float64Array(count);
    for (let i = 0; i < count; i++) values[i] = this.#view.getFloat64(at + i * 8, true);
    return values;
  }

  string(): string {
    return this.text(this.u16());
  }

  text(length: number): string {
    const at = this.#take(length);
    try {
      return DECODER.decode(this.#bytes.subarray(at, at + length));
    } catch {
      throw new WireError('WIRE-1.5', `${length} bytes at ${at} are not UTF-8`);
    }
  }

  #take(count: number): number {
    const at = this.offset;
    if (at + count > this.#bytes.length) {
      throw new WireError('WIRE-1.4', `${count} bytes wanted at ${at}, the frame ends at ${this.#bytes.length}`);
    }
    this.offset = at + count;
    return at;
  }
}
