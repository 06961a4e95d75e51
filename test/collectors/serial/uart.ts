/** How the bits of a byte are sent. */
export interface UartFormat {
  readonly baudRate: number;
  readonly dataBits?: 7 | 8;
  readonly parity?: 'none' | 'even' | 'odd';
}

/** Looks a receiver takes in the time of one of its bits. */
const OVERSAMPLING = 16;

/** Bits of the line between two bytes. */
const IDLE_BITS = 2;

/**
 * What a receiver of 8N1 at `baudRate` reads of bytes that were sent in another way: the line as it is, sampled as a UART does.
 * Bytes without a stop bit are dropped, as the drivers of Linux do unless they are told otherwise.
 */
export function receivedAt(bytes: Uint8Array, sent: UartFormat, baudRate: number): Uint8Array {
  const line = [...bytes].flatMap((byte) => bitsOf(byte, sent));
  /** Time of a bit of the receiver, in bits of the sender. */
  const bit = sent.baudRate / baudRate;
  const level = (at: number) => line[Math.floor(at)] ?? 1;
  const received: number[] = [];
  let at = 0;
  while (at < line.length) {
    if (level(at) === 1) {
      at += bit / OVERSAMPLING;
      continue;
    }
    let byte = 0;
    for (let index = 0; index < 8; index += 1) byte |= level(at + (1.5 + index) * bit) << index;
    at += 9.5 * bit;
    if (level(at) === 1) received.push(byte);
    else while (at < line.length && level(at) === 0) at += bit / OVERSAMPLING;
  }
  return Uint8Array.from(received);
}

function bitsOf(byte: number, { dataBits = 8, parity = 'none' }: UartFormat): number[] {
  const data = Array.from({ length: dataBits }, (_, index) => (byte >> index) & 1);
  const ones = data.reduce((sum, each) => sum + each, 0);
  const parityBits = parity === 'none' ? [] : [(ones + (parity === 'odd' ? 1 : 0)) % 2];
  return [0, ...data, ...parityBits, 1, ...new Array<number>(IDLE_BITS).fill(1)];
}
