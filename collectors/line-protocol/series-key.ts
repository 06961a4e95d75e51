import { type Buffer, isUtf8 } from 'node:buffer';
import type { LineReason } from './line-fault.ts';

/** What stands before the fields of a line. */
export interface SeriesKey {
  readonly measurement: string;
  /** By the order of their keys. */
  readonly tags: readonly (readonly [key: string, value: string])[];
}

const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** The key that `bytes` are, without the space behind it; the reason where it is none. */
export function readSeriesKey(bytes: Buffer): SeriesKey | LineReason {
  if (!isUtf8(bytes)) return 'line-encoding';
  const measurementEnd = findUnescaped(bytes, COMMA, 0);
  const measurement = unescapeName(bytes.toString('utf8', 0, measurementEnd));
  if (measurement === '') return 'line-measurement';
  const tags: [string, string][] = [];
  for (let at = measurementEnd + 1; at <= bytes.length; ) {
    const end = findUnescaped(bytes, COMMA, at);
    const equals = findUnescaped(bytes, EQUALS, at);
    if (equals === at || equals >= end - 1) return 'line-tag';
    if (findUnescaped(bytes, EQUALS, equals + 1) < end) return 'line-tag';
    tags.push([
      unescapeName(bytes.toString('utf8', at, equals)),
      unescapeName(bytes.toString('utf8', equals + 1, end)),
    ]);
    at = end + 1;
  }
  tags.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const isTwice = tags.some(([key], at) => key === tags[at + 1]?.[0]);
  return isTwice ? 'line-tag' : { measurement, tags };
}

/** Where `byte` stands at or behind `from` with no backslash before it; the length of `bytes` where it does not. */
function findUnescaped(bytes: Uint8Array, byte: number, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === byte && (at === from || bytes[at - 1] !== BACKSLASH)) return at;
  }
  return bytes.length;
}

/** Takes the backslashes away that stand before a comma, an equals sign or a space; others are part of the name. */
export function unescapeName(text: string): string {
  return text.includes('\\') ? text.replace(/\\([,= ])/g, '$1') : text;
}
