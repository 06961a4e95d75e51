import { Buffer } from 'node:buffer';

/**
 * Cuts a stream of bytes into NMEA 0183 sentences and verifies their checksums.
 *
 * A sentence is `$` or `!`, an address of capitals and digits, fields, `*`, two hex digits, then CR or LF. What stands
 * between sentences is skipped: TAG blocks (`\...\`), other protocols on the same wire, comment lines that begin with
 * `#`. However the bytes are cut into pieces, the same sentences and damages come out.
 */

/**
 * Bytes of a sentence without its line end. The standard allows 82 in all; many devices send more. Beyond this a
 * sentence is damaged, `too-long`, and the search for the next one begins.
 */
export const SENTENCE_BYTES_MAX = 512;

/** Why a sentence was not taken. */
export type Damage =
  /** The checksum differs from what was received, or something stands between it and the line end. */
  | 'bad-checksum'
  /** The line has no checksum, and one is required. */
  | 'no-checksum'
  /** Another sentence began, or the wire was lost, before the line end. */
  | 'cut-off'
  /** A byte that is no printable ASCII stands inside. */
  | 'not-text'
  | 'too-long';

export interface SentenceListener {
  /**
   * A sentence whose checksum is right, or that has none where that is allowed: `GPGLL,4916.45,N,...`, without its
   * start and checksum, at `from` to `to - 1`. `start` is `$`, or `!` where fields are encapsulated (AIS). Valid only until
   * the call returns.
   */
  sentence(bytes: Buffer, from: number, to: number, start: '$' | '!'): void;
  damaged(reason: Damage): void;
}

const DOLLAR = 0x24;
const BANG = 0x21;
const STAR = 0x2a;
const HASH = 0x23;
const CR = 0x0d;
const LF = 0x0a;

const BETWEEN = 0;
const COMMENT = 1;
const BODY = 2;
/** Behind the `*`: two hex digits, then the line end. */
const CHECKSUM = 3;

/** Bytes that must follow a `$` before its line counts as damaged; with less it stood in noise by chance. */
const CREDIBLE_BYTES = 2;

/** The same where the line breaks off with a byte that is no text, as in binary protocols on the same wire. */
const CREDIBLE_BEFORE_BINARY_BYTES = 6;

export class NmeaFramer {
  readonly #listener: SentenceListener;
  readonly #requireChecksum: boolean;
  readonly #body = Buffer.alloc(SENTENCE_BYTES_MAX);
  #state: typeof BETWEEN | typeof COMMENT | typeof BODY | typeof CHECKSUM = BETWEEN;
  #start: '$' | '!' = '$';
  #length = 0;
  #sum = 0;
  #stated = 0;
  #digits = 0;
  #atLineStart = true;

  /** @param requireChecksum false to take lines that have no checksum at all, as some old instruments send */
  constructor(listener: SentenceListener, requireChecksum = true) {
    this.#listener = listener;
    this.#requireChecksum = requireChecksum;
  }

  /** Takes the next bytes of the wire. They are not kept. */
  feed(bytes: Uint8Array): void {
    // A view: nothing is copied.
    const wire = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (at < wire.length) {
      const byte = wire[at] ?? 0;
      const end = this.#state === BETWEEN && (byte === DOLLAR || byte === BANG) ? this.#whole(wire, at) : 0;
      if (end === 0) {
        this.#byte(byte);
        at += 1;
      } else {
        this.#atLineStart = true;
        at = end;
      }
    }
  }

