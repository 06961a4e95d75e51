import { Buffer } from 'node:buffer';
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
import { hexBytes, hexDigit, hexNumber } from './hex.ts';
import { InterfaceNames } from './interface-names.ts';

const SPACE = 0x20;
const HASH = 0x23;
const REMOTE = 0x52;
const LENGTH_CODE = 0x5f;

/** In a log the flag of an error frame is part of the identifier (linux/can.h, CAN_ERR_FLAG). */
const ERROR_FLAG = 0x20000000;
/** First digit behind `##` (linux/can.h, CANFD_BRS and CANFD_ESI). What else it says is said by `##` itself. */
const BRS_FLAG = 1;
const ESI_FLAG = 2;
const CLASSIC_BYTES_MAX = 8;

const scratch = new Uint8Array(FRAME_BYTES_MAX);

/**
 * Reads frames as candump writes them in a log, behind the time: `can0 260#08FFFB0000001884`, with `id#R` remote,
 * `id##<flags><data>` CAN FD, `_` and a length code behind the data, eight digits for a 29-bit identifier.
 */
export class CandumpFrames {
  readonly #interfaces: InterfaceNames;
  /** Names as they are written, with the index of each. */
  readonly #names: { readonly bytes: Uint8Array; readonly index: number }[] = [];

  constructor(interfaces = new InterfaceNames()) {
    this.#interfaces = interfaces;
  }

  /** Names of the interfaces met so far; frames index into it. */
  get interfaces(): readonly string[] {
    return this.#interfaces.names;
  }

  /** Takes note of an interface before its first frame. */
  meet(name: string): void {
    this.#interfaces.indexOf(name);
  }

  /**
   * Adds the frame written at `from` to `to - 1`; the batch must have room for it.
   * @param time UTC, microseconds; NaN where it is not known
   * @returns undefined, or why it is no frame
   */
  parse(bytes: Uint8Array, from: number, to: number, time: number, batch: FrameBatch): string | undefined {
    const nameEnd = find(bytes, from, to, SPACE);
    const idAt = skipSpaces(bytes, nameEnd, to);
    if (idAt === to) return 'bad-line';
    const end = find(bytes, idAt, to, SPACE);
    const idEnd = find(bytes, idAt, end, HASH);
    if (idEnd === end) return 'bad-line';
    const digits = idEnd - idAt;
    const id = hexNumber(bytes, idAt, idEnd);
    if (id < 0 || (digits !== 3 && digits !== 8)) return 'bad-id';
    const isError = digits === 8 && id >= ERROR_FLAG && id < 2 * ERROR_FLAG;
    if (!isError && id > (digits === 3 ? STANDARD_ID_MAX : EXTENDED_ID_MAX)) return 'bad-id';
    const channel = this.#interface(bytes, from, nameEnd);
    if (channel < 0) return 'too-many-interfaces';
    const kind = isError ? FRAME_ERROR : digits === 8 ? FRAME_EXTENDED : 0;
    const added = addFrame(bytes, idEnd + 1, end, isError ? id - ERROR_FLAG : id, kind, time, batch);
    if (!added) return 'bad-data';
    batch.interfaces[batch.count - 1] = channel;
    return undefined;
  }

  #interface(bytes: Uint8Array, from: number, to: number): number {
    for (const name of this.#names) if (equals(name.bytes, bytes, from, to)) return name.index;
    const index = this.#interfaces.indexOf(Buffer.from(bytes.subarray(from, to)).toString('latin1'));
    if (index >= 0) this.#names.push({ bytes: bytes.slice(from, to), index });
    return index;
  }
}

/** Reads what stands behind the first `#`; false where it is no data. */
function addFrame(
  bytes: Uint8Array,
  at: number,
  end: number,
  id: number,
  kind: number,
  time: number,
  batch: FrameBatch,
): boolean {
  if (bytes[at] === REMOTE && at < end) return addRemote(bytes, at + 1, end, id, kind, time, batch);
  let flags = kind;
  let dataEnd = end;
  if (bytes[at] === HASH && at < end) {
    const fd = at + 1 < end ? hexDigit(bytes[at + 1]) : -1;
    if (fd < 0) return false;
    flags |= FRAME_FD | ((fd & BRS_FLAG) === 0 ? 0 : FRAME_BRS) | ((fd & ESI_FLAG) === 0 ? 0 : FRAME_ESI);
    at += 2;
  } else {
    dataEnd = find(bytes, at, end, LENGTH_CODE);
  }
  const length = (dataEnd - at) / 2;
  const known = (flags & FRAME_FD) === 0 ? length <= CLASSIC_BYTES_MAX : FD_LENGTHS.includes(length);
  if (!Number.isInteger(length) || !known || !hexBytes(bytes, at, length, scratch)) return false;
  batch.add(id, flags, scratch, 0, length, time);
  batch.longCodes[batch.count - 1] = longCode(bytes, dataEnd, end, length);
  return true;
}

