import { Buffer } from 'node:buffer';
import { PCAP_MARKS } from './pcap-log.ts';
import { PCAPNG_SECTION } from './pcapng-log.ts';

export type RecordingFormat = 'asc' | 'blf' | 'candump' | 'mf4' | 'pcap' | 'pcapng' | 'trc';

/** Bytes at the beginning of a file that tell its format. */
export const HEAD_BYTES = 4096;

const ASC_HEADER = /^(date\s|base\s+(hex|dec)\b|(no\s+)?internal events logged|begin triggerblock)/i;

/** Format of a recording of CAN frames by its first bytes, never by its name; undefined where it is none of those known. */
export function recordingFormat(head: Uint8Array): RecordingFormat | undefined {
  if (head.length >= 8) {
    const mark = Buffer.from(head.subarray(0, 8)).toString('latin1');
    if (mark.startsWith('LOGG')) return 'blf';
    if (mark === 'MDF     ' || mark === 'UnFinMF ') return 'mf4';
    const word = new DataView(head.buffer, head.byteOffset).getUint32(0, false);
    if (PCAP_MARKS.has(word)) return 'pcap';
    if (word === PCAPNG_SECTION) return 'pcapng';
  }
  return textFormat(head.subarray(0, HEAD_BYTES));
}

function textFormat(head: Uint8Array): RecordingFormat | undefined {
  const text = Buffer.from(head).toString('latin1');
  // What no text has: control characters other than white space.
  if (/[^\t\n\v\f\r -\xff]/.test(text)) return undefined;
  // A mark of UTF-8 may stand in front.
  const lines = text.replace(/^\xef\xbb\xbf/, '').split('\n');
  for (const line of lines.map((each) => each.trim())) {
    if (line === '' || line.startsWith('//')) continue;
    if (line.startsWith(';')) return 'trc';
    if (ASC_HEADER.test(line)) return 'asc';
    if (!line.startsWith('#')) return 'candump';
  }
  return 'candump';
}
