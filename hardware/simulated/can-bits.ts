/*
 * Length of a classical CAN frame on the wire, with the stuff bits that its content really causes (ISO 11898-1): from
 * the start of frame to the end of the checksum a bit of the other value is put behind every five equal ones.
 */

/** Checksum delimiter, acknowledge slot and delimiter, end of frame, and the three bits to the next frame. */
const TAIL_BITS = 1 + 2 + 7 + 3;
/** Start of frame, identifier, remote bit, two reserved bits and length. */
const HEAD_BITS = 19;
const CRC_BITS = 15;
const CRC_POLYNOMIAL = 0x4599;
const STUFF_AFTER = 5;

/** How the wire stands between two bits: the last bit's value and how often it came in a row, as `value * 5 + run`. */
const STATES = 2 * STUFF_AFTER;

/** By state and byte: the state behind the byte in the low four bits, the stuff bits above. */
const STUFFING = new Uint8Array(STATES * 256);
const CRC = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  CRC[byte] = crcBits(0, byte, 8);
  for (let state = 0; state < STATES; state++) STUFFING[state * 256 + byte] = stuffBits(state, byte, 8);
}

/** What is the same in every frame of an identifier and a length. */
export interface FrameHead {
  readonly length: number;
  /** State, stuff bits and checksum behind the head. */
  readonly stuffed: number;
  readonly crc: number;
}

export function frameHead(id: number, length: number): FrameHead {
  const bits = (id << 7) | length;
  // Before the start of frame the bus is idle, recessive: a run of ones that counts for nothing.
  return { length, stuffed: stuffBits(STUFF_AFTER, bits, HEAD_BITS), crc: crcBits(0, bits, HEAD_BITS) };
}

/** Bits from the start of frame to the earliest start of the next. */
export function frameBits(head: FrameHead, data: Uint8Array): number {
  let state = head.stuffed & 15;
  let stuffed = head.stuffed >> 4;
  let crc = head.crc;
  for (let i = 0; i < head.length; i++) {
    const byte = data[i] ?? 0;
    crc = ((crc << 8) ^ (CRC[(crc >> 7) ^ byte] ?? 0)) & 0x7fff;
    const next = STUFFING[state * 256 + byte] ?? 0;
    state = next & 15;
    stuffed += next >> 4;
  }
  stuffed += stuffBits(state, crc, CRC_BITS) >> 4;
  return HEAD_BITS + head.length * 8 + CRC_BITS + stuffed + TAIL_BITS;
}

/** Follows the `count` low bits of `bits`, the highest first; returns the state and, above four bits, the stuff bits. */
function stuffBits(state: number, bits: number, count: number): number {
  let value = state >= STUFF_AFTER ? 1 : 0;
  let run = state % STUFF_AFTER;
  let stuffed = 0;
  for (let place = count - 1; place >= 0; place--) {
    const bit = (bits >> place) & 1;
    run = bit === value ? run + 1 : 1;
    value = bit;
    if (run < STUFF_AFTER) continue;
    stuffed++;
    value = 1 - bit;
    run = 1;
  }
  return (stuffed << 4) | (value * STUFF_AFTER + run);
}

function crcBits(crc: number, bits: number, count: number): number {
  for (let place = count - 1; place >= 0; place--) {
    const top = ((crc >> (CRC_BITS - 1)) ^ (bits >> place)) & 1;
    crc = (crc << 1) & 0x7fff;
    if (top === 1) crc ^= CRC_POLYNOMIAL;
  }
  return crc;
}
