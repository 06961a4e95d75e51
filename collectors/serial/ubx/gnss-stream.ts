import { Buffer } from 'node:buffer';
import { makeCrc } from '../../crc.ts';

/**
 * Cuts the stream of a satellite receiver into UBX and RTCM 3 frames and what stands between them, which is text where
 * the receiver speaks NMEA 0183 too. What looks like the start of a frame and is none costs itself alone: the search goes
 * on with the byte behind it, so that frames inside of it are found. However the bytes are cut into pieces, the same
 * frames, damages and bytes between come out.
 */

/** Bytes of a UBX payload. RXM-RAWX, the longest in use, has 32 for each of at most some 200 signals. */
export const UBX_PAYLOAD_BYTES_MAX = 8192;

/** Sync, class, id and length in front of a UBX payload, and the checksum behind it. */
const UBX_HEAD_BYTES = 6;
const UBX_TAIL_BYTES = 2;

/** Preamble and length of an RTCM 3 message, and its CRC. */
const RTCM_HEAD_BYTES = 3;
const RTCM_TAIL_BYTES = 3;

const FRAME_BYTES_MAX = UBX_HEAD_BYTES + UBX_PAYLOAD_BYTES_MAX + UBX_TAIL_BYTES;

const UBX_SYNC_1 = 0xb5;
const UBX_SYNC_2 = 0x62;
const RTCM_PREAMBLE = 0xd3;

/** Why a frame was not taken. */
export type FrameDamage = 'ubx-checksum' | 'ubx-too-long' | 'rtcm-checksum';

/** All arrays are valid only until the call returns. */
export interface GnssStreamListener {
  /** A UBX frame whose checksum is right. */
  ubx(messageClass: number, id: number, payload: Uint8Array): void;
  /** An RTCM 3 message whose CRC is right; `type` is its number, as 1077. */
  rtcm(type: number, message: Uint8Array): void;
  /** Bytes that belong to no frame. */
  between(bytes: Uint8Array): void;
  damaged(reason: FrameDamage): void;
}

const crc24q = makeCrc('crc24-q');

export class GnssStream {
  readonly #listener: GnssStreamListener;
  readonly #withRtcm: boolean;
  /** A frame that has begun. */
  readonly #held = Buffer.alloc(FRAME_BYTES_MAX);
  #heldLength = 0;
  /** Bytes from the start of that frame that must be there before it is looked at again. */
  #need = 0;

  /** @param withRtcm whether RTCM 3 is on the wire too */
  constructor(listener: GnssStreamListener, withRtcm: boolean) {
    this.#listener = listener;
    this.#withRtcm = withRtcm;
  }