  /**
   * Delivers the sentence that begins at `start` where it lies, if it is there to its line end and nothing is wrong with it;
   * returns where its line goes on, 0 where it must be looked at byte by byte.
   */
  #whole(wire: Buffer, start: number): number {
    const from = start + 1;
    const most = Math.min(wire.length - 3, from + SENTENCE_BYTES_MAX + 1);
    if (!isAddressByte(wire[from] ?? 0) || !isAddressByte(wire[from + 1] ?? 0)) return 0;
    let sum = 0;
    let at = from;
    for (; at < most; at += 1) {
      const byte = wire[at] ?? 0;
      if (byte === STAR) break;
      if (byte < 0x20 || byte > 0x7e || byte === DOLLAR || byte === BANG) return 0;
      sum ^= byte;
    }
    if (wire[at] !== STAR || at - from > SENTENCE_BYTES_MAX) return 0;
    const end = wire[at + 3];
    if (end !== CR && end !== LF) return 0;
    if (hexValue(wire[at + 1] ?? 0) * 16 + hexValue(wire[at + 2] ?? 0) !== sum) return 0;
    this.#listener.sentence(wire, from, at, wire[start] === BANG ? '!' : '$');
    return at + 4;
  }

  /** Says that the wire ended in good order, as a recording does: its last line needs no line end. */
  end(): void {
    this.#endLine();
    this.#atLineStart = true;
  }

  /** Says that the wire was lost: what comes next does not continue what came before. */
  reset(): void {
    this.#abandon('cut-off');
    this.#atLineStart = true;
  }

  #byte(byte: number): void {
    if (byte === CR || byte === LF) {
      this.#endLine();
      this.#atLineStart = true;
      return;
    }
    const atLineStart = this.#atLineStart;
    this.#atLineStart = false;
    const isPrintable = byte >= 0x20 && byte < 0x7f;
    if (this.#state === COMMENT) {
      // Comments are UTF-8 text: only a control byte shows that this was noise.
      if (byte < 0x20 && byte !== 0x09) this.#state = BETWEEN;
    } else if (byte === DOLLAR || byte === BANG) {
      this.#abandon('cut-off');
      this.#begin(byte);
    } else if (this.#state === BETWEEN) {
      if (byte === HASH && atLineStart) this.#state = COMMENT;
    } else if (!isPrintable) {
      this.#abandon('not-text');
    } else if (this.#state === BODY) {
      this.#bodyByte(byte);
    } else {
      this.#checksumByte(byte);
    }
  }

  #begin(byte: number): void {
    this.#state = BODY;
    this.#start = byte === BANG ? '!' : '$';
    this.#length = 0;
    this.#sum = 0;
    this.#stated = 0;
    this.#digits = 0;
  }

  #bodyByte(byte: number): void {
    if (byte === STAR) {
      this.#state = CHECKSUM;
    } else if (this.#length < CREDIBLE_BYTES && !isAddressByte(byte)) {
      this.#state = BETWEEN;
    } else if (this.#length === SENTENCE_BYTES_MAX) {
      this.#abandon('too-long');
    } else {
      this.#body[this.#length] = byte;
      this.#length += 1;
      this.#sum ^= byte;
    }
  }

  #checksumByte(byte: number): void {
    this.#stated = this.#stated * 16 + hexValue(byte);
    this.#digits += 1;
    if (this.#digits === SENTENCE_BYTES_MAX) this.#abandon('too-long');
  }

  #endLine(): void {
    const state = this.#state;
    this.#state = BETWEEN;
    if ((state !== BODY && state !== CHECKSUM) || this.#length < CREDIBLE_BYTES) return;
    if (state === BODY) {
      if (this.#requireChecksum) this.#listener.damaged('no-checksum');
      else this.#deliver();
    } else if (this.#digits === 2 && this.#stated === this.#sum) {
      this.#deliver();
    } else {
      this.#listener.damaged('bad-checksum');
    }
  }

  #deliver(): void {
    this.#listener.sentence(this.#body, 0, this.#length, this.#start);
  }

  #abandon(reason: Damage): void {
    const credible = reason === 'not-text' ? CREDIBLE_BEFORE_BINARY_BYTES : CREDIBLE_BYTES;
    const wasInside = (this.#state === BODY || this.#state === CHECKSUM) && this.#length >= credible;
    this.#state = BETWEEN;
    if (wasInside) this.#listener.damaged(reason);
  }
}

function isAddressByte(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x30 && byte <= 0x39);
}

/** Value of a hex digit; NaN for any other byte, which no sum equals. */
function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x41 && byte <= 0x46) return byte - 0x37;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  return Number.NaN;
}
