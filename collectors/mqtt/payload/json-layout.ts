import type { Buffer } from 'node:buffer';
import type { Field } from '../../payload/field.ts';
import type { SampleBatch } from '../../payload/sample-batch.ts';
import { KIND_BOOL, KIND_NUMBER } from '../../payload/sample-kind.ts';
import type { Timestamp } from '../config.ts';
import { utcMicroseconds } from './time.ts';

/** Digits up to which a decimal mantissa is exact as float64, whatever they are. */
const EXACT_DIGITS = 15;
/** Powers of ten by which such a mantissa is divided; all exact, so that the quotient is rounded once, and correctly. */
const POWERS = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, power) => 10 ** power);

const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const LARGE_E = 0x45;
const BACKSLASH = 0x5c;
const SMALL_E = 0x65;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;
const LETTER_T = 0x74;

const TRUE = Uint8Array.of(0x74, 0x72, 0x75, 0x65);
const FALSE = Uint8Array.of(0x66, 0x61, 0x6c, 0x73, 0x65);
const NULL = Uint8Array.of(0x6e, 0x75, 0x6c, 0x6c);

/** A value of the layout: what stands before it, and where it goes. */
export interface Place {
  /** The bytes from the value before, or the beginning: brackets, commas, keys, white space. */
  readonly before: Uint8Array;
  readonly field: Field;
  /** True for the value that is the time of the others. */
  readonly isTime: boolean;
}

/**
 * Where the values stand in the JSON of a device that says the same each time, but for its values: what stands between them is
 * compared byte by byte, and nothing is built but the samples. The samples are those that JSON.parse would have given, bit for bit.
 */
export class JsonLayout {
  readonly #places: readonly Place[];
  readonly #end: Uint8Array;
  readonly #timestamp: Timestamp;
  /** Where the next byte is read. */
  #at = 0;

  /** @param end what stands behind the last value */
  constructor(places: readonly Place[], end: Uint8Array, timestamp: Timestamp) {
    this.#places = places;
    this.#end = end;
    this.#timestamp = timestamp;
  }

  /**
   * Adds the samples of a message, or nothing and returns false where it is not of this layout, or no JSON: it is then to be read
   * in another way.
   * @throws PayloadError `time-invalid`, `too-many-samples`
   */
  read(payload: Buffer, batch: SampleBatch): boolean {
    const { count, slots, stamp } = batch;
    if (this.#timestamp !== 'arrival') batch.stamp = 'device';
    if (this.#readAll(payload, batch, count)) return true;
    batch.rollBack(count, slots);
    batch.stamp = stamp;
    return false;
  }

  #readAll(payload: Buffer, batch: SampleBatch, from: number): boolean {
    this.#at = 0;
    let time: number | string | undefined;
    for (const { before, field, isTime } of this.#places) {
      if (!this.#skip(payload, before)) return false;
      if (isTime) {
        time = this.#time(payload);
        if (time === undefined) return false;
      } else if (!this.#value(payload, field, batch)) return false;
    }
    if (this.#at + this.#end.length !== payload.length || !this.#skip(payload, this.#end)) return false;
    if (this.#timestamp !== 'arrival') batch.times.fill(utcMicroseconds(time, this.#timestamp.unit), from, batch.count);
    return true;
  }

  /** Steps over `bytes`; false where others stand there. */
  #skip(payload: Buffer, bytes: Uint8Array): boolean {
    const at = this.#at;
    const { length } = bytes;
    if (at + length > payload.length) return false;
    for (let index = 0; index < length; index++) if (payload[at + index] !== bytes[index]) return false;
    this.#at = at + length;
    return true;
  }

  #value(payload: Buffer, field: Field, batch: SampleBatch): boolean {
    switch (payload[this.#at]) {
      case QUOTE: {
        const text = this.#text(payload);
        if (text !== undefined) batch.addText(field, 0, text);
        return text !== undefined;
      }
      case LETTER_T:
        batch.add(field, KIND_BOOL, 0, 1);
        return this.#skip(payload, TRUE);
      case LETTER_F:
        batch.add(field, KIND_BOOL, 0, 0);
        return this.#skip(payload, FALSE);
      case LETTER_N:
        return this.#skip(payload, NULL);
      default: {
        const value = this.#number(payload);
        if (value !== undefined) batch.add(field, KIND_NUMBER, 0, value);
        return value !== undefined;
      }
    }
  }

  #time(payload: Buffer): number | string | undefined {
    return payload[this.#at] === QUOTE ? this.#text(payload) : this.#number(payload);
  }

  /** A string of printable ASCII without escapes; undefined for any other. */
  #text(payload: Buffer): string | undefined {
    const from = this.#at + 1;
    for (let at = from; at < payload.length; at++) {
      const byte = payload[at] ?? 0;
      if (byte === QUOTE) {
        this.#at = at + 1;
        return payload.toString('latin1', from, at);
      }
      if (byte < 0x20 || byte >= 0x7f || byte === BACKSLASH) return undefined;
    }
    return undefined;
  }

  /** A number as RFC 8259, 6 has it, correctly rounded; undefined where none stands. */
  #number(payload: Buffer): number | undefined {
    const from = this.#at;
    const isNegative = payload[from] === MINUS;
    const begin = isNegative ? from + 1 : from;
    let at = begin;
    let mantissa = 0;
    for (let digit = (payload[at] ?? 0) - ZERO; digit >= 0 && digit <= 9; digit = (payload[at] ?? 0) - ZERO) {
      mantissa = mantissa * 10 + digit;
      at++;
    }
    let digits = at - begin;
    if (digits === 0 || (digits > 1 && payload[begin] === ZERO)) return undefined;
    let decimals = 0;
    if (payload[at] === DOT) {
      const point = at++;
      for (let digit = (payload[at] ?? 0) - ZERO; digit >= 0 && digit <= 9; digit = (payload[at] ?? 0) - ZERO) {
        mantissa = mantissa * 10 + digit;
        at++;
      }
      decimals = at - point - 1;
      if (decimals === 0) return undefined;
      digits += decimals;
    }
    const byte = payload[at];
    if (byte === SMALL_E || byte === LARGE_E) return this.#powered(payload, from, at);
    this.#at = at;
    if (digits > EXACT_DIGITS) return Number(payload.toString('latin1', from, at));
    const value = decimals === 0 ? mantissa : mantissa / (POWERS[decimals] ?? 1);
    return isNegative ? -value : value;
  }

  /** A number with an exponent, which stands at `exponent`. */
  #powered(payload: Buffer, from: number, exponent: number): number | undefined {
    const sign = payload[exponent + 1];
    const begin = exponent + (sign === PLUS || sign === MINUS ? 2 : 1);
    let at = begin;
    for (let digit = (payload[at] ?? 0) - ZERO; digit >= 0 && digit <= 9; digit = (payload[at] ?? 0) - ZERO) at++;
    if (at === begin) return undefined;
    this.#at = at;
    return Number(payload.toString('latin1', from, at));
  }
}
