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
import { ascDate } from './asc-date.ts';
import { microsOf } from './decimal-time.ts';
import type { RecordingContext } from './frame-decoder.ts';
import { type FrameLine, latin1Lines } from './line-frames.ts';

/** What the line of a CAN FD frame has behind its data: time on the wire, bits, flags. */
const FLAGS_BEHIND_DATA = 2;
/** Flags of Vector's CAN FD events. */
const EVENT_REMOTE = 0x10;
const EVENT_FD = 0x1000;

const CLASSIC_BYTES_MAX = 8;
const scratch = new Uint8Array(FRAME_BYTES_MAX);

/**
 * Lines of Vector's ASC: frames of CAN and CAN FD, remote and error frames, identifiers and data in hex or decimal, times
 * from the start of the measurement or from the line before. Other events (statistics, other buses) are passed over.
 */
export function ascLines(context: RecordingContext): FrameLine {
  const log = new AscLog(context);
  return latin1Lines((text, batch) => log.line(text, batch));
}

class AscLog {
  readonly #context: RecordingContext;
  #radix = 16;
  #isRelative = false;
  /** Start of the measurement, UTC in microseconds; undefined before the file has told it. */
  #start: number | undefined;
  /** Date of the block that has just begun. */
  #blockDate: number | undefined;
  /** Added to the times that follow. */
  #base = 0;
  #last = 0;

  constructor(context: RecordingContext) {
    this.#context = context;
  }

  line(text: string, batch: FrameBatch): string | undefined {
    const words = text.split(/\s+/);
    const offset = microsOf(words[0] ?? '', 1e6);
    if (Number.isNaN(offset)) return this.#header(words);
    const time = this.#timeOf(offset);
    if (words[1] === 'CANFD') return this.#fdFrame(words, time, batch);
    return /^\d+$/.test(words[1] ?? '') ? this.#frame(words, time, batch) : undefined;
  }

  #header(words: readonly string[]): string | undefined {
    const [first = '', second = ''] = words.map((word) => word.toLowerCase());
    if (first === 'base') {
      this.#radix = second === 'dec' ? 10 : 16;
      this.#isRelative = words[3]?.toLowerCase() === 'relative';
    }
    const isBlock = first === 'begin' && second === 'triggerblock';
    if (!isBlock && first !== 'date') return undefined;
    const date = ascDate(words.slice(isBlock ? 2 : 1));
    if (date === undefined) return 'bad-date';
    const utc = date - this.#context.utcOffsetUs;
    if (isBlock) this.#blockDate = utc;
    if (!isBlock || this.#start === undefined) {
      this.#start = utc;
      this.#base = utc;
      this.#last = utc;
    }
    return undefined;
  }

  /** Tools differ in whether the times of a further block go on or begin anew: what is nearer to its date is meant. */
  #timeOf(offset: number): number {
    if (this.#isRelative) {
      this.#last += offset;
      return this.#last;
    }
    const block = this.#blockDate;
    if (block !== undefined) {
      const start = this.#start ?? block;
      this.#base = Math.abs(start + offset - block) <= offset ? start : block;
      this.#blockDate = undefined;
    }
    return this.#base + offset;
  }

  /** `<time> <channel> <id>[x] Rx|Tx d <length> <bytes>`, `... r [<length>]`, `<time> <channel> ErrorFrame` */
  #frame(words: readonly string[], time: number, batch: FrameBatch): string | undefined {
    const [, channel = '', id = '', direction = '', kind = '', length = '0'] = words;
    if (id.toLowerCase() === 'errorframe') return this.#add(channel, '0', FRAME_ERROR, 0, words, 0, time, batch);
    if (!/^(rx|tx|txrq)$/i.test(direction)) return undefined;
    if (kind === 'r') {
      const asked = /^\d$/.test(length) ? Math.min(CLASSIC_BYTES_MAX, Number(length)) : 0;
      return this.#add(channel, id, FRAME_REMOTE, asked, words, 0, time, batch);
    }
    const bytes = Number.parseInt(length, this.#radix);
    if (kind !== 'd' || !(bytes >= 0)) return 'bad-line';
    return this.#add(channel, id, 0, Math.min(CLASSIC_BYTES_MAX, bytes), words, 6, time, batch);
  }

  /** `<time> CANFD <channel> Rx|Tx <id>[x] [<name>] <brs> <esi> <dlc> <length> <bytes> <duration> <bits> <flags> ...` */
  #fdFrame(words: readonly string[], time: number, batch: FrameBatch): string | undefined {
    const [, , channel = '', , id = '', next = ''] = words;
    if (words.some((word) => word.toLowerCase() === 'errorframe')) {
      return this.#add(channel, '0', FRAME_ERROR, 0, words, 0, time, batch);
    }
    const at = /^[01]$/.test(next) ? 5 : 6;
    const [brs, esi, dlc = '', bytes = ''] = words.slice(at, at + 4);
    const length = Number(bytes);
    if (!/^[01]$/.test(brs ?? '') || !/^[01]$/.test(esi ?? '') || !/^\d+$/.test(bytes)) return 'bad-line';
    const told = words[at + 4 + length + FLAGS_BEHIND_DATA];
    const event = told === undefined ? EVENT_FD : Number.parseInt(told, 16);
    const isFd = (event & EVENT_FD) !== 0;
    if (!(isFd ? FD_LENGTHS.includes(length) : length <= CLASSIC_BYTES_MAX)) return 'bad-data';
    if ((event & EVENT_REMOTE) !== 0) {
      const asked = Math.min(CLASSIC_BYTES_MAX, Number.parseInt(dlc, 16) || 0);
      return this.#add(channel, id, FRAME_REMOTE, asked, words, 0, time, batch);
    }
    const flags = isFd ? FRAME_FD | (brs === '1' ? FRAME_BRS : 0) | (esi === '1' ? FRAME_ESI : 0) : 0;
    return this.#add(channel, id, flags, length, words, at + 4, time, batch);
  }

  /** @param dataAt index of the word with the first byte; 0 where there are none */
  #add(
    channel: string,
    idText: string,
    flags: number,
    length: number,
    words: readonly string[],
    dataAt: number,
    time: number,
    batch: FrameBatch,
  ): string | undefined {
    const isExtended = /x$/i.test(idText);
    const id = wordNumber(isExtended ? idText.slice(0, -1) : idText, this.#radix);
    if (!(id <= (isExtended ? EXTENDED_ID_MAX : STANDARD_ID_MAX))) return 'bad-id';
    for (let k = 0; k < length && dataAt > 0; k++) {
      const byte = wordNumber(words[dataAt + k] ?? '', this.#radix);
      if (!(byte <= 0xff)) return 'bad-data';
      scratch[k] = byte;
    }
    const index = this.#context.interfaces.numbered(Number(channel));
    if (index < 0) return 'too-many-interfaces';
    batch.add(id, flags | (isExtended ? FRAME_EXTENDED : 0), scratch, 0, length, time);
    batch.interfaces[batch.count - 1] = index;
    return undefined;
  }
}

/** Number of a whole word; NaN where it is none. */
function wordNumber(word: string, radix: number): number {
  return (radix === 16 ? /^[0-9A-Fa-f]{1,8}$/ : /^\d{1,10}$/).test(word) ? Number.parseInt(word, radix) : Number.NaN;
}
