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
import { microsOf } from './decimal-time.ts';
import type { RecordingContext } from './frame-decoder.ts';
import { type FrameLine, latin1Lines } from './line-frames.ts';

/**
 * Columns of a line by the letters of `$COLUMNS`: N number, O offset in milliseconds, T type, B bus, I identifier,
 * d direction, R reserved, L length code, l length in bytes, D data.
 */
const COLUMNS: Readonly<Record<string, string>> = {
  '1.0': 'NOILD',
  '1.1': 'NOTILD',
  '1.2': 'NOBTILD',
  '1.3': 'NOBTIRLD',
  '2.0': 'NOTIdlD',
  '2.1': 'NOTIdlD',
};

/** Types of version 2 that are frames. Others (status, counters, events) are passed over. */
const FRAME_TYPES: Readonly<Record<string, number>> = {
  DT: 0,
  FD: FRAME_FD,
  FB: FRAME_FD | FRAME_BRS,
  FE: FRAME_FD | FRAME_ESI,
  BI: FRAME_FD | FRAME_BRS | FRAME_ESI,
  RR: FRAME_REMOTE,
  ER: FRAME_ERROR,
  ...{ RX: 0, TX: 0, ERROR: FRAME_ERROR },
};

/** Digits of the longest identifier that is an 11-bit one. */
const STANDARD_DIGITS = 4;
/** Identifier of what version 1.0 tells of the bus itself. */
const BUS_INFO_ID = 0xffffffff;
const CLASSIC_BYTES_MAX = 8;

const DAY_US = 86_400e6;
/** 1899-12-30, the first day of OLE dates, in days before 1970. */
const OLE_EPOCH_DAYS = 25_569;
/** Step of the clock that PEAK's tools take a start from, microseconds. */
const START_STEP_US = 100;

const scratch = new Uint8Array(FRAME_BYTES_MAX);

/** Lines of PEAK's TRC, versions 1.0 to 2.1. */
export function trcLines(context: RecordingContext): FrameLine {
  const log = new TrcLog(context);
  return latin1Lines((text, batch) => log.line(text, batch));
}

class TrcLog {
  readonly #context: RecordingContext;
  #columns = COLUMNS['1.0'] ?? '';
  /** UTC, microseconds. */
  #start = 0;

  constructor(context: RecordingContext) {
    this.#context = context;
  }

  line(text: string, batch: FrameBatch): string | undefined {
    if (text.startsWith(';')) return this.#header(text);
    const columns = this.#columns;
    const words = text.split(/\s+/);
    const at = (letter: string) => words[columns.indexOf(letter)] ?? '';
    const offset = microsOf(at('O'), 1e3);
    if (Number.isNaN(offset)) return 'bad-time';
    const flags = columns.includes('T') ? FRAME_TYPES[at('T').toUpperCase()] : 0;
    if (flags === undefined) return undefined;
    const idText = at('I');
    if (!/^([0-9A-F]{1,8}|-)$/i.test(idText)) return 'bad-id';
    const id = Number.parseInt(idText, 16);
    if (id === BUS_INFO_ID) return undefined;
    const bus = columns.includes('B') ? Number(at('B')) : 1;
    const index = this.#context.interfaces.numbered(Number.isInteger(bus) ? bus : 1);
    if (index < 0) return 'too-many-interfaces';
    const problem = this.#add(words, id, idText.length > STANDARD_DIGITS, flags, this.#start + offset, batch);
    if (problem === undefined) batch.interfaces[batch.count - 1] = index;
    return problem;
  }

  #header(text: string): string | undefined {
    const [, key = '', value = ''] = /^;\$(\w+)=(.*)$/.exec(text) ?? [];
    if (key === 'FILEVERSION') {
      const columns = COLUMNS[value.trim()];
      if (columns === undefined) return 'unknown-version';
      this.#columns = columns;
    }
    if (key === 'COLUMNS') this.#columns = value.replaceAll(/[\s,]/g, '');
    if (key === 'STARTTIME') {
      const start = oleDate(value.trim());
      if (Number.isNaN(start)) return 'bad-date';
      this.#start = start - this.#context.utcOffsetUs;
    }
    return undefined;
  }

  #add(
    words: readonly string[],
    id: number,
    isExtended: boolean,
    kind: number,
    time: number,
    batch: FrameBatch,
  ): string | undefined {
    const dataAt = this.#columns.indexOf('D');
    const isRemote = (kind & FRAME_REMOTE) !== 0 || words[dataAt] === 'RTR';
    const flags = kind | (isExtended ? FRAME_EXTENDED : 0) | (isRemote ? FRAME_REMOTE : 0);
    if ((flags & FRAME_ERROR) !== 0) {
      batch.add(0, FRAME_ERROR, scratch, 0, 0, time);
      return undefined;
    }
    if (!(id <= (isExtended ? EXTENDED_ID_MAX : STANDARD_ID_MAX))) return 'bad-id';
    const length = this.#length(words, flags);
    if (length === undefined) return 'bad-length';
    for (let k = 0; k < length && !isRemote; k++) {
      const byte = words[dataAt + k] ?? '';
      if (!/^[0-9A-F]{2}$/i.test(byte)) return 'bad-data';
      scratch[k] = Number.parseInt(byte, 16);
    }
    batch.add(id, flags, scratch, 0, length, time);
    return undefined;
  }

  /** Bytes of a frame, from its length or its length code; undefined where there is no such length. */
  #length(words: readonly string[], flags: number): number | undefined {
    const isCode = this.#columns.includes('L');
    const number = Number(words[this.#columns.indexOf(isCode ? 'L' : 'l')]);
    const isFd = (flags & FRAME_FD) !== 0;
    if (isCode) return isFd ? FD_LENGTHS[number] : number >= 0 && number <= 15 ? Math.min(number, 8) : undefined;
    return (isFd ? FD_LENGTHS.includes(number) : number >= 0 && number <= CLASSIC_BYTES_MAX) ? number : undefined;
  }
}

/**
 * Microseconds from 1970 to a date in days since 1899-12-30. Fewer digits than microseconds need are rounded to the step
 * of the clock it was taken from, so that the start is what the clock showed.
 */
function oleDate(text: string): number {
  const parts = /^(\d+)(?:\.(\d+))?$/.exec(text);
  if (parts === null) return Number.NaN;
  const fraction = parts[2] ?? '';
  const ofDay = Number(`0.${fraction}`) * DAY_US;
  const step = DAY_US / 10 ** fraction.length > 1 ? START_STEP_US : 1;
  return (Number(parts[1]) - OLE_EPOCH_DAYS) * DAY_US + Math.round(ofDay / step) * step;
}
