import { Buffer } from 'node:buffer';
import { makeCrc } from '../crc.ts';
import type { ModbusFraming } from './framing.ts';
import { EXCEPTION_BIT } from './pdu.ts';

/** Bytes of the longest RTU frame: address, PDU, CRC. */
const FRAME_BYTES_MAX = 256;

/** Bytes that are searched for an answer. At the maximum: the oldest are skipped. */
const HELD_BYTES_MAX = 4 * FRAME_BYTES_MAX;

const CRC_BYTES = 2;

const crc16 = makeCrc('crc16-modbus');

/**
 * Modbus RTU. Frames have no mark of their start, and the pause between them is lost in any buffer on the way, so that an
 * answer is found by what it must be: the unit, the function, the number of bytes that the request asked for, the CRC.
 */
export class RtuFraming implements ModbusFraming {
  readonly #held = Buffer.alloc(HELD_BYTES_MAX);
  #length = 0;
  #unit = 0;
  #code = 0;
  #isWaiting = false;

  get skippedBytes(): number {
    return this.#length;
  }

  request(unit: number, pdu: Uint8Array): Uint8Array {
    this.#length = 0;
    this.#unit = unit;
    this.#code = pdu[0] ?? 0;
    this.#isWaiting = true;
    const frame = Buffer.alloc(1 + pdu.length + CRC_BYTES);
    frame[0] = unit;
    frame.set(pdu, 1);
    frame.writeUInt16LE(crc16(frame, 0, frame.length - CRC_BYTES), frame.length - CRC_BYTES);
    return frame;
  }

  reset(): void {
    this.#length = 0;
    this.#isWaiting = false;
  }

  take(bytes: Uint8Array): Uint8Array | undefined {
    if (!this.#isWaiting) return undefined;
    for (let from = 0; from < bytes.length; from += FRAME_BYTES_MAX) {
      const pdu = this.#search(bytes.subarray(from, from + FRAME_BYTES_MAX));
      if (pdu !== undefined) return pdu;
    }
    return undefined;
  }

  /** @param bytes at most {@link FRAME_BYTES_MAX} */
  #search(bytes: Uint8Array): Uint8Array | undefined {
    const room = HELD_BYTES_MAX - bytes.length;
    if (this.#length > room) {
      this.#held.copyWithin(0, this.#length - room, this.#length);
      this.#length = room;
    }
    this.#held.set(bytes, this.#length);
    this.#length += bytes.length;
    for (let start = 0; start < this.#length; start += 1) {
      const end = this.#frameEnd(start);
      if (end === undefined || end > this.#length) continue;
      if (crc16(this.#held, start, end - CRC_BYTES) !== this.#held.readUInt16LE(end - CRC_BYTES)) continue;
      this.#isWaiting = false;
      this.#length = 0;
      return this.#held.subarray(start + 1, end - CRC_BYTES);
    }
    return undefined;
  }

  /** Where an answer that begins at `start` ends; undefined where none begins. */
  #frameEnd(start: number): number | undefined {
    if (this.#held[start] !== this.#unit || start + 2 >= this.#length) return undefined;
    const code = this.#held[start + 1] ?? 0;
    if (code === (this.#code | EXCEPTION_BIT)) return start + 3 + CRC_BYTES;
    if (code !== this.#code) return undefined;
    const end = start + 3 + (this.#held[start + 2] ?? 0) + CRC_BYTES;
    return end - start <= FRAME_BYTES_MAX ? end : undefined;
  }
}
