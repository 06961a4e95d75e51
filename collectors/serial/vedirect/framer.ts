/**
 * Cuts a stream of bytes into blocks of VE.Direct's text protocol and verifies their checksums.
 *
 * A block is fields of CR, LF, label, tab, value; the last is `Checksum` and one byte that makes the sum of all bytes of the
 * block 0 modulo 256. Frames of the HEX protocol, from a colon to a line feed, may stand anywhere but in the place of that byte; they
 * belong to no block.
 */

/** Fields of a block. Victron splits what is more than 22 in two blocks. */
export const BLOCK_FIELDS_MAX = 64;

/** Bytes of a label and of a value; Victron states 9 and 33. */
export const LABEL_BYTES_MAX = 32;
export const VALUE_BYTES_MAX = 128;

/** Bytes of a HEX frame; longer: the colon stood in noise. */
export const HEX_BYTES_MAX = 512;

/** Why a block was not taken. */
export type BlockDamage =
  /** The sum of its bytes is not 0. */
  | 'bad-checksum'
  /** The wire was opened or lost in the middle of it. */
  | 'cut-off'
  /** A label or value is too long, or there are too many fields. */
  | 'too-long';

export interface BlockListener {
  /** A block whose checksum is right, label and value in turn; valid only until the call returns. */
  block(fields: readonly string[]): void;
  /** A frame of the HEX protocol was skipped. */
  hex(): void;
  damaged(reason: BlockDamage): void;
}

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const COLON = 0x3a;

const IDLE = 0;
const LABEL = 1;
const VALUE = 2;
const CHECKSUM = 3;
const HEX = 4;
type State = typeof IDLE | typeof LABEL | typeof VALUE | typeof CHECKSUM | typeof HEX;

export class BlockFramer {
  readonly #listener: BlockListener;
  #state: State = IDLE;
  /** Where a HEX frame stands in a block. */
  #resumed: State = IDLE;
  #hexBytes = 0;
  #sum = 0;
  #text = '';
  #fields: string[] = [];
  #isTooLong = false;
  /** True before the end of a block was seen since the wire was opened: what came before is not known. */
  #isJoining = true;

  constructor(listener: BlockListener) {
    this.#listener = listener;
  }

  /** Takes the next bytes of the wire. They are not kept. */
  feed(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index += 1) this.#byte(bytes[index] ?? 0);
  }

  /** The wire was lost: what comes next does not continue what came before. */
  reset(): void {
    if (this.#fields.length > 0) this.#listener.damaged('cut-off');
    this.#begin();
    this.#isJoining = true;
  }

  #byte(byte: number): void {
    if (this.#state === HEX) {
      this.#hexByte(byte);
      return;
    }
    if (byte === COLON && this.#state !== CHECKSUM) {
      this.#resumed = this.#state;
      this.#state = HEX;
      this.#hexBytes = 0;
      return;
    }
    // A block begins with CR: what stands before it belongs to none.
    if (this.#state === IDLE && byte === CR) this.#sum = 0;
    this.#sum = (this.#sum + byte) & 0xff;
    if (this.#state === CHECKSUM) this.#endBlock();
    else this.#textByte(byte);
  }

  #hexByte(byte: number): void {
    this.#hexBytes += 1;
    if (byte === LF) this.#listener.hex();
    if (byte === LF || this.#hexBytes === HEX_BYTES_MAX) this.#state = this.#resumed;
  }

  #textByte(byte: number): void {
    if (byte === LF) {
      if (this.#state === VALUE) this.#endField();
      this.#state = LABEL;
      this.#text = '';
    } else if (byte === TAB && this.#state === LABEL) {
      this.#endLabel();
    } else if (byte !== CR && this.#state !== IDLE) {
      this.#keep(byte);
    }
  }

  #keep(byte: number): void {
    const most = this.#state === LABEL ? LABEL_BYTES_MAX : VALUE_BYTES_MAX;
    if (this.#text.length < most) this.#text += String.fromCharCode(byte);
    else this.#isTooLong = true;
  }

  #endLabel(): void {
    this.#state = this.#text === 'Checksum' ? CHECKSUM : VALUE;
    if (this.#state === VALUE) {
      if (this.#fields.length < 2 * BLOCK_FIELDS_MAX) this.#fields.push(this.#text);
      else this.#isTooLong = true;
    }
    this.#text = '';
  }

  #endField(): void {
    // Its label was not kept where there are too many.
    if (this.#fields.length % 2 === 1) this.#fields.push(this.#text);
  }

  #endBlock(): void {
    if (this.#isTooLong) this.#listener.damaged('too-long');
    else if (this.#sum === 0) this.#listener.block(this.#fields);
    else this.#listener.damaged(this.#isJoining ? 'cut-off' : 'bad-checksum');
    this.#begin();
    this.#isJoining = false;
  }

  #begin(): void {
    this.#state = IDLE;
    this.#sum = 0;
    this.#text = '';
    this.#fields = [];
    this.#isTooLong = false;
  }
}
