import type { Buffer } from 'node:buffer';
import type { Field } from '../../payload/field.ts';
import type { Timestamp } from '../config.ts';
import { JsonLayout, type Place } from './json-layout.ts';
import { indexKey } from './value-tree.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const BRACKET_END = 0x5d;
const BRACE = 0x7b;
const BRACE_END = 0x7d;

/** Keys that an object has before all others, whatever their order in the text. */
const INDEX = /^(?:0|[1-9]\d*)$/;

/** Finds where the values of a JSON text stand. */
class LayoutFinder {
  readonly #bytes: Buffer;
  readonly #timePath: readonly string[] | undefined;
  readonly places: Place[] = [];
  #at = 0;
  /** Where the value before ended. */
  #after = 0;
  /** Keys from the top to where it is. */
  readonly #path: string[] = [];

  constructor(bytes: Buffer, timestamp: Timestamp) {
    this.#bytes = bytes;
    this.#timePath = timestamp === 'arrival' ? undefined : timestamp.field.split('/');
  }

  /** What stands behind the last value. */
  get end(): Uint8Array {
    return Uint8Array.from(this.#bytes.subarray(this.#after));
  }

  /** False where a layout could not give the samples that JSON.parse gives, in their order. */
  value(field: Field): boolean {
    this.#space();
    switch (this.#bytes[this.#at]) {
      case BRACE:
        return this.#object(field);
      case BRACKET:
        return this.#array(field);
      default:
        this.#scalar(field);
        return true;
    }
  }

  #object(field: Field): boolean {
    const keys = new Set<string>();
    for (let isLast = this.#isEmpty(BRACE_END); !isLast; isLast = this.#isEnd(BRACE_END)) {
      this.#space();
      const begin = this.#at;
      this.#string();
      const key = JSON.parse(this.#bytes.toString('utf8', begin, this.#at)) as string;
      if (keys.has(key) || INDEX.test(key)) return false;
      keys.add(key);
      this.#space();
      if (this.#bytes[this.#at++] !== COLON || !this.#below(field, key)) return false;
    }
    return true;
  }

  #array(field: Field): boolean {
    let index = 0;
    for (let isLast = this.#isEmpty(BRACKET_END); !isLast; isLast = this.#isEnd(BRACKET_END)) {
      if (!this.#below(field, indexKey(index++))) return false;
    }
    return true;
  }

  #below(field: Field, key: string): boolean {
    this.#path.push(key);
    const isFound = this.value(field.child(key));
    this.#path.pop();
    return isFound;
  }

  #scalar(field: Field): void {
    const before = Uint8Array.from(this.#bytes.subarray(this.#after, this.#at));
    const { length } = this.#path;
    const isTime = this.#timePath?.length === length && this.#timePath.every((key, at) => key === this.#path[at]);
    this.places.push({ before, field, isTime });
    if (this.#bytes[this.#at] === QUOTE) this.#string();
    else while (isWordByte(this.#bytes[this.#at])) this.#at++;
    this.#after = this.#at;
  }

  #string(): void {
    for (this.#at++; this.#at < this.#bytes.length; this.#at++) {
      if (this.#bytes[this.#at] === BACKSLASH) this.#at++;
      else if (this.#bytes[this.#at] === QUOTE) break;
    }
    this.#at++;
  }

  #isEmpty(end: number): boolean {
    this.#at++;
    this.#space();
    const isEmpty = this.#bytes[this.#at] === end;
    if (isEmpty) this.#at++;
    return isEmpty;
  }

  /** Steps over a comma, or the end. */
  #isEnd(end: number): boolean {
    this.#space();
    const byte = this.#bytes[this.#at++];
    return byte === end || byte !== COMMA;
  }

  #space(): void {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return;
      this.#at++;
    }
  }
}

/** Of numbers and the words `true`, `false`, `null`. */
function isWordByte(byte = 0): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x7a) || [0x2b, 0x2d, 0x2e, 0x45].includes(byte);
}

/**
 * The layout of a message that JSON.parse has read; undefined where there is none: keys that stand twice or in another order than
 * they are read, or a series of times.
 */
export function learnLayout(payload: Buffer, root: Field, timestamp: Timestamp): JsonLayout | undefined {
  const finder = new LayoutFinder(payload, timestamp);
  if (!finder.value(root)) return undefined;
  const times = finder.places.filter(({ isTime }) => isTime).length;
  const isSeries = timestamp !== 'arrival' && payload.toString('latin1').trimStart().startsWith('[');
  if (isSeries || times !== (timestamp === 'arrival' ? 0 : 1)) return undefined;
  return new JsonLayout(finder.places, finder.end, timestamp);
}
