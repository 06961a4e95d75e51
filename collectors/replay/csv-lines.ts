import { Buffer } from 'node:buffer';

/** Bytes of one line without its end. A longer line is damaged. */
export const LINE_BYTES_MAX = 64 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const BOM = '\ufeff';

export interface CsvListener {
  /** One line; an empty one has a single empty cell. `line` counts from 1. */
  cells(cells: readonly string[], line: number): void;
  damaged(reason: 'line-too-long' | 'bad-quotes', line: number): void;
}

/**
 * Cuts bytes into lines and lines into cells, however the bytes are chopped: RFC 4180 with LF or CRLF, but a quoted cell
 * never spans lines, so that a quote too many costs its line and not the rest of the file. A line is UTF-8 or, where it
 * cannot be, Latin-1.
 */
export class CsvLines {
  readonly #listener: CsvListener;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  readonly #carry = new Uint8Array(LINE_BYTES_MAX);
  #carried = 0;
  #isSkipping = false;
  #line = 1;

  constructor(listener: CsvListener) {
    this.#listener = listener;
  }

  feed(bytes: Uint8Array): void {
    let from = 0;
    for (;;) {
      const to = bytes.indexOf(LF, from);
      if (to < 0) break;
      if (this.#carried === 0 && !this.#isSkipping && to - from <= LINE_BYTES_MAX) this.#take(bytes, from, to);
      else {
        this.#keep(bytes, from, to);
        this.#takeCarried();
      }
      this.#line += 1;
      from = to + 1;
    }
    this.#keep(bytes, from, bytes.length);
  }

  /** Takes what is left as a last line that nothing ended. */
  end(): void {
    if (this.#carried > 0 || this.#isSkipping) this.#takeCarried();
  }

  #keep(bytes: Uint8Array, from: number, to: number): void {
    if (this.#isSkipping) return;
    if (this.#carried + to - from > LINE_BYTES_MAX) {
      this.#isSkipping = true;
      return;
    }
    this.#carry.set(bytes.subarray(from, to), this.#carried);
    this.#carried += to - from;
  }

  #takeCarried(): void {
    if (this.#isSkipping) this.#listener.damaged('line-too-long', this.#line);
    else this.#take(this.#carry, 0, this.#carried);
    this.#carried = 0;
    this.#isSkipping = false;
  }

  #take(bytes: Uint8Array, from: number, to: number): void {
    const end = to > from && bytes[to - 1] === CR ? to - 1 : to;
    const text = this.#textOf(bytes.subarray(from, end));
    const cells = splitCells(this.#line === 1 && text.startsWith(BOM) ? text.slice(1) : text);
    if (cells === undefined) this.#listener.damaged('bad-quotes', this.#line);
    else this.#listener.cells(cells, this.#line);
  }

  #textOf(bytes: Uint8Array): string {
    try {
      return this.#utf8.decode(bytes);
    } catch {
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    }
  }
}

/** The cells of one line; undefined where its quotes do not match. A quote within a cell that does not begin with one is text. */
export function splitCells(text: string): string[] | undefined {
  if (!text.includes('"')) return text.split(',');
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    const quoted = text[at] === '"';
    const end = quoted ? closingQuote(text, at + 1) + 1 : indexOrEnd(text, ',', at);
    if (end === 0 || (end < text.length && text[end] !== ',')) return undefined;
    cells.push(quoted ? text.slice(at + 1, end - 1).replaceAll('""', '"') : text.slice(at, end));
    if (end === text.length) return cells;
    at = end + 1;
  }
}

/** Where the quote stands that closes a cell, not one of a pair within it; -1 where there is none. */
function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at;
}

function indexOrEnd(text: string, sought: string, from: number): number {
  const at = text.indexOf(sought, from);
  return at < 0 ? text.length : at;
}
