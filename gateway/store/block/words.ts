import type { ByteReader, ByteWriter } from '../bytes.ts';

/**
 * Float64 values as their 64 bits (BLOCK-7.1), never as JavaScript numbers: an operation on a signalling NaN may change it.
 * Typed arrays give the bits in the order of the machine, which is little-endian wherever Node.js and our add-ons run.
 */

const WORD_BYTES = 8;

/** The bits of `values` as pairs of 32-bit words, low word first; the same memory. */
export function halfWords(values: Float64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
}

/** The bytes of `values`, least significant first; the same memory. */
export function wordBytes(values: Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.length * WORD_BYTES);
}

/** Writes eight planes of bytes, the least significant of every word first. */
export function writeWordPlanes(out: ByteWriter, values: Float64Array): void {
  const bytes = wordBytes(values);
  const count = values.length;
  const planes = out.extend(count * WORD_BYTES);
  for (let plane = 0; plane < WORD_BYTES; plane++) {
    const at = plane * count;
    for (let i = 0; i < count; i++) planes[at + i] = bytes[i * WORD_BYTES + plane] ?? 0;
  }
}

/** Reads eight planes of `count` bytes. */
export function readWordPlanes(content: ByteReader, count: number): Float64Array {
  const planes = content.take(count * WORD_BYTES);
  const values = new Float64Array(count);
  const halves = halfWords(values);
  for (let half = 0; half < 2; half++) {
    const at = half * 4 * count;
    for (let i = 0; i < count; i++) {
      halves[2 * i + half] =
        (planes[at + i] ?? 0) |
        ((planes[at + count + i] ?? 0) << 8) |
        ((planes[at + 2 * count + i] ?? 0) << 16) |
        ((planes[at + 3 * count + i] ?? 0) << 24);
    }
  }
  return values;
}

/** A copy with every word but the first XORed with the one before it. */
export function xorWithPrevious(values: Float64Array): Float64Array {
  const xored = values.slice();
  const halves = halfWords(values);
  const out = halfWords(xored);
  for (let i = out.length - 1; i >= 2; i--) out[i] = (halves[i] ?? 0) ^ (halves[i - 2] ?? 0);
  return xored;
}

/** Undoes {@link xorWithPrevious} in place. */
export function undoXorWithPrevious(values: Float64Array): void {
  const halves = halfWords(values);
  let low = 0;
  let high = 0;
  for (let i = 0; i < halves.length; i += 2) {
    low ^= halves[i] ?? 0;
    high ^= halves[i + 1] ?? 0;
    halves[i] = low;
    halves[i + 1] = high;
  }
}
