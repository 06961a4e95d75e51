import { CRC_NAMES, type Crc, type CrcName, crcBytes, makeCrc } from '../../crc.ts';

/** What stands at the end of a frame to tell that it is whole: a CRC, or the sum or XOR of its bytes. */
export const CHECK_NAMES = [...CRC_NAMES, 'sum8', 'xor8'] as const;

export type CheckName = CrcName | 'sum8' | 'xor8';

/** Bytes that a check takes. */
export function checkBytes(name: CheckName): number {
  return name === 'sum8' || name === 'xor8' ? 1 : crcBytes(name);
}

/** The check of that name over a stretch of bytes. */
export function makeCheck(name: CheckName): Crc {
  if (name === 'sum8') {
    return (bytes, from, to) => {
      let sum = 0;
      for (let at = from; at < to; at += 1) sum += bytes[at] ?? 0;
      return sum & 0xff;
    };
  }
  if (name === 'xor8') {
    return (bytes, from, to) => {
      let sum = 0;
      for (let at = from; at < to; at += 1) sum ^= bytes[at] ?? 0;
      return sum;
    };
  }
  return makeCrc(name);
}
