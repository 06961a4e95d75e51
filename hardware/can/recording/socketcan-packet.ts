import {
  EXTENDED_ID_MAX,
  FD_LENGTHS,
  FRAME_BRS,
  FRAME_ERROR,
  FRAME_ESI,
  FRAME_EXTENDED,
  FRAME_FD,
  FRAME_REMOTE,
  type FrameBatch,
  STANDARD_ID_MAX,
} from '../can-frame.ts';

/** LINKTYPE_CAN_SOCKETCAN of tcpdump.org's list. */
export const LINKTYPE_CAN_SOCKETCAN = 227;

/** Identifier with flags (big endian), length, flags of CAN FD, two more bytes, of which the last is a long length code. */
const HEADER_BYTES = 8;

const ID_EXTENDED = 0x80000000;
const ID_REMOTE = 0x40000000;
const ID_ERROR = 0x20000000;
/** linux/can.h: CANFD_BRS, CANFD_ESI, CANFD_FDF. */
const FD_BRS = 1;
const FD_ESI = 2;
const FD_FORMAT = 4;
const CLASSIC_BYTES_MAX = 8;
const LONG_CODE_MAX = 15;

/**
 * Adds the frame of a packet as Linux hands it to a capture, the bytes `from` to `to - 1`.
 * @param index of the interface; -1 where it is one too many
 * @returns undefined, or why it is no frame
 */
export function addSocketCan(
  bytes: Uint8Array,
  view: DataView,
  from: number,
  to: number,
  time: number,
  index: number,
  batch: FrameBatch,
): string | undefined {
  if (index < 0) return 'too-many-interfaces';
  if (to - from < HEADER_BYTES) return 'bad-length';
  const word = view.getUint32(from, false);
  const length = view.getUint8(from + 4);
  const told = view.getUint8(from + 5);
  // Captures of before the flag for the format have CAN FD only by length.
  const isFd = (told & FD_FORMAT) !== 0 || length > CLASSIC_BYTES_MAX;
  const isError = (word & ID_ERROR) !== 0;
  const isRemote = !isFd && !isError && (word & ID_REMOTE) !== 0;
  const isExtended = word >= ID_EXTENDED;
  const id = word & EXTENDED_ID_MAX;
  if (!isExtended && !isError && id > STANDARD_ID_MAX) return 'bad-id';
  if (isFd ? !FD_LENGTHS.includes(length) : length > CLASSIC_BYTES_MAX) return 'bad-length';
  if (!isRemote && from + HEADER_BYTES + length > to) return 'bad-length';
  let flags = isError ? FRAME_ERROR : isExtended ? FRAME_EXTENDED : 0;
  if (isRemote) flags |= FRAME_REMOTE;
  if (isFd) flags |= FRAME_FD | ((told & FD_BRS) === 0 ? 0 : FRAME_BRS) | ((told & FD_ESI) === 0 ? 0 : FRAME_ESI);
  batch.add(id, flags, bytes, from + HEADER_BYTES, length, time);
  const last = batch.count - 1;
  batch.interfaces[last] = index;
  const code = view.getUint8(from + 7);
  if (!isFd && length === CLASSIC_BYTES_MAX && code > CLASSIC_BYTES_MAX && code <= LONG_CODE_MAX) {
    batch.longCodes[last] = code;
  }
  return undefined;
}
