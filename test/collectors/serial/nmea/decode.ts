import { Buffer } from 'node:buffer';
import type { NmeaDecoder, Outcome } from '../../../../collectors/serial/nmea/decoder.ts';

/** Decodes a sentence that is given without start and checksum; other bytes stand around it. */
export function decode(decoder: NmeaDecoder, sentence: string): Outcome {
  const bytes = Buffer.from(`$${sentence}*00\r\n`, 'latin1');
  return decoder.decode(bytes, 1, 1 + sentence.length);
}
