import { Buffer } from 'node:buffer';

/**
 * Columns read by the letter of BLOCK_FORMAT.md, a value at a time, with nothing of the gateway's own reader: what that is
 * held against. Every breach of a clause throws {@link Refused}.
 */

export class Refused extends Error {}

export type Kind = 'times' | 'numbers' | 'texts';

/** The values of a column: the 8 bytes of each number or time, least first, as hex; or texts. */
export function referenceColumn(kind: Kind, id: number, content: Uint8Array, count: number): string[] {
  const input = new Cursor(content);
  const values = read(kind, id, input, count);
  if (input.left > 0) throw new Refused('BLOCK-4.6');
  return values;
}

function read(kind: Kind, id: number, input: Cursor, count: number): string[] {
  const numbers = [constant, scaled, dictionary, float32, words, xor];
  const reader = { times: [times, wordTimes, times], numbers, texts: [texts, textDictionary] }[kind][id];
  if (reader === undefined) throw new Refused('BLOCK-4.2');
  return reader(input, count);
}

/** Reads BLOCK-2's types. */
class Cursor {
  #at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new Refused('BLOCK-2.1');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  f64(): number {
    return this.take(8).readDoubleLE();
  }

  varint(): number {
    let value = 0n;
    for (let length = 0; length < 8; length++) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << BigInt(7 * length);
      if (byte >= 0x80) continue;
      if ((byte === 0 && length > 0) || value >= 2n ** 53n) throw new Refused('BLOCK-2.2');
      return Number(value);
    }
    throw new Refused('BLOCK-2.2');
  }

  signed(): number {
    const first = this.u8();
    const more = first >= 0x80 ? this.varint() : 0;
    const magnitude = BigInt(more) * 64n + BigInt((first >> 1) & 0x3f);
    const negative = (first & 1) === 1;
    if ((first >= 0x80 && more === 0) || magnitude >= 2n ** 53n || (negative && magnitude === 0n)) {
      throw new Refused('BLOCK-2.3');
    }
    return negative ? -Number(magnitude) : Number(magnitude);
  }
}

/** BLOCK-6, in whole numbers of any size: a sum that leaves what is allowed is seen as such. */
function run(input: Cursor, count: number): number[] {
  const form = input.u8();
  const prediction = form & 7;
  if (form > 31 || prediction > 3) throw new Refused('BLOCK-6.2');
  const hasUnit = (form & 8) !== 0;
  const unit = hasUnit ? input.varint() : 1;
  if (hasUnit && unit < 2) throw new Refused('BLOCK-6.3');
  const origin = hasUnit ? input.signed() : 0;
  const base = input.signed();
  const step = prediction === 0 ? 0 : prediction === 3 ? input.f64() : input.signed();
  if (!(Math.abs(step) <= 2 ** 50)) throw new Refused('BLOCK-6.5');
  const width = input.u8();
  if (width > 51) throw new Refused('BLOCK-6.6');
  const left = Math.max(0, count - ([0, 1, 2, 1][prediction] ?? 0));
  const patches = form & 16 ? patchesOf(input, left, width) : new Map<number, bigint>();
  const residuals = planes(input, left, width).map((low, i) => low + ((patches.get(i) ?? 0n) << BigInt(width)));
  const integers = restore(prediction, BigInt(base), step, residuals, count);
  return integers.map((integer) => {
    const whole = BigInt(origin) + BigInt(unit) * integer;
    if (whole > 2n ** 47n || whole < -(2n ** 47n)) throw new Refused('BLOCK-6.1');
    return Number(whole);
  });
}

function patchesOf(input: Cursor, residuals: number, width: number): Map<number, bigint> {
  const count = input.varint();
  if (count === 0 || count > residuals) throw new Refused('BLOCK-6.7');
  const places: number[] = [];
  let next = 0;
  for (let i = 0; i < count; i++) {
    const place = next + input.varint();
    places.push(place);
    next = place + 1;
  }
  if (next > residuals) throw new Refused('BLOCK-6.7');
  return new Map(
    places.map((place) => {
      const high = BigInt(input.varint()) + 1n;
      if (high >= 2n ** BigInt(51 - width)) throw new Refused('BLOCK-6.7');
      return [place, high];
    }),
  );
}

/** BLOCK-6.8. */
function planes(input: Cursor, count: number, width: number): bigint[] {
  const whole = width >> 3;
  const bits = width & 7;
  const bytes = Array.from({ length: whole }, () => input.take(count));
  const top = input.take(Math.ceil((count * bits) / 8));
  for (let bit = count * bits; bit < top.length * 8; bit++) {
    if (((top[bit >> 3] ?? 0) >> (bit & 7)) & 1) throw new Refused('BLOCK-6.8');
  }
  return Array.from({ length: count }, (_, i) => {
    let residual = 0n;
    bytes.forEach((plane, p) => {
      residual |= BigInt(plane[i] ?? 0) << BigInt(8 * p);
    });
    for (let bit = 0; bit < bits; bit++) {
      const at = i * bits + bit;
      residual |= BigInt(((top[at >> 3] ?? 0) >> (at & 7)) & 1) << BigInt(8 * whole + bit);
    }
    return residual;
  });
}

