import { CaissonError } from '../../gateway/errors.ts';

/**
 * The part of DER (ITU-T X.690) that certificates, requests and revocation lists are written in: definite lengths of up to
 * four bytes, tags of one byte.
 */
export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Tag of a context-specific element: `[n]`, constructed unless it holds plain bytes. */
export function contextTag(n: number, isConstructed = true): number {
  return (isConstructed ? 0xa0 : 0x80) | n;
}

export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthBytes(content.length), content]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(DER.sequence, ...parts);
}

/** A whole number from its bytes, most significant first, or a small one. Never negative. */
export function integer(value: number | Uint8Array): Buffer {
  const bytes = typeof value === 'number' ? smallBytes(value) : Buffer.from(value);
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const least = bytes.subarray(start);
  return der(DER.integer, ...((least[0] ?? 0) >= 0x80 ? [Buffer.from([0])] : []), least);
}

export function boolean(value: boolean): Buffer {
  return der(DER.boolean, Buffer.from([value ? 0xff : 0]));
}

export function octets(...parts: readonly Uint8Array[]): Buffer {
  return der(DER.octetString, ...parts);
}

/** Whole bytes as a bit string. */
export function bits(bytes: Uint8Array, unused = 0): Buffer {
  return der(DER.bitString, Buffer.from([unused]), bytes);
}

export function utf8(text: string): Buffer {
  return der(DER.utf8, Buffer.from(text, 'utf8'));
}

/** An object identifier such as `2.5.29.17`. */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  return der(DER.oid, Buffer.from([40 * first + second, ...rest.flatMap(base128)]));
}

/** UTC to the second: two digits of the year until 2049, four from then on (RFC 5280, 4.1.2.5). */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\.\d+Z$|[-:T]/g, '');
  const isShort = digits < '2050';
  return der(isShort ? DER.utcTime : DER.generalizedTime, Buffer.from(`${isShort ? digits.slice(2) : digits}Z`));
}

/** One element: its content, and all of it with tag and length. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  readonly whole: Buffer;
}

/** Reads elements one after the other. What is no DER, or not what is expected, throws `peer-invalid`. */
export class DerReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  /** The tag of the next element; undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#offset];
  }

  /** The next element, which must have that tag. */
  read(tag: number): DerElement {
    const start = this.#offset;
    const met = this.#byte();
    if (met !== tag) throw invalid(`tag ${hex(met)} at ${start}, expected ${hex(tag)}`);
    const length = this.#length();
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw invalid(`${length} bytes at ${start}, but ${this.#bytes.length} in all`);
    const content = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return { tag: met, content, whole: this.#bytes.subarray(start, end) };
  }

  /** A reader of the next element's content. */
  enter(tag: number = DER.sequence): DerReader {
    return new DerReader(this.read(tag).content);
  }

  /** The next element, if it has that tag. */
  maybe(tag: number): DerElement | undefined {
    return this.nextTag === tag ? this.read(tag) : undefined;
  }

  /** @throws CaissonError `peer-invalid` where something is left */
  end(): void {
    if (!this.isAtEnd) throw invalid(`${this.#bytes.length - this.#offset} bytes too many`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) throw invalid(`it ends at ${this.#offset}`);
    this.#offset += 1;
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw invalid(`a length of ${count} bytes`);
    let length = 0;
    for (let i = 0; i < count; i += 1) length = length * 256 + this.#byte();
    if (length < 0x80 || length < 256 ** (count - 1)) throw invalid('a length that is not the shortest');
    return length;
  }
}

/** The bytes of a bit string, which must be whole ones. */
export function bitsOf({ content }: DerElement): Buffer {
  if (content[0] !== 0) throw invalid('a bit string that is no whole bytes');
  return content.subarray(1);
}

/** The least bytes of a whole number, in hexadecimal as serial numbers are written. */
export function integerHex({ content }: DerElement): string {
  const start = content.length > 1 && content[0] === 0 ? 1 : 0;
  return content.subarray(start).toString('hex').toUpperCase();
}

function invalid(problem: string): CaissonError {
  return new CaissonError('peer-invalid', `not the DER of what it should be: ${problem}`);
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}

function lengthBytes(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = smallBytes(length);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

function smallBytes(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from(bytes);
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) digits.unshift(0x80 | (rest & 0x7f));
  return digits;
}
