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
import { hexBytes } from './hex.ts';
import { LineSplitter } from './line-splitter.ts';

/** Longest message that is read, bytes; a longer one is dropped, reason `line-too-long`. A frame takes some 60. */
const MESSAGE_BYTES_MAX = 512;
const MESSAGE_END = 0x3e;
const CLASSIC_BYTES_MAX = 8;
const EXTENDED_DIGITS = 8;

/** Words of a message between `<` and `>`. */
const MESSAGE = /^\s*<\s*(.*?)\s*$/s;
const TIME = /^(\d{1,10})\.(\d{6})$/;

const scratch = new Uint8Array(FRAME_BYTES_MAX);

/** What the daemon says that is no frame. */
export type SocketcandAnswer =
  | { readonly kind: 'hi' }
  | { readonly kind: 'ok' }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Reads what socketcand sends in its raw mode (doc/protocol.md of linux-can/socketcand), fed in pieces of any length:
 * `< frame 123 23.424242 11223344 >`, `< rtr 123 23.424242 4 >`, `< error 004 23.424242 >`, `< hi >`, `< ok >`. CAN FD, with the
 * flags of linux/can.h behind the identifier: `< fdframe 123 01 23.424242 11223344 >`. Daemons that do not know it leave it out.
 */
export class SocketcandDecoder {
  readonly #errors = new ReasonCounts();
  readonly #onAnswer: (answer: SocketcandAnswer) => void;
  readonly #messages = new LineSplitter(
    [MESSAGE_END],
    MESSAGE_BYTES_MAX,
    (bytes, from, to, _end, batch) => {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
      const problem = this.#take(text, batch);
      if (problem !== undefined) this.#errors.add(problem);
    },
    () => this.#errors.add('line-too-long'),
  );

  constructor(onAnswer: (answer: SocketcandAnswer) => void) {
    this.#onAnswer = onAnswer;
  }

  get errors(): Readonly<Record<string, number>> {
    return this.#errors.counts;
  }

  /** Takes bytes from `at` until they are used up or the batch is full; returns where it stopped. */
  decode(bytes: Uint8Array, at: number, batch: FrameBatch): number {
    return this.#messages.feed(bytes, at, batch);
  }

  /** Forgets a message that has begun. */
  reset(): void {
    this.#messages.reset();
  }

  #take(text: string, batch: FrameBatch): string | undefined {
    const words = MESSAGE.exec(text)?.[1]?.split(/\s+/);
    if (words === undefined) return 'unknown-line';
    const [kind, id = '', time = '', ...data] = words;
    switch (kind) {
      case 'frame':
        return addFrame(id, time, 0, data.join(''), undefined, batch);
      case 'fdframe':
        return addFdFrame(id, time, data, batch);
      case 'rtr':
        return addFrame(id, time, FRAME_REMOTE, '', data[0], batch);
      case 'hi':
      case 'ok':
        this.#onAnswer({ kind });
        return undefined;
      case 'error':
        // Of the bus, or of what was asked for: that is said in words.
        if (TIME.test(time)) return addFrame(id.padStart(EXTENDED_DIGITS, '0'), time, FRAME_ERROR, '', '0', batch);
        this.#onAnswer({ kind: 'refused', reason: words.slice(1).join(' ') });
        return undefined;
      default:
        return 'unknown-line';
    }
  }
}

/** Flags of a CAN FD frame (linux/can.h, CANFD_BRS and CANFD_ESI). */
const LINUX_BRS = 1;
const LINUX_ESI = 2;

/** @param rest time and data, in words */
function addFdFrame(id: string, flagText: string, rest: readonly string[], batch: FrameBatch): string | undefined {
  if (!/^[0-9A-F]{2}$/i.test(flagText)) return 'bad-data';
  const linux = Number.parseInt(flagText, 16);
  const [time = '', ...data] = rest;
  const kind = FRAME_FD | ((linux & LINUX_BRS) === 0 ? 0 : FRAME_BRS) | ((linux & LINUX_ESI) === 0 ? 0 : FRAME_ESI);
  return addFrame(id, time, kind, data.join(''), undefined, batch);
}

/** @param asked length of a frame without data, in digits */
function addFrame(
  idText: string,
  timeText: string,
  kind: number,
  hex: string,
  asked: string | undefined,
  batch: FrameBatch,
): string | undefined {
  const isExtended = idText.length === EXTENDED_DIGITS;
  if (!/^([0-9A-F]{3}|[0-9A-F]{8})$/i.test(idText)) return 'bad-id';
  const id = Number.parseInt(idText, 16);
  if (id > (isExtended ? EXTENDED_ID_MAX : STANDARD_ID_MAX)) return 'bad-id';
  const time = TIME.exec(timeText);
  if (time === null) return 'bad-time';
  const length = asked === undefined ? hex.length / 2 : Number(asked);
  if (!isLength(length, (kind & FRAME_FD) !== 0)) return 'bad-data';
  if (asked === undefined && !hexBytes(Buffer.from(hex, 'latin1'), 0, length, scratch)) return 'bad-data';
  const flags = kind | (isExtended && kind !== FRAME_ERROR ? FRAME_EXTENDED : 0);
  batch.add(id, flags, scratch, 0, length, Number(time[1]) * 1e6 + Number(time[2]));
  return undefined;
}

function isLength(length: number, isFd: boolean): boolean {
  return isFd ? FD_LENGTHS.includes(length) : Number.isInteger(length) && length >= 0 && length <= CLASSIC_BYTES_MAX;
}

/** What opens a bus: its name has at most 16 characters. */
export function encodeSocketcandOpen(name: string): Uint8Array {
  return Buffer.from(`< open ${name} >`, 'latin1');
}

/** What asks for every frame of the bus that is open. */
export const SOCKETCAND_RAW_MODE: Uint8Array = Buffer.from('< rawmode >', 'latin1');

/** A data frame to be sent onto the bus: of at most eight bytes, or with FRAME_FD of any length that CAN FD has. */
export function encodeSocketcandSend(id: number, flags: number, data: Uint8Array): Uint8Array {
  const digits = (flags & FRAME_EXTENDED) === 0 ? 3 : EXTENDED_DIGITS;
  const idText = id.toString(16).toUpperCase().padStart(digits, '0');
  const bytes = Array.from(data, (byte) => ` ${byte.toString(16).toUpperCase().padStart(2, '0')}`);
  const fdFlags = (flags & FRAME_BRS) === 0 ? '00' : '01';
  const command = (flags & FRAME_FD) === 0 ? `send ${idText}` : `fdsend ${idText} ${fdFlags}`;
  return Buffer.from(`< ${command} ${data.length}${bytes.join('')} >`, 'latin1');
}
