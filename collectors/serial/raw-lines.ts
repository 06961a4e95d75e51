import { Buffer } from 'node:buffer';

/** Bytes of one raw sample. A longer line is cut, and goes on in the next sample. */
export const RAW_LINE_BYTES_MAX = 1024;

const LF = 0x0a;
const CR = 0x0d;

/**
 * Where pieces end: at the ends of lines, or, where there are none, with each read, so that what was decoded of a read is
 * decoded of a piece.
 */
export type RawCut = 'lines' | 'reads';

/**
 * Cuts what comes from a wire into pieces for a raw channel. A line is a piece with its end, told as soon as the line ends:
 * of CR LF that were not read at once, the LF begins the next piece. An empty piece says that the wire was lost there, in
 * the middle of a line, or wherever there are none. All pieces together are the bytes as they came.
 */
export class RawLines {
  readonly #push: (text: string) => void;
  readonly #cut: RawCut;
  readonly #held = Buffer.alloc(RAW_LINE_BYTES_MAX);
  #length = 0;
  #isInLine = false;

  /** @param push gets each piece as {@link escapeBytes} writes it */
  constructor(push: (text: string) => void, cut: RawCut) {
    this.#push = push;
    this.#cut = cut;
  }

  /** Takes the next bytes of the wire. They are not kept. */
  feed(bytes: Uint8Array): void {
    if (this.#cut === 'lines') this.#feedLines(bytes);
    else this.#feedRead(bytes);
  }

  #feedRead(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += RAW_LINE_BYTES_MAX) {
      this.#push(escapeBytes(bytes.subarray(at, at + RAW_LINE_BYTES_MAX)));
    }
    this.#isInLine = true;
  }

  #feedLines(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0;
      this.#held[this.#length] = byte;
      this.#length += 1;
      this.#isInLine = byte !== LF && byte !== CR;
      const endsLater = byte === CR && bytes[at + 1] === LF;
      if (this.#length === RAW_LINE_BYTES_MAX || (!this.#isInLine && !endsLater)) this.#flush();
    }
  }

  /** The wire ended in good order, as a recording does. */
  end(): void {
    if (this.#length > 0) this.#flush();
    this.#isInLine = false;
  }

  /** The wire was lost: what comes next does not continue what came before. */
  lost(): void {
    const wasInLine = this.#isInLine;
    this.end();
    if (wasInLine) this.#push('');
  }

  #flush(): void {
    this.#push(escapeBytes(this.#held.subarray(0, this.#length)));
    this.#length = 0;
  }
}

const ESCAPES: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  if (byte === LF) return '\\n';
  if (byte === CR) return '\\r';
  if (byte === 0x09) return '\\t';
  if (byte === 0x5c) return '\\\\';
  const isPrintable = byte >= 0x20 && byte < 0x7f;
  return isPrintable ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
});

/**
 * Bytes as printable ASCII: those that are none, and the backslash, as `\n`, `\r`, `\t`, `\\` or `\x` and two hex digits.
 * `printf %b` of a shell and Python's `unicode_escape` read it.
 */
export function escapeBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += ESCAPES[byte];
  return text;
}

/** The bytes that {@link escapeBytes} wrote; undefined where it did not write this. */
export function unescapeBytes(text: string): Uint8Array | undefined {
  const bytes = Buffer.alloc(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    let code = text.charCodeAt(at);
    if (code < 0x20 || code > 0x7e) return undefined;
    if (code === 0x5c) {
      const written = /^\\(?:[nrt\\]|x[0-9a-f]{2})/.exec(text.slice(at, at + 4))?.[0];
      if (written === undefined) return undefined;
      code = ESCAPES.indexOf(written);
      if (code < 0) return undefined;
      at += written.length - 1;
    }
    bytes[length] = code;
    length += 1;
  }
  return bytes.subarray(0, length);
}
