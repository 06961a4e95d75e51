/**
 * Integers of `width` bits (0 to 53) in planes (BLOCK-6.9): first a plane of bytes for every whole 8 bits, least first,
 * then the remaining 0 to 7 bits of all of them, least bit first. Equal bytes come to lie together, for zstd.
 */

/** Bytes that `count` integers of `width` bits take. */
export function planesLength(count: number, width: number): number {
  return count * (width >> 3) + ((count * (width & 7) + 7) >> 3);
}

/** Writes the low `width` bits of each of `integers` (whole, 0 to 2^53 - 1) into `planes`, which is all zero. */
export function packPlanes(integers: Float64Array, width: number, planes: Uint8Array): void {
  const count = integers.length;
  const wholeBytes = width >> 3;
  for (let plane = 0; plane < wholeBytes; plane++) {
    const scale = 2 ** (8 * plane);
    const at = plane * count;
    for (let i = 0; i < count; i++) planes[at + i] = Math.floor((integers[i] ?? 0) / scale);
  }
  const bits = width & 7;
  if (bits > 0) packBits(integers, 2 ** (8 * wholeBytes), bits, planes.subarray(wholeBytes * count));
}

function packBits(integers: Float64Array, scale: number, bits: number, plane: Uint8Array): void {
  const mask = (1 << bits) - 1;
  let held = 0;
  let heldBits = 0;
  let at = 0;
  for (let i = 0; i < integers.length; i++) {
    held |= (Math.floor((integers[i] ?? 0) / scale) & mask) << heldBits;
    heldBits += bits;
    while (heldBits >= 8) {
      plane[at++] = held;
      held >>>= 8;
      heldBits -= 8;
    }
  }
  if (heldBits > 0) plane[at] = held;
}

/** Reads `out.length` integers of `width` bits; `planes` has {@link planesLength} bytes. */
export function unpackPlanes(planes: Uint8Array, width: number, out: Float64Array): void {
  const count = out.length;
  const wholeBytes = width >> 3;
  if (wholeBytes === 0) out.fill(0);
  for (let plane = 0; plane < wholeBytes; plane++) {
    const scale = 2 ** (8 * plane);
    const at = plane * count;
    if (plane === 0) for (let i = 0; i < count; i++) out[i] = planes[at + i] ?? 0;
    else for (let i = 0; i < count; i++) out[i] = (out[i] ?? 0) + (planes[at + i] ?? 0) * scale;
  }
  const bits = width & 7;
  if (bits > 0) unpackBits(planes.subarray(wholeBytes * count), bits, 2 ** (8 * wholeBytes), out);
}

function unpackBits(plane: Uint8Array, bits: number, scale: number, out: Float64Array): void {
  const mask = (1 << bits) - 1;
  let held = 0;
  let heldBits = 0;
  let at = 0;
  for (let i = 0; i < out.length; i++) {
    if (heldBits < bits) {
      held |= (plane[at++] ?? 0) << heldBits;
      heldBits += 8;
    }
    out[i] = (out[i] ?? 0) + (held & mask) * scale;
    held >>>= bits;
    heldBits -= bits;
  }
}
