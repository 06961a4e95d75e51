/**
 * What chrony says of the clock it keeps: request and reply `tracking` of its command protocol, version 6, which chronyd
 * answers over UDP on loopback without rights. Big-endian; a request is padded to the length of its reply.
 */

/** Port of chronyd unless its `cmdport` is another. */
export const CHRONY_PORT = 323;

const VERSION = 6;
const REQUEST = 1;
const REPLY = 2;
const TRACKING_REQUEST = 33;
const TRACKING_REPLY = 5;
const TRACKING_BYTES = 104;

/** Leap status of a clock that is not in step with anything. */
const NOT_SYNCHRONISED = 3;

/** Reference of a clock that chrony only declares to be right: `local` in its config, 127.127.1.1. */
const LOCAL_REFERENCE = 0x7f7f0101;

/** What `tracking` tells, as far as it is of use here. */
export interface ChronyTracking {
  /** True while the clock follows another one. */
  readonly isSynchronised: boolean;
  /** Greatest error that the clock has then, microseconds: half the way there and back, what that clock says of itself, and what is not corrected yet. */
  readonly errorUs: number;
}

/** @param sequence number that the reply repeats, 32 bits */
export function trackingRequest(sequence: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(TRACKING_BYTES));
  view.setUint8(0, VERSION);
  view.setUint8(1, REQUEST);
  view.setUint16(4, TRACKING_REQUEST);
  view.setUint32(8, sequence);
  return new Uint8Array(view.buffer);
}

/** What a reply says; undefined where it is none to that request. */
export function parseTracking(bytes: Uint8Array, sequence: number): ChronyTracking | undefined {
  if (bytes.length < TRACKING_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isReply = view.getUint8(0) === VERSION && view.getUint8(1) === REPLY && view.getUint16(6) === TRACKING_REPLY;
  if (!isReply || view.getUint16(8) !== 0 || view.getUint32(16) !== sequence) return undefined;
  const [correction, rootDelay, rootDispersion] = [68, 92, 96].map((at) => chronyFloat(view.getUint32(at)));
  const seconds = Math.abs(correction ?? 0) + Math.abs(rootDelay ?? 0) / 2 + Math.abs(rootDispersion ?? 0);
  const isSynchronised = view.getUint16(54) !== NOT_SYNCHRONISED && view.getUint32(28) !== LOCAL_REFERENCE;
  return { isSynchronised, errorUs: Math.ceil(seconds * 1e6) };
}

/** A number of 7 bits of exponent and 25 bits of coefficient, both two's complement: coefficient * 2^(exponent - 25). */
function chronyFloat(word: number): number {
  const exponent = word >> 25;
  const coefficient = (word << 7) >> 7;
  return coefficient * 2 ** (exponent - 25);
}
