import { Buffer } from 'node:buffer';
import { ReasonCounts } from './can-bus.ts';
import {
  EXTENDED_ID_MAX,
  FD_LENGTHS,
  FRAME_BRS,
  FRAME_BYTES_MAX,
  FRAME_ERROR,
  FRAME_EXTENDED,
  FRAME_FD,
  FRAME_REMOTE,
  type FrameBatch,
  INTERFACES_MAX,
  STANDARD_ID_MAX,
} from './can-frame.ts';
import { hexBytes, hexDigit, hexNumber } from './hex.ts';
import { LineSplitter } from './line-splitter.ts';

/** Longest line: a CAN FD frame takes 190. A longer one is dropped, reason `line-too-long`. */
const LINE_BYTES_MAX = 512;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const HASH = 0x23;
const OPEN = 0x28;
const CLOSE = 0x29;
const POINT = 0x2e;
const REMOTE = 0x52;
const LENGTH_CODE = 0x5f;

/** In a log the flag of an error frame is part of the identifier (linux/can.h, CAN_ERR_FLAG). */
const ERROR_FLAG = 0x20000000;
/** First digit behind `##`: the faster data phase (CANFD_BRS). */
const BRS_FLAG = 1;
const CLASSIC_BYTES_MAX = 8;

const scratch = new Uint8Array(FRAME_BYTES_MAX);

/**
 * Frames out of what `candump -l` and `candump -L` write, fed in pieces of any length:
 * `(1533226488.230547) can0 260#08FFFB0000001884`, with `id#R` remote, `id##<flags><data>` CAN FD, eight digits for a
 * 29-bit identifier. Empty lines and those beginning with `#` are passed over; what else is no frame is counted by reason.
 */
export class CandumpLog {
  /** Names of the interfaces met so far; frames index into it. */
  readonly interfaces: string[] = [];
  readonly #names: Uint8Array[] = [];
  readonly #errors = new ReasonCounts();
  readonly #lines = new LineSplitter(
    [LINE_FEED],
    LINE_BYTES_MAX,
    (bytes, from, to, _end, batch) => this.#line(bytes, from, to, batch),
    () => this.#errors.add('line-too-long'),
  );

  get errors(): Readonly<Record<string, number>> {
    return this.#errors.counts;
  }

  /** Takes bytes from `at` until they are used up or the batch is full; returns where it stopped. */
  decode(bytes: Uint8Array, at: number, batch: FrameBatch): number {
    return this.#lines.feed(bytes, at, batch);
  }

  /** Takes a last line without end; the batch must have room for one frame. */
  end(batch: FrameBatch): void {
    this.#lines.flush(batch);
  }

  #line(bytes: Uint8Array, from: number, to: number, batch: FrameBatch): void {
    while (to > from && (bytes[to - 1] === CARRIAGE_RETURN || bytes[to - 1] === SPACE)) to--;
    if (to === from || bytes[from] === HASH) return;
    const problem = this.#frame(bytes, from, to, batch);
    if (problem !== undefined) this.#errors.add(problem);
  }

  /** Adds the frame of one line; returns why there is none. */
  #frame(bytes: Uint8Array, from: number, to: number, batch: FrameBatch): string | undefined {
    const timeEnd = find(bytes, from, to, SPACE);
    const time = readTime(bytes, from, timeEnd);
    if (time < 0) return 'bad-time';
    const nameAt = skipSpaces(bytes, timeEnd, to);
    const nameEnd = find(bytes, nameAt, to, SPACE);
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
    const channel = this.#interface(bytes, nameAt, nameEnd);
    if (channel < 0) return 'too-many-interfaces';
    const kind = isError ? FRAME_ERROR : digits === 8 ? FRAME_EXTENDED : 0;
    const added = addFrame(bytes, idEnd + 1, end, isError ? id - ERROR_FLAG : id, kind, time, batch);
    if (!added) return 'bad-data';
    batch.interfaces[batch.count - 1] = channel;
    return undefined;
  }

  #interface(bytes: Uint8Array, from: number, to: number): number {
    for (let i = 0; i < this.#names.length; i++) {
      const name = this.#names[i];
      if (name !== undefined && equals(name, bytes, from, to)) return i;
    }
    if (this.#names.length === INTERFACES_MAX) return -1;
    this.#names.push(bytes.slice(from, to));
    return this.interfaces.push(Buffer.from(bytes.subarray(from, to)).toString('latin1')) - 1;
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
    flags |= FRAME_FD | ((fd & BRS_FLAG) === 0 ? 0 : FRAME_BRS);
    at += 2;
  } else {
    dataEnd = find(bytes, at, end, LENGTH_CODE);
  }
  const length = (dataEnd - at) / 2;
  const known = (flags & FRAME_FD) === 0 ? length <= CLASSIC_BYTES_MAX : FD_LENGTHS.includes(length);
  if (!Number.isInteger(length) || !known || !hexBytes(bytes, at, length, scratch)) return false;
  batch.add(id, flags, scratch, 0, length, time);
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
  return true;
}

/** Microseconds out of `(seconds.fraction)`; -1 where it is none. More digits than microseconds have are cut. */
function readTime(bytes: Uint8Array, from: number, to: number): number {
  if (to - from < 3 || bytes[from] !== OPEN || bytes[to - 1] !== CLOSE) return -1;
  let time = 0;
  let decimals = -1;
  for (let at = from + 1; at < to - 1; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === POINT && decimals < 0) {
      decimals = 0;
      continue;
    }
    if (byte < 0x30 || byte > 0x39) return -1;
    if (decimals === 6) continue;
    time = time * 10 + (byte - 0x30);
    if (decimals >= 0) decimals++;
  }
  for (let missing = Math.max(0, decimals); missing < 6; missing++) time *= 10;
  return Number.isSafeInteger(time) ? time : -1;
}

function find(bytes: Uint8Array, from: number, to: number, wanted: number): number {
  let at = from;
  while (at < to && bytes[at] !== wanted) at++;
  return at;
}

function skipSpaces(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] === SPACE) at++;
  return at;
}

function equals(name: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let k = 0; k < name.length; k++) if (name[k] !== bytes[from + k]) return false;
  return true;
}
