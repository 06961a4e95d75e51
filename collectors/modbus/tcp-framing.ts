import { Buffer } from 'node:buffer';
import type { ModbusFraming } from './framing.ts';

/** Transaction, protocol, length and unit, in front of a PDU. */
const HEAD_BYTES = 7;

/** Bytes of the longest PDU. */
const PDU_BYTES_MAX = 253;

/** Bytes of the head that its length field does not count: all but the unit. */
const UNCOUNTED_BYTES = 6;

const HELD_BYTES_MAX = 4 * (HEAD_BYTES + PDU_BYTES_MAX);

/** Modbus TCP: each PDU behind a head (MBAP) whose transaction number tells which request it answers. */
export class TcpFraming implements ModbusFraming {
  skippedBytes = 0;
  readonly #held = Buffer.alloc(HELD_BYTES_MAX);
  #length = 0;
  #transaction = 0;
  #unit = 0;
  #isWaiting = false;

  request(unit: number, pdu: Uint8Array): Uint8Array {
    // What has begun stays: it may be the first part of an answer that comes too late.
    this.skippedBytes = 0;
    this.#transaction = (this.#transaction + 1) & 0xffff;
    this.#unit = unit;
    this.#isWaiting = true;
    const frame = Buffer.alloc(HEAD_BYTES + pdu.length);
    frame.writeUInt16BE(this.#transaction, 0);
    frame.writeUInt16BE(pdu.length + 1, 4);
    frame[6] = unit;
    frame.set(pdu, HEAD_BYTES);
    return frame;
  }

  reset(): void {
    this.#length = 0;
    this.#isWaiting = false;
  }

  take(bytes: Uint8Array): Uint8Array | undefined {
    for (let from = 0; from < bytes.length; from += PDU_BYTES_MAX) {
      const pdu = this.#search(bytes.subarray(from, from + PDU_BYTES_MAX));
      if (pdu !== undefined) return pdu;
    }
    return undefined;
  }

  /** @param bytes at most {@link PDU_BYTES_MAX}, which fit behind one frame that is not whole */
  #search(bytes: Uint8Array): Uint8Array | undefined {
    this.#held.set(bytes, this.#length);
    this.#length += bytes.length;
    let at = 0;
    let answer: Uint8Array | undefined;
    while (this.#length - at >= HEAD_BYTES && answer === undefined) {
      const counted = this.#held.readUInt16BE(at + 4);
      const isHead = this.#held.readUInt16BE(at + 2) === 0 && counted >= 3 && counted <= PDU_BYTES_MAX + 1;
      if (!isHead) {
        at += 1;
        this.skippedBytes += 1;
        continue;
      }
      const end = at + UNCOUNTED_BYTES + counted;
      if (end > this.#length) break;
      if (this.#isWaiting && this.#isAnswer(at)) answer = Uint8Array.from(this.#held.subarray(at + HEAD_BYTES, end));
      else this.skippedBytes += end - at;
      at = end;
    }
    this.#held.copyWithin(0, at, this.#length);
    this.#length -= at;
    if (answer !== undefined) this.#isWaiting = false;
    return answer;
  }

  #isAnswer(at: number): boolean {
    return this.#held.readUInt16BE(at) === this.#transaction && this.#held[at + 6] === this.#unit;
  }
}
