import { Buffer } from 'node:buffer';

/** Bytes of a fixed header: type and flags, then up to four bytes of length (MQTT-2.2). */
const FIXED_HEADER_BYTES_MAX = 5;
const FIRST_PARTIAL_BYTES = 1024;

/** One MQTT packet as it came from the wire. */
export interface WirePacket {
  /** Control packet type, 0 to 15 (MQTT-2.2.1). */
  readonly type: number;
  /** Low four bits of the first byte: DUP, QoS and RETAIN of a PUBLISH. */
  readonly flags: number;
  /** The whole packet; only its beginning when it is oversized. */
  readonly bytes: Buffer;
  /** Where the variable header begins in `bytes`. */
  readonly bodyAt: number;
  /** True when the packet is larger than the limit: it was stepped over, not kept. */
  readonly oversized: boolean;
}

/** The stream is no MQTT and cannot be read on. */
export class FramingError extends Error {
  override name = 'FramingError';
}

/**
 * Cuts a byte stream into MQTT packets. A packet beyond the limit is stepped over as it comes in, never collected, and
 * a packet that is on its way takes as much memory as has arrived of it. Pull only: {@link feed} a chunk, then
 * {@link next} until it returns undefined.
 */
export class PacketFramer {
  readonly #packetBytesMax: number;
  readonly #headBytesMax: number;
  readonly #header = Buffer.alloc(FIXED_HEADER_BYTES_MAX);
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Bytes of the fixed header read so far; the header is whole when `#total` is set. */
  #headerBytes = 0;
  /** Bytes of the current packet, fixed header included; 0 while its header is not whole. */
  #total = 0;
  /** What has arrived of a packet that does not lie whole in one chunk. */
  #partial: Buffer | undefined;
  #arrived = 0;

  /**
   * @param packetBytesMax largest packet that is kept
   * @param headBytesMax what is kept of a larger one, so that it can be named and acknowledged
   */
  constructor(packetBytesMax: number, headBytesMax: number) {
    this.#packetBytesMax = packetBytesMax;
    this.#headBytesMax = headBytesMax;
  }

  /** Adds bytes behind those that were not taken yet. */
  feed(chunk: Buffer): void {
    const rest = this.#chunk.length - this.#at;
    this.#chunk = rest === 0 ? chunk : Buffer.concat([this.#chunk.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /**
   * The next whole packet; undefined when more bytes are needed.
   * @throws FramingError when the length field is longer than four bytes
   */
  next(): WirePacket | undefined {
    if (this.#total === 0 && !this.#readHeader()) return undefined;
    const begin = this.#at - this.#headerBytes;
    if (this.#partial === undefined && begin >= 0 && this.#total <= this.#packetBytesMax) {
      if (begin + this.#total <= this.#chunk.length) {
        this.#at = begin + this.#total;
        return this.#finish(this.#chunk.subarray(begin, this.#at), false);
      }
    }
    return this.#collect();
  }

  #readHeader(): boolean {
    while (this.#at < this.#chunk.length) {
      const byte = this.#chunk[this.#at++] ?? 0;
      this.#header[this.#headerBytes++] = byte;
      if (this.#headerBytes === 1) continue;
      if (byte < 0x80) {
        let length = 0;
        for (let index = this.#headerBytes - 1; index >= 1; index--) {
          length = length * 128 + ((this.#header[index] ?? 0) & 0x7f);
        }
        this.#total = this.#headerBytes + length;
        return true;
      }
      if (this.#headerBytes === FIXED_HEADER_BYTES_MAX) throw new FramingError('length field of more than 4 bytes');
    }
    return false;
  }

  /** Takes what has arrived of a packet that is cut by the end of a chunk, or too large to keep. */
  #collect(): WirePacket | undefined {
    const oversized = this.#total > this.#packetBytesMax;
    const keep = oversized ? Math.min(this.#total, this.#headBytesMax) : this.#total;
    if (this.#partial === undefined) {
      this.#partial = Buffer.allocUnsafe(Math.min(keep, FIRST_PARTIAL_BYTES));
      this.#header.copy(this.#partial, 0, 0, this.#headerBytes);
      this.#arrived = this.#headerBytes;
    }
    const taken = Math.min(this.#chunk.length - this.#at, this.#total - this.#arrived);
    const kept = Math.min(taken, Math.max(0, keep - this.#arrived));
    if (kept > 0) {
      const partial = this.#room(this.#partial, Math.min(keep, this.#arrived + kept), keep);
      this.#chunk.copy(partial, this.#arrived, this.#at, this.#at + kept);
      this.#partial = partial;
    }
    this.#at += taken;
    this.#arrived += taken;
    return this.#arrived === this.#total ? this.#finish(this.#partial.subarray(0, keep), oversized) : undefined;
  }

  #room(partial: Buffer, needed: number, keep: number): Buffer {
    if (partial.length >= needed) return partial;
    const larger = Buffer.allocUnsafe(Math.min(keep, Math.max(needed, partial.length * 2)));
    partial.copy(larger, 0, 0, Math.min(this.#arrived, partial.length));
    return larger;
  }

  #finish(bytes: Buffer, oversized: boolean): WirePacket {
    const first = this.#header[0] ?? 0;
    const packet = { type: first >> 4, flags: first & 0xf, bytes, bodyAt: this.#headerBytes, oversized };
    this.#headerBytes = 0;
    this.#total = 0;
    this.#partial = undefined;
    this.#arrived = 0;
    return packet;
  }
}
