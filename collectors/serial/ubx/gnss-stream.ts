import { makeCrc } from '../../crc.ts';
import { FrameScanner, type FrameShape } from '../frame-scanner.ts';

/**
 * Cuts the stream of a satellite receiver into UBX and RTCM 3 frames and what stands between them, which is text where
 * the receiver speaks NMEA 0183 too.
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
  /** A UBX frame whose checksum is right, and its payload. */
  ubx(messageClass: number, id: number, payload: Uint8Array, frame: Uint8Array): void;
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
  readonly #scanner: FrameScanner;

  /** @param withRtcm whether RTCM 3 is on the wire too */
  constructor(listener: GnssStreamListener, withRtcm: boolean) {
    this.#listener = listener;
    this.#withRtcm = withRtcm;
    const shape: FrameShape = {
      lengthAt: (bytes, at) => this.#frameLength(bytes, at),
      take: (frame) => (frame[0] === UBX_SYNC_1 ? this.#takeUbx(frame) : this.#takeRtcm(frame)),
      between: (bytes) => listener.between(bytes),
    };
    this.#scanner = new FrameScanner(shape, FRAME_BYTES_MAX);
  }

  /** Takes the next bytes of the wire. They are not kept. */
  feed(bytes: Uint8Array): void {
    this.#scanner.feed(bytes);
  }

  /** The wire ended, in good order or not. */
  end(): void {
    this.#scanner.end();
  }

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
    this.#listener.ubx(frame[2] ?? 0, frame[3] ?? 0, frame.subarray(UBX_HEAD_BYTES, end), frame);
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
