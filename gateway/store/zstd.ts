import binding from 'zstd-napi/binding.js';

/** Magic number of a zstd frame (RFC 8878 3.1.1); our records leave it out and the reader puts it back. */
const MAGIC = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);

/** Scratch memory up to this size is kept between frames: a block's columns fit, a heavy journal row mostly. */
const SCRATCH_BYTES_KEPT = 512 * 1024;

/** Compresses with one fixed set of parameters, so that the same bytes always give the same frame. */
export class ZstdEncoder {
  readonly #context = new binding.CCtx();
  #scratch = new Uint8Array(0);
  /** Bytes whose frame fits the scratch memory, however little zstd makes of them. */
  #fitting = 0;

  constructor(level: number) {
    this.#context.setParameter(binding.CParameter.compressionLevel, level);
    this.#context.setParameter(binding.CParameter.contentSizeFlag, 0);
  }

  /**
   * A zstd frame of `bytes` without its magic number, valid until the next call; undefined where that is not shorter than
   * `mostBytes`.
   */
  encode(bytes: Uint8Array, mostBytes: number): Uint8Array | undefined {
    const frame = bytes.length <= this.#fitting ? this.#scratch : this.#roomFor(bytes.length);
    const length = this.#context.compress2(frame, bytes) - MAGIC.length;
    return length < mostBytes ? frame.subarray(MAGIC.length, MAGIC.length + length) : undefined;
  }

  #roomFor(length: number): Uint8Array {
    const room = new Uint8Array(binding.compressBound(length));
    if (room.length > SCRATCH_BYTES_KEPT) return room;
    this.#scratch = room;
    this.#fitting = length;
    return room;
  }
}

/** Decompresses frames without their magic number. */
export class ZstdDecoder {
  readonly #context = new binding.DCtx();
  #frame = new Uint8Array(0);
  #content = new Uint8Array(0);

  /**
   * The content of a frame, which must be exactly `length` bytes; valid until the next call. Throws otherwise; allocates
   * no more than both lengths, whatever the frame claims.
   */
  decode(frame: Uint8Array, length: number): Uint8Array {
    const frameLength = MAGIC.length + frame.length;
    const whole = frameLength <= this.#frame.length ? this.#frame : new Uint8Array(frameLength);
    if (frameLength <= SCRATCH_BYTES_KEPT) this.#frame = whole;
    whole.set(MAGIC);
    whole.set(frame, MAGIC.length);
    const room = length <= this.#content.length ? this.#content : new Uint8Array(length);
    if (length <= SCRATCH_BYTES_KEPT) this.#content = room;
    const content = room.subarray(0, length);
    const met = this.#context.decompress(content, whole.subarray(0, frameLength));
    if (met !== length) throw new RangeError(`zstd frame holds ${met} bytes, expected ${length}`);
    return content;
  }
}
