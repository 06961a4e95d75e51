import { Buffer } from 'node:buffer';
import { ReasonCounts } from './can-bus.ts';
import {
  EXTENDED_ID_MAX,
  FD_LENGTHS,
  FRAME_BRS,
  FRAME_BYTES_MAX,
  FRAME_ERROR,
  FRAME_ESI,
  FRAME_EXTENDED,
  FRAME_FD,
  FRAME_REMOTE,
  type FrameBatch,
  STANDARD_ID_MAX,
} from './can-frame.ts';
import { hexBytes, hexDigit, hexNumber, writeHex } from './hex.ts';
import { LineSplitter } from './line-splitter.ts';

/** Ends a line in both directions; alone, an adapter's consent. */
export const SLCAN_END = 0x0d;
/** An adapter's refusal of a command. */
export const SLCAN_REFUSED = 0x07;

/** Longest line: a CAN FD frame with 64 bytes and a timestamp. A longer one is dropped, reason `line-too-long`. */
export const SLCAN_LINE_BYTES_MAX = 1 + 8 + 1 + 2 * FRAME_BYTES_MAX + 4;

/** Bit rates that the command `S` knows, bit/s, by its digit. */
export const SLCAN_BITRATES: readonly number[] = [
  10_000, 20_000, 50_000, 100_000, 125_000, 250_000, 500_000, 800_000, 1_000_000,
];

/** Bit rates of the data phase of CAN FD that the command `Y` of CANable 2.0 and its kin knows, bit/s, with their digits. */
export const SLCAN_DATA_BITRATES: ReadonlyMap<number, number> = new Map([
  [500_000, 0],
  [1_000_000, 1],
  [2_000_000, 2],
  [3_000_000, 3],
  [4_000_000, 4],
  [5_000_000, 5],
  [8_000_000, 8],
]);

/** Flags of a frame by its first character. Lower case: 11-bit identifier; `d`, `b`: CAN FD, without and with a faster data phase. */
const KINDS = new Map([
  ['t', 0],
  ['T', FRAME_EXTENDED],
  ['r', FRAME_REMOTE],
  ['R', FRAME_REMOTE | FRAME_EXTENDED],
  ['d', FRAME_FD],
  ['D', FRAME_FD | FRAME_EXTENDED],
  ['b', FRAME_FD | FRAME_BRS],
  ['B', FRAME_FD | FRAME_BRS | FRAME_EXTENDED],
]);

const NOT_A_FRAME = 255;
const FLAGS_BY_CHARACTER = new Uint8Array(256).fill(NOT_A_FRAME);
const CHARACTER_BY_FLAGS = new Uint8Array(32);
for (const [character, flags] of KINDS) {
  FLAGS_BY_CHARACTER[character.charCodeAt(0)] = flags;
  CHARACTER_BY_FLAGS[flags] = character.charCodeAt(0);
}

const TIMESTAMP_DIGITS = 4;
const LONGEST_CLASSIC = 8;
const scratch = new Uint8Array(FRAME_BYTES_MAX);

/** True where a line is a frame by its first byte, and not a command or a reply. */
export function isSlcanFrame(first: number | undefined): boolean {
  return FLAGS_BY_CHARACTER[first ?? 0] !== NOT_A_FRAME;
}

/**
 * Reads a line that is a frame, without its end, into the batch. An adapter's own timestamp behind it (milliseconds,
 * starting over each minute) is passed over.
 * @returns undefined, or why the line is no frame
 */
export function parseSlcanFrame(bytes: Uint8Array, from: number, to: number, batch: FrameBatch): string | undefined {
  const flags = FLAGS_BY_CHARACTER[bytes[from] ?? 0] ?? NOT_A_FRAME;
  if (flags === NOT_A_FRAME) return 'unknown-line';
  const extended = (flags & FRAME_EXTENDED) !== 0;
  const idEnd = from + 1 + (extended ? 8 : 3);
  if (to <= idEnd) return 'bad-length';
  const id = hexNumber(bytes, from + 1, idEnd);
  if (id < 0) return 'bad-hex';
  if (id > (extended ? EXTENDED_ID_MAX : STANDARD_ID_MAX)) return 'bad-id';
  const code = hexDigit(bytes[idEnd]);
  if (code < 0) return 'bad-hex';
  if (code > LONGEST_CLASSIC && (flags & FRAME_FD) === 0) return 'bad-length';
  const length = FD_LENGTHS[code] ?? 0;
  const dataAt = idEnd + 1;
  const dataBytes = (flags & FRAME_REMOTE) === 0 ? length : 0;
  const rest = to - dataAt - 2 * dataBytes;
  if (rest !== 0 && rest !== TIMESTAMP_DIGITS) return 'bad-length';
  if (!hexBytes(bytes, dataAt, dataBytes, scratch)) return 'bad-hex';
  if (rest !== 0 && hexNumber(bytes, to - TIMESTAMP_DIGITS, to) < 0) return 'bad-hex';
  batch.add(id, flags, scratch, 0, length);
  return undefined;
}

/**
 * Frames out of what an adapter sends, fed in pieces of any length. What is no frame is counted by reason and skipped
 * up to the next end of a line. Replies to commands are no frames and no errors; a refusal is counted as `refused`.
 */
