import { Buffer } from 'node:buffer';
import { CandumpFrames, find, skipSpaces } from '../candump-frame.ts';
import { consoleFrame } from './candump-console.ts';
import type { RecordingContext } from './frame-decoder.ts';
import type { FrameLine } from './line-frames.ts';

const HASH = 0x23;
const OPEN = 0x28;
const CLOSE = 0x29;
const POINT = 0x2e;
const LESS_THAN = 0x3c;
const SPACE = 0x20;

/** A line that an old candump writes first. */
const OLD_HEADER = /^interface = (\S+), family/;

/** As `candump -t A` writes it: `2021-07-26 05:14:14.123456`, in the recorder's local time. */
const CALENDAR = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)\.(\d{6})$/;

/**
 * Lines of what candump writes: to a log (`-l`, `-L`) as `(1533226488.230547) can0 260#08FFFB`, to a console as
 * `(1533226488.230547)  can0  260   [3]  08 FF FB`, with any of its times or none, and as versions before 2012 did,
 * `<0x260> [3] 08 ff fb`. Lines beginning with `#` are passed over.
 */
export function candumpLines({ interfaces, utcOffsetUs }: RecordingContext): FrameLine {
  const frames = new CandumpFrames(interfaces);
  let unnamed = 'can0';
  return (bytes, from, to, batch) => {
    if (bytes[from] === HASH) return undefined;
    let time = Number.NaN;
    let at = from;
    if (bytes[from] === OPEN) {
      const close = find(bytes, from, to, CLOSE);
      time = readTime(bytes, from + 1, close, utcOffsetUs);
      if (close === to || time < 0) return 'bad-time';
      at = skipSpaces(bytes, close + 1, to);
    }
    if (isLogLine(bytes, at, to)) return frames.parse(bytes, at, to, time, batch);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + at, to - at).toString('latin1');
    const header = OLD_HEADER.exec(text);
    if (header !== null) {
      unnamed = header[1] ?? unnamed;
      return undefined;
    }
    return consoleFrame(bytes[at] === LESS_THAN ? `${unnamed} ${text}` : text, time, interfaces, batch);
  };
}

/** True where the second word has a `#`. */
function isLogLine(bytes: Uint8Array, from: number, to: number): boolean {
  const word = skipSpaces(bytes, find(bytes, from, to, SPACE), to);
  const end = find(bytes, word, to, SPACE);
  return find(bytes, word, end, HASH) < end;
}

/** Microseconds out of `seconds.fraction` or a date; -1 where it is neither. More digits than microseconds have are cut. */
function readTime(bytes: Uint8Array, from: number, to: number, utcOffsetUs: number): number {
  let time = 0;
  let decimals = -1;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    if (byte === POINT && decimals < 0) {
      decimals = 0;
      continue;
    }
    if (byte < 0x30 || byte > 0x39) return readCalendar(bytes, from, to, utcOffsetUs);
    if (decimals === 6) continue;
    time = time * 10 + (byte - 0x30);
    if (decimals >= 0) decimals++;
  }
  for (let missing = Math.max(0, decimals); missing < 6; missing++) time *= 10;
  return to > from && Number.isSafeInteger(time) ? time : -1;
}

function readCalendar(bytes: Uint8Array, from: number, to: number, utcOffsetUs: number): number {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
  const parts = CALENDAR.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return -1;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micros = 0] = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) * 1e3 + micros - utcOffsetUs;
}
