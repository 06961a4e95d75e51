import { Buffer } from 'node:buffer';
import {
  EXTENDED_ID_MAX,
  FD_LENGTHS,
  FRAME_BYTES_MAX,
  FRAME_ERROR,
  FRAME_EXTENDED,
  FRAME_FD,
  FRAME_REMOTE,
  type FrameBatch,
  STANDARD_ID_MAX,
} from '../can-frame.ts';
import { hexBytes } from '../hex.ts';
import type { InterfaceNames } from '../interface-names.ts';

/** `can0  123   [2]  11 22`, with `-x` a direction and two flags, or `can0 <0x123> [2] 11 22`. */
const LINE =
  /^(\S+)\s+(?:[RT]X\s+[-B]\s+[-E]\s+)?(?:<0x([0-9A-Fa-f]{1,8})>|([0-9A-Fa-f]{3}|[0-9A-Fa-f]{8}))\s+\[(\d{1,2})\]\s*(.*)$/;

/** Digits of an identifier of 29 bits. */
const EXTENDED_DIGITS = 8;
/** linux/can.h: CAN_ERR_FLAG, part of the identifier that is shown. */
const ERROR_FLAG = 0x20000000;
const CLASSIC_BYTES_MAX = 8;

const scratch = new Uint8Array(FRAME_BYTES_MAX);

/**
 * Adds the frame of a line that candump wrote to a console. A length of two digits, `[08]`, says CAN FD.
 * @returns undefined, or why it is no frame
 */
export function consoleFrame(
  text: string,
  time: number,
  interfaces: InterfaceNames,
  batch: FrameBatch,
): string | undefined {
  const parts = LINE.exec(text);
  if (parts === null) return 'bad-line';
  const [, name = '', bracketed, bare = '', digits = '', rest = ''] = parts;
  const idText = bracketed ?? bare;
  const number = Number.parseInt(idText, 16);
  const isError = number >= ERROR_FLAG && number < 2 * ERROR_FLAG;
  const isExtended = idText.length === EXTENDED_DIGITS;
  const id = isError ? number - ERROR_FLAG : number;
  if (id > (isExtended ? EXTENDED_ID_MAX : STANDARD_ID_MAX)) return 'bad-id';
  const length = Number(digits);
  const isFd = digits.length === 2;
  if (isFd ? !FD_LENGTHS.includes(length) : length > CLASSIC_BYTES_MAX) return 'bad-data';
  const isRemote = rest.startsWith('remote request');
  // What candump -a shows behind the data, as characters, is not looked at.
  const hex = Buffer.from(rest.replaceAll(' ', '').slice(0, 2 * length), 'latin1');
  if (!isRemote && (hex.length < 2 * length || !hexBytes(hex, 0, length, scratch))) return 'bad-data';
  const index = interfaces.indexOf(name);
  if (index < 0) return 'too-many-interfaces';
  const kind = isError ? FRAME_ERROR : isExtended ? FRAME_EXTENDED : 0;
  batch.add(id, kind | (isFd ? FRAME_FD : 0) | (isRemote ? FRAME_REMOTE : 0), scratch, 0, length, time);
  batch.interfaces[batch.count - 1] = index;
  return undefined;
}
