import binding from 'zstd-napi/binding.js';

/** Magic number of a zstd frame (RFC 8878 3.1.1); our records leave it out and the reader puts it back. */
const MAGIC = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);

const context = new binding.DCtx();

/** Compresses with one fixed set of parameters, so that the same bytes always give the same frame. */
export class ZstdEncoder {
  readonly #context = new binding.CCtx();

  constructor(level: number) {
    this.#context.setParameter(binding.CParameter.compressionLevel, level);
    this.#context.setParameter(binding.CParameter.contentSizeFlag, 0);
  }

  /** A zstd frame of `bytes` without its magic number; undefined where it is not shorter than `mostBytes`. */
  encode(bytes: Uint8Array, mostBytes: number): Uint8Array | undefined {
    const frame = new Uint8Array(binding.compressBound(bytes.length));
    const length = this.#context.compress2(frame, bytes) - MAGIC.length;
    return length < mostBytes ? frame.slice(MAGIC.length, MAGIC.length + length) : undefined;
  }
}

/**
 * The content of a frame without its magic number, which must be exactly `length` bytes. Throws otherwise; allocates
 * no more than both lengths, whatever the frame claims.
 */
export function decodeZstd(frame: Uint8Array, length: number): Uint8Array {
  const whole = new Uint8Array(MAGIC.length + frame.length);
  whole.set(MAGIC);
  whole.set(frame, MAGIC.length);
  const content = new Uint8Array(length);
  const met = context.decompress(content, whole);
  if (met !== length) throw new RangeError(`zstd frame holds ${met} bytes, expected ${length}`);
  return content;
}