export class SlcanDecoder {
  readonly #errors = new ReasonCounts();
  /** What is refused is what empties the input, or the close of what is closed already. */
  #isClosing = false;
  readonly #lines = new LineSplitter(
    [SLCAN_END, SLCAN_REFUSED],
    SLCAN_LINE_BYTES_MAX,
    (bytes, from, to, end, batch) => this.#line(bytes, from, to, end, batch),
    () => this.#errors.add('line-too-long'),
  );

  get errors(): Readonly<Record<string, number>> {
    return this.#errors.counts;
  }

  /** Takes bytes from `at` until they are used up or the batch is full; returns where it stopped. */
  decode(bytes: Uint8Array, at: number, batch: FrameBatch): number {
    return this.#lines.feed(bytes, at, batch);
  }

  /** Forgets a line that has begun: the port was opened anew, and {@link SLCAN_CLEAR} is sent to it, of which anything may be refused. */
  clear(): void {
    this.#lines.reset();
    this.#isClosing = true;
  }

  /** What was sent before is answered: from now on a refusal is an error. */
  cleared(): void {
    this.#isClosing = false;
  }

  #line(bytes: Uint8Array, from: number, to: number, end: number, batch: FrameBatch): void {
    if (end === SLCAN_REFUSED) {
      if (to !== from) this.#errors.add('unknown-line');
      else if (!this.#isClosing) this.#errors.add('refused');
      return;
    }
    if (to === from) return;
    const first = bytes[from] ?? 0;
    if (FLAGS_BY_CHARACTER[first] === NOT_A_FRAME) {
      if (first === ERROR_REPORT) batch.add(0, FRAME_ERROR, scratch, 0, 0);
      else if (REPLIES[first] === 0) this.#errors.add('unknown-line');
      return;
    }
    const problem = parseSlcanFrame(bytes, from, to, batch);
    if (problem !== undefined) this.#errors.add(problem);
  }
}

/** `e<n><codes>`: the bus errors the adapter saw; Linux's slcan driver reads the same. */
const ERROR_REPORT = 'e'.charCodeAt(0);

/** First characters of what answers a command: frame sent (z, Z), version (V, v), serial number (N), status flags (F), bus state (s). */
const REPLIES = new Uint8Array(256);
for (const character of 'zZVvNFs') REPLIES[character.charCodeAt(0)] = 1;

/**
 * Writes one frame as a line with its end.
 * @param flags FRAME_ bits; error frames cannot be sent, and FRAME_ESI is the adapter's to set
 * @param length data bytes; where CAN FD has no such length the next longer one, filled with zeros
 * @returns where the line ends in `out`; at most {@link SLCAN_LINE_BYTES_MAX} + 1 bytes are written
 */
export function encodeSlcanFrame(
  out: Uint8Array,
  at: number,
  id: number,
  flags: number,
  data: Uint8Array,
  dataAt: number,
  length: number,
): number {
  out[at++] = CHARACTER_BY_FLAGS[flags & ~FRAME_ESI] ?? 0;
  at = writeHex(out, at, id, (flags & FRAME_EXTENDED) === 0 ? 3 : 8);
  let code = Math.min(length, LONGEST_CLASSIC);
  while ((FD_LENGTHS[code] ?? length) < length) code++;
  at = writeHex(out, at, code, 1);
  if ((flags & FRAME_REMOTE) === 0) {
    const padded = FD_LENGTHS[code] ?? 0;
    for (let k = 0; k < padded; k++) at = writeHex(out, at, k < length ? (data[dataAt + k] ?? 0) : 0, 2);
  }
  out[at++] = SLCAN_END;
  return at;
}

/** Empties an adapter's input and closes the channel. Adapters differ in what of it they answer, and how. */
export const SLCAN_CLEAR: Uint8Array = Buffer.from('\r\r\rC\r', 'latin1');

/**
 * What opens an adapter behind {@link SLCAN_CLEAR}: set the bit rate, open.
 * @param bitrate one of {@link SLCAN_BITRATES}
 * @param listenOnly neither sends nor acknowledges: invisible to the bus
 * @param dataBitrate of CAN FD, one of {@link SLCAN_DATA_BITRATES}; undefined: as the adapter has it
 */
export function encodeSlcanOpen(bitrate: number, listenOnly: boolean, dataBitrate?: number): Uint8Array {
  const digit = SLCAN_BITRATES.indexOf(bitrate);
  if (digit < 0) throw new RangeError(`bit rate ${bitrate}: an SLCAN adapter has ${SLCAN_BITRATES.join(', ')} bit/s`);
  const dataDigit = dataBitrate === undefined ? undefined : SLCAN_DATA_BITRATES.get(dataBitrate);
  if (dataBitrate !== undefined && dataDigit === undefined) {
    const known = [...SLCAN_DATA_BITRATES.keys()].join(', ');
    throw new RangeError(`data bit rate ${dataBitrate}: an SLCAN adapter has ${known} bit/s`);
  }
  const data = dataDigit === undefined ? '' : `Y${dataDigit}\r`;
  return Buffer.from(`S${digit}\r${data}${listenOnly ? 'L' : 'O'}\r`, 'latin1');
}

/** What closes an adapter's channel. */
export function encodeSlcanClose(): Uint8Array {
  return Buffer.from('C\r', 'latin1');
}