  /** Takes the next bytes of the wire. They are not kept. */
  feed(bytes: Uint8Array): void {
    let rest = bytes;
    while (this.#heldLength > 0 && rest.length > 0) {
      const missing = rest.subarray(0, this.#need - this.#heldLength);
      this.#held.set(missing, this.#heldLength);
      this.#heldLength += missing.length;
      rest = rest.subarray(missing.length);
      if (this.#heldLength < this.#need) return;
      this.#keepFrom(this.#scan(this.#held.subarray(0, this.#heldLength)));
    }
    if (this.#heldLength > 0) return;
    const done = this.#scan(rest);
    this.#heldLength = rest.length - done;
    this.#held.set(rest.subarray(done));
  }

  /** The wire ended, in good order or not: a frame that has begun is none, but others may stand inside of it. */
  end(): void {
    while (this.#heldLength > 0) {
      this.#listener.between(this.#held.subarray(0, 1));
      this.#keepFrom(1);
      this.#keepFrom(this.#scan(this.#held.subarray(0, this.#heldLength)));
    }
  }

  #keepFrom(start: number): void {
    this.#held.copyWithin(0, start, this.#heldLength);
    this.#heldLength -= start;
  }

  /** Tells what is whole in `bytes`; returns where a frame begins that is not. */
  #scan(bytes: Uint8Array): number {
    let told = 0;
    let at = 0;
    while (at < bytes.length) {
      const length = this.#frameLength(bytes, at);
      if (length === 0) {
        at += 1;
        continue;
      }
      if (at > told) this.#listener.between(bytes.subarray(told, at));
      told = at;
      if (at + length > bytes.length) {
        this.#need = length;
        return at;
      }
      if (this.#take(bytes.subarray(at, at + length))) told = at + length;
      at = Math.max(told, at + 1);
    }
    if (at > told) this.#listener.between(bytes.subarray(told, at));
    return at;
  }

  /** Bytes of the frame that begins at `at`, or, while that cannot be told, as many as tell it; 0 where none begins. */
  #frameLength(bytes: Uint8Array, at: number): number {
    const first = bytes[at];
    const left = bytes.length - at;
    if (first === UBX_SYNC_1) {
      if (left < 2) return 2;
      if (bytes[at + 1] !== UBX_SYNC_2) return 0;
      if (left < UBX_HEAD_BYTES) return UBX_HEAD_BYTES;
      const payload = (bytes[at + 4] ?? 0) | ((bytes[at + 5] ?? 0) << 8);
      if (payload <= UBX_PAYLOAD_BYTES_MAX) return UBX_HEAD_BYTES + payload + UBX_TAIL_BYTES;
      this.#listener.damaged('ubx-too-long');
      return 0;
    }
    if (first === RTCM_PREAMBLE && this.#withRtcm) {
      if (left < 2) return 2;
      // Six bits between preamble and length are always zero.
      if ((bytes[at + 1] ?? 0) > 3) return 0;
      if (left < RTCM_HEAD_BYTES + 2) return RTCM_HEAD_BYTES + 2;
      const message = ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
      if (message < 2 || !isRtcmType(rtcmType(bytes, at + RTCM_HEAD_BYTES))) return 0;
      return RTCM_HEAD_BYTES + message + RTCM_TAIL_BYTES;
    }
    return 0;
  }

  /** Tells a whole frame; false where its check says that it is none. */
  #take(frame: Uint8Array): boolean {
    return frame[0] === UBX_SYNC_1 ? this.#takeUbx(frame) : this.#takeRtcm(frame);
  }

  #takeUbx(frame: Uint8Array): boolean {
    const end = frame.length - UBX_TAIL_BYTES;
    let a = 0;
    let b = 0;
    for (let at = 2; at < end; at += 1) {
      a = (a + (frame[at] ?? 0)) & 0xff;
      b = (b + a) & 0xff;
    }
    if (a !== frame[end] || b !== frame[end + 1]) {
      this.#listener.damaged('ubx-checksum');
      return false;
    }
    this.#listener.ubx(frame[2] ?? 0, frame[3] ?? 0, frame.subarray(UBX_HEAD_BYTES, end));
    return true;
  }

  #takeRtcm(frame: Uint8Array): boolean {
    const end = frame.length - RTCM_TAIL_BYTES;
    const stated = ((frame[end] ?? 0) << 16) | ((frame[end + 1] ?? 0) << 8) | (frame[end + 2] ?? 0);
    if (crc24q(frame, 0, end) !== stated) {
      this.#listener.damaged('rtcm-checksum');
      return false;
    }
    const message = frame.subarray(RTCM_HEAD_BYTES, end);
    this.#listener.rtcm(rtcmType(message, 0), message);
    return true;
  }
}

function rtcmType(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 4) | ((bytes[at + 1] ?? 0) >> 4);
}

/**
 * True for numbers that RTCM 3 gives to messages, of the standard and of makers. A preamble is a single byte, so that noise has
 * it often, and what stands behind would wait for as long as that message seems to be.
 */
function isRtcmType(type: number): boolean {
  return (type >= 1001 && type <= 1304) || type >= 4001;
}
