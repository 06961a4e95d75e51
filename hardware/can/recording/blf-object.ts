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
} from '../can-frame.ts';
import type { InterfaceNames } from '../interface-names.ts';
import { divideWide } from './wide-time.ts';

/** Bytes that every object begins with: mark, length of its header, version of it, length, type. */
export const BLF_HEADER_BYTES = 16;
/** With flags and time. */
const TIMED_HEADER_BYTES = 32;

const CAN_MESSAGE = 1;
const CAN_ERROR = 2;
const CAN_ERROR_EXT = 73;
const CAN_MESSAGE2 = 86;
const CAN_FD_MESSAGE = 100;
const CAN_FD_MESSAGE_64 = 101;
const CAN_FD_ERROR_64 = 104;

/** Bytes of content behind the header that a type has, up to where its data begin. */
const DATA_AT: Readonly<Record<number, number>> = {
  [CAN_MESSAGE]: 8,
  [CAN_MESSAGE2]: 8,
  [CAN_ERROR]: 2,
  [CAN_ERROR_EXT]: 2,
  [CAN_FD_MESSAGE]: 20,
  [CAN_FD_MESSAGE_64]: 40,
  [CAN_FD_ERROR_64]: 1,
};

const TIME_TEN_US = 1;
const ID_EXTENDED = 0x80000000;
const MESSAGE_REMOTE = 0x80;
const FD64_REMOTE = 0x10;
const CLASSIC_BYTES_MAX = 8;

/**
 * Adds the frame of an object, of `size` bytes at `at`. Objects that are no frames are passed over.
 * @param start of the measurement, UTC in microseconds
 * @returns undefined, or why it is no frame where it should be one
 */
export function addBlfObject(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  size: number,
  start: number,
  interfaces: InterfaceNames,
  batch: FrameBatch,
): string | undefined {
  const type = view.getUint32(at + 12, true);
  const dataAt = DATA_AT[type];
  if (dataAt === undefined) return undefined;
  const headerBytes = view.getUint16(at + 4, true);
  if (headerBytes < TIMED_HEADER_BYTES || size < headerBytes + dataAt) return 'bad-object';
  const content = at + headerBytes;
  const isWide = type === CAN_FD_MESSAGE_64 || type === CAN_FD_ERROR_64;
  const index = interfaces.numbered(isWide ? view.getUint8(content) : view.getUint16(content, true));
  if (index < 0) return 'too-many-interfaces';
  const frame = readFrame(view, content, type);
  if (frame === undefined) return 'bad-id';
  const { id, flags, length } = frame;
  if (length < 0 || ((flags & FRAME_REMOTE) === 0 && dataAt + length > size - headerBytes)) return 'bad-length';
  batch.add(id, flags, bytes, content + dataAt, length, start + timeOf(view, at));
  batch.interfaces[batch.count - 1] = index;
  return undefined;
}

/** Microseconds since the start, out of steps of 10 µs or nanoseconds, of which the rest is cut. */
function timeOf(view: DataView, at: number): number {
  const low = view.getUint32(at + 24, true);
  const high = view.getUint32(at + 28, true);
  if (view.getUint32(at + 16, true) === TIME_TEN_US) return (high * 2 ** 32 + low) * 10;
  return divideWide(high, low, 1000);
}

interface Frame {
  readonly id: number;
  readonly flags: number;
  /** -1 where there is no such length. */
  readonly length: number;
}

function readFrame(view: DataView, content: number, type: number): Frame | undefined {
  switch (type) {
    case CAN_MESSAGE:
    case CAN_MESSAGE2: {
      const isRemote = (view.getUint8(content + 2) & MESSAGE_REMOTE) !== 0;
      const length = Math.min(view.getUint8(content + 3), CLASSIC_BYTES_MAX);
      return frameOf(view.getUint32(content + 4, true), isRemote ? FRAME_REMOTE : 0, length);
    }
    case CAN_FD_MESSAGE: {
      const isRemote = (view.getUint8(content + 2) & MESSAGE_REMOTE) !== 0;
      const told = view.getUint8(content + 13);
      const isFd = (told & 1) !== 0;
      const flags = isFd ? fdFlags((told & 2) !== 0, (told & 4) !== 0) : isRemote ? FRAME_REMOTE : 0;
      const length = isRemote && !isFd ? view.getUint8(content + 3) : view.getUint8(content + 14);
      return frameOf(view.getUint32(content + 4, true), flags, knownLength(length, isFd));
    }
    case CAN_FD_MESSAGE_64: {
      const told = view.getUint32(content + 12, true);
      const isFd = (told & 0x1000) !== 0;
      const isRemote = !isFd && (told & FD64_REMOTE) !== 0;
      const flags = isFd ? fdFlags((told & 0x2000) !== 0, (told & 0x4000) !== 0) : isRemote ? FRAME_REMOTE : 0;
      const length = isRemote ? view.getUint8(content + 1) : view.getUint8(content + 2);
      return frameOf(view.getUint32(content + 4, true), flags, knownLength(length, isFd));
    }
    default:
      return { id: 0, flags: FRAME_ERROR, length: 0 };
  }
}

function fdFlags(hasFastData: boolean, isPassive: boolean): number {
  return FRAME_FD | (hasFastData ? FRAME_BRS : 0) | (isPassive ? FRAME_ESI : 0);
}

function knownLength(length: number, isFd: boolean): number {
  if (!isFd) return Math.min(length, CLASSIC_BYTES_MAX);
  return length <= FRAME_BYTES_MAX && FD_LENGTHS.includes(length) ? length : -1;
}

function frameOf(idWord: number, flags: number, length: number): Frame | undefined {
  const isExtended = idWord >= ID_EXTENDED;
  const id = isExtended ? idWord - ID_EXTENDED : idWord;
  if (id > (isExtended ? EXTENDED_ID_MAX : STANDARD_ID_MAX)) return undefined;
  return { id, flags: isExtended ? flags | FRAME_EXTENDED : flags, length };
}
