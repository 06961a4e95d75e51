/** Flag bits of a frame. An identifier never carries them: it is the bare 11 or 29 bits. */
export const FRAME_EXTENDED = 1;
export const FRAME_REMOTE = 2;
/** A report of the controller about the bus, not a frame from a node. */
export const FRAME_ERROR = 4;
export const FRAME_FD = 8;
/** CAN FD with the faster bit rate in its data phase. */
export const FRAME_BRS = 16;
/** CAN FD from a node that has seen so many errors that it no longer reports them (error passive). */
export const FRAME_ESI = 32;

/** Most data bytes of a frame (CAN FD). */
export const FRAME_BYTES_MAX = 64;
export const STANDARD_ID_MAX = 0x7ff;
export const EXTENDED_ID_MAX = 0x1fffffff;

/** Interfaces one bus object can tell apart. Frames of further ones are bad input, reason `too-many-interfaces`. */
export const INTERFACES_MAX = 64;

/** Data bytes behind the last frame, so that a decoder may read whole words at any byte of any frame. */
const GUARD_BYTES = 8;

/** Data length by DLC code, ISO 11898-1; codes 9 to 15 only in CAN FD. */
export const FD_LENGTHS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64];

/**
 * Frames in columns, reused from batch to batch: frame `i` has the bytes `data[i * 64]` to `data[i * 64 + lengths[i] - 1]`.
 * What lies behind a frame's length is left over from earlier frames.
 */
export class FrameBatch {
  readonly capacity: number;
  /** Frames that are in it. */
  count = 0;
  /** Identifier without flag bits. */
  readonly ids: Uint32Array;
  /** FRAME_ bits. */
  readonly flags: Uint8Array;
  /** Data bytes, 0 to 64; of a remote frame the length asked for. */
  readonly lengths: Uint8Array;
  /** Length code 9 to 15 of a classic frame of 8 bytes that was sent with it (ISO 11898-1 allows them); 0 elsewhere. */
  readonly longCodes: Uint8Array;
  /** Index into the bus's `interfaces`. */
  readonly interfaces: Uint8Array;
  /** UTC as the recording or the kernel has it, or the adapter's own clock, microseconds; NaN where the frame came without. */
  readonly times: Float64Array;
  readonly data: Uint8Array;
  /** The same bytes as `data`. */
  readonly view: DataView;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.ids = new Uint32Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.lengths = new Uint8Array(capacity);
    this.longCodes = new Uint8Array(capacity);
    this.interfaces = new Uint8Array(capacity);
    this.times = new Float64Array(capacity);
    this.data = new Uint8Array(capacity * FRAME_BYTES_MAX + GUARD_BYTES);
    this.view = new DataView(this.data.buffer);
  }

  get full(): boolean {
    return this.count === this.capacity;
  }

  clear(): void {
    this.count = 0;
  }

  /**
   * Adds one frame; the caller has seen that the batch is not full. Of a remote frame `bytes` is not read.
   * @param at where the frame's data begin in `bytes`
   */
  add(id: number, flags: number, bytes: Uint8Array, at: number, length: number, time = Number.NaN): void {
    const i = this.count++;
    this.ids[i] = id;
    this.flags[i] = flags;
    this.lengths[i] = length;
    this.longCodes[i] = 0;
    this.interfaces[i] = 0;
    this.times[i] = time;
    if ((flags & FRAME_REMOTE) !== 0) return;
    const base = i * FRAME_BYTES_MAX;
    for (let k = 0; k < length; k++) this.data[base + k] = bytes[at + k] ?? 0;
  }

  /** Adds frame `i` of another batch; the caller has seen that this one is not full. */
  addFrom(other: FrameBatch, i: number): void {
    const flags = other.flags[i] as number;
    const length = other.lengths[i] as number;
    this.add(other.ids[i] as number, flags, other.data, i * FRAME_BYTES_MAX, length, other.times[i]);
    this.longCodes[this.count - 1] = other.longCodes[i] as number;
    this.interfaces[this.count - 1] = other.interfaces[i] as number;
  }
}

/**
 * Time a frame takes on the wire, microseconds, with the three bits between frames and without stuff bits, which the
 * content decides and which add up to a fifth. Bit counts of ISO 11898-1.
 * @param bitrate nominal, bit/s
 * @param dataBitrate of the data phase of frames with FRAME_BRS, bit/s
 */
export function wireTimeUs(flags: number, length: number, bitrate: number, dataBitrate: number): number {
  const extended = (flags & FRAME_EXTENDED) !== 0;
  if ((flags & FRAME_FD) === 0) {
    const dataBits = (flags & FRAME_REMOTE) === 0 ? length * 8 : 0;
    return ((extended ? 67 : 47) + dataBits) * (1e6 / bitrate);
  }
  const arbitrationBits = (extended ? 36 : 17) + 12;
  const checkBits = length <= 16 ? 4 + 17 + 6 : 4 + 21 + 7;
  const dataPhaseBits = 5 + length * 8 + checkBits + 1;
  return (
    arbitrationBits * (1e6 / bitrate) + dataPhaseBits * (1e6 / ((flags & FRAME_BRS) === 0 ? bitrate : dataBitrate))
  );
}
