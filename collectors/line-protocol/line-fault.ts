import type { Buffer } from 'node:buffer';

/** Why a line could not be used. Each is a counter in the health of the collector that met it. */
export const LINE_REASONS = {
  'line-measurement': 'missing measurement',
  'line-tag': 'a tag without key or value, or twice the same tag',
  'line-fields': 'missing fields',
  'line-field': 'a field without key or value',
  'line-value': 'a value is neither float, integer, boolean nor quoted string',
  'line-range': 'a number is out of the range of its type',
  'line-string': 'a quoted string does not end',
  'line-time': 'the timestamp is no whole number of its unit since 1970',
  'line-encoding': 'not UTF-8',
  'line-long': 'the line is too long',
} as const;

export type LineReason = keyof typeof LINE_REASONS;

/** Characters of a bad line that are told. */
const EXCERPT_BYTES_MAX = 80;

/** A line that could not be used. */
export interface LineFault {
  /** Line feeds before it in what was read, and one. */
  readonly line: number;
  readonly reason: LineReason;
  /** How the line begins. */
  readonly excerpt: string;
}

/** How the line that lies at `from` to `to` of `bytes` begins. */
export function excerptOf(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString('utf8', from, Math.min(to, from + EXCERPT_BYTES_MAX)).trimEnd();
  return to - from > EXCERPT_BYTES_MAX ? `${text}…` : text;
}

/** A fault in a sentence, as InfluxDB words it, with the line's number. */
export function faultText({ line, reason, excerpt }: LineFault): string {
  return `unable to parse '${excerpt}': ${LINE_REASONS[reason]} (line ${line})`;
}