/** A remote frame has no data; one digit may say which length was asked for. */
function addRemote(
  bytes: Uint8Array,
  at: number,
  end: number,
  id: number,
  kind: number,
  time: number,
  batch: FrameBatch,
): boolean {
  const length = at === end ? 0 : hexDigit(bytes[at]);
  if (length < 0 || length > CLASSIC_BYTES_MAX) return false;
  batch.add(id, kind | FRAME_REMOTE, scratch, 0, length, time);
  batch.longCodes[batch.count - 1] = longCode(bytes, at + 1, end, length);
  return true;
}

/** The length code behind a `_` at `at`; 0 where there is none that says more than the length. */
function longCode(bytes: Uint8Array, at: number, end: number, length: number): number {
  if (length !== CLASSIC_BYTES_MAX || at + 1 >= end || bytes[at] !== LENGTH_CODE) return 0;
  const code = hexDigit(bytes[at + 1]);
  return code > CLASSIC_BYTES_MAX ? code : 0;
}

const HEX_DIGITS = Buffer.from('0123456789ABCDEF');

/** Bytes of the longest frame that {@link candumpText} writes, without the name of its interface. */
export const CANDUMP_FRAME_BYTES_MAX = ' 1FFFFFFF##3'.length + 2 * FRAME_BYTES_MAX;

/** Where a frame is written: a string of hex digits grows slowly. A longer name, or one beyond Latin-1, is put in front. */
const written = Buffer.alloc(64 + CANDUMP_FRAME_BYTES_MAX);
const SHORT_NAME_MAX = written.length - CANDUMP_FRAME_BYTES_MAX;

/**
 * Frame `i` of the batch as candump writes it in a log, without the time: `can0 260#08FFFB0000001884`. Nothing of it is
 * left out: {@link CandumpFrames} reads the same frame back.
 */
export function candumpText(name: string, frames: FrameBatch, i: number): string {
  const nameEnd = writeName(name);
  const end = writeFrame(nameEnd, frames, i);
  const text = written.toString('latin1', 0, end);
  return nameEnd === name.length ? text : name + text;
}

/** Writes a name that fits; returns where it ends, 0 where it does not fit. */
function writeName(name: string): number {
  if (name.length > SHORT_NAME_MAX) return 0;
  for (let k = 0; k < name.length; k++) {
    const code = name.charCodeAt(k);
    if (code > 0xff) return 0;
    written[k] = code;
  }
  return name.length;
}

/** Writes a frame behind a name; returns where it ends. */
function writeFrame(from: number, frames: FrameBatch, i: number): number {
  const flags = frames.flags[i] as number;
  const length = frames.lengths[i] as number;
  const code = frames.longCodes[i] as number;
  let at = from;
  written[at++] = SPACE;
  at = writeId(at, frames.ids[i] as number, flags);
  written[at++] = HASH;
  if ((flags & FRAME_REMOTE) !== 0) {
    written[at++] = REMOTE;
    if (length > 0) written[at++] = HEX_DIGITS[length] as number;
    return writeLongCode(at, code);
  }
  if ((flags & FRAME_FD) !== 0) {
    const fd = ((flags & FRAME_BRS) === 0 ? 0 : BRS_FLAG) | ((flags & FRAME_ESI) === 0 ? 0 : ESI_FLAG);
    written[at++] = HASH;
    written[at++] = HEX_DIGITS[fd] as number;
  }
  const base = i * FRAME_BYTES_MAX;
  for (let byte = base; byte < base + length; byte++) at = writeByte(at, frames.data[byte] as number);
  return (flags & FRAME_FD) === 0 ? writeLongCode(at, code) : at;
}

function writeId(at: number, id: number, flags: number): number {
  if ((flags & (FRAME_ERROR | FRAME_EXTENDED)) === 0) {
    written[at] = HEX_DIGITS[id >> 8] as number;
    return writeByte(at + 1, id & 0xff);
  }
  const word = (flags & FRAME_ERROR) === 0 ? id : id + ERROR_FLAG;
  for (let shift = 24; shift >= 0; shift -= 8) writeByte(at + (24 - shift) / 4, (word >>> shift) & 0xff);
  return at + 8;
}

function writeByte(at: number, byte: number): number {
  written[at] = HEX_DIGITS[byte >> 4] as number;
  written[at + 1] = HEX_DIGITS[byte & 0xf] as number;
  return at + 2;
}

function writeLongCode(at: number, code: number): number {
  if (code === 0) return at;
  written[at] = LENGTH_CODE;
  written[at + 1] = HEX_DIGITS[code] as number;
  return at + 2;
}

/** Where the first `wanted` in `from` to `to - 1` stands; `to` where there is none. */
export function find(bytes: Uint8Array, from: number, to: number, wanted: number): number {
  let at = from;
  while (at < to && bytes[at] !== wanted) at++;
  return at;
}

/** Where the spaces that begin at `from` end. */
export function skipSpaces(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] === SPACE) at++;
  return at;
}

function equals(name: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let k = 0; k < name.length; k++) if (name[k] !== bytes[from + k]) return false;
  return true;
}