/** BLOCK-6.4. */
function restore(prediction: number, base: bigint, step: number, residuals: bigint[], count: number): bigint[] {
  if (prediction === 0) return residuals.map((residual) => base + residual);
  const misses = residuals.map((r) => (r % 2n === 0n ? r / 2n : -(r + 1n) / 2n));
  if (prediction === 3)
    return [base, ...misses.map((miss, i) => base + BigInt(Math.floor((i + 1) * step + 0.5)) + miss)];
  if (prediction === 1)
    return sums(
      base,
      misses.map((miss) => BigInt(step) + miss),
    );
  return count === 1 ? [base] : sums(base, sums(BigInt(step), misses));
}

function sums(first: bigint, steps: readonly bigint[]): bigint[] {
  const all = [first];
  for (const step of steps) all.push((all[all.length - 1] ?? 0n) + step);
  return all;
}

/** Of relative times what each misses by: what stands before that names another column, and is the pack's. */
function times(input: Cursor, count: number): string[] {
  return run(input, count).map(hexOf);
}

function wordTimes(input: Cursor, count: number): string[] {
  const all = words(input, count);
  for (const word of all) {
    if (!Number.isSafeInteger(Buffer.from(word, 'hex').readDoubleLE())) throw new Refused('BLOCK-5.4');
  }
  return all;
}

function constant(input: Cursor, count: number): string[] {
  return Array<string>(count).fill(input.take(8).toString('hex'));
}

function scaled(input: Cursor, count: number): string[] {
  const form = input.u8();
  if (form > 7) throw new Refused('BLOCK-7.3');
  const kind = form & 3;
  const gain = kind === 3 ? input.varint() : kind === 0 ? 1 : input.f64();
  if (kind === 3 && gain === 0) throw new Refused('BLOCK-7.3');
  const offset = kind === 2 ? input.f64() : 0;
  const exceptions = new Map<number, string>();
  if (form & 4) {
    const length = input.varint();
    if (length === 0 || length > count) throw new Refused('BLOCK-7.3');
    let next = 0;
    for (let i = 0; i < length; i++) {
      const place = next + input.varint();
      if (place >= count) throw new Refused('BLOCK-7.3');
      exceptions.set(place, input.take(8).toString('hex'));
      next = place + 1;
    }
  }
  return run(input, count).map((k, i) => {
    const exception = exceptions.get(i);
    if (exception !== undefined) return exception;
    return hexOf([k, k * gain, k * gain + offset, k / gain][kind] ?? 0);
  });
}

function dictionary(input: Cursor, count: number): string[] {
  const size = input.varint();
  if (size > 256) throw new Refused('BLOCK-7.4');
  const entries = Array.from({ length: size }, () => input.take(8).toString('hex'));
  return run(input, count).map((code) => entries[code] ?? refuse('BLOCK-7.4'));
}

function float32(input: Cursor, count: number): string[] {
  return run(input, count).map((integer) => {
    if (integer !== (integer | 0)) throw new Refused('BLOCK-7.5');
    const bits = Buffer.alloc(4);
    bits.writeInt32LE(integer < 0 ? integer ^ 0x7fff_ffff : integer);
    return hexOf(bits.readFloatLE());
  });
}

function words(input: Cursor, count: number): string[] {
  const all = Array.from({ length: 8 }, () => input.take(count));
  return Array.from({ length: count }, (_, i) => Buffer.from(all.map((plane) => plane[i] ?? 0)).toString('hex'));
}

function xor(input: Cursor, count: number): string[] {
  let last = 0n;
  return words(input, count).map((word) => {
    last ^= BigInt(`0x${Buffer.from(word, 'hex').reverse().toString('hex')}`);
    return Buffer.from(last.toString(16).padStart(16, '0'), 'hex').reverse().toString('hex');
  });
}

function texts(input: Cursor, count: number): string[] {
  return run(input, count).map((length) => {
    if (length < 0 || length > 65_536) throw new Refused('BLOCK-8.1');
    const bytes = input.take(length);
    const text = bytes.toString('utf8');
    if (!Buffer.from(text, 'utf8').equals(bytes)) throw new Refused('BLOCK-8.1');
    return text;
  });
}

function textDictionary(input: Cursor, count: number): string[] {
  const size = input.varint();
  if (size === 0 || size > count) throw new Refused('BLOCK-8.3');
  const entries = texts(input, size);
  return run(input, count).map((code) => entries[code] ?? refuse('BLOCK-8.3'));
}

function refuse(clause: string): never {
  throw new Refused(clause);
}

function hexOf(value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes.toString('hex');
}
