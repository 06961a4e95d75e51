/**
 * Integers of `width` bits (0 to 53) in planes (BLOCK-6.8): first a plane of bytes for every whole 8 bits, least first,
 * then the remaining 0 to 7 bits of all of them, least bit first. Equal bytes come to lie together, for zstd.
 */

/** Integers up to this width are handled as 32-bit integers, which is several times faster. */
export const NARROW_WIDTH_MAX = 31;

/** Integers in planes: narrow ones as 32 bits, others as float64. */
export type Codes = Uint32Array | Float64Array;

/** Bytes that `count` integers of `width` bits take. */
export function planesLength(count: number, width: number): number {
  return count * (width >> 3) + ((count * (width & 7) + 7) >> 3);
}

/** Writes the low `width` bits of each of `integers` (whole, 0 to 2^53 - 1) into `planes`, which is all zero. */
export function packPlanes(integers: Float64Array, width: number, planes: Uint8Array): void {
  const count = integers.length;
  const wholeBytes = width >> 3;
  for (let plane = 0; plane < wholeBytes; plane++) {
    const at = plane * count;
    if (plane < 4) for (let i = 0; i < count; i++) planes[at + i] = (integers[i] ?? 0) >>> (8 * plane);
    else for (let i = 0; i < count; i++) planes[at + i] = (integers[i] ?? 0) / 2 ** (8 * plane);
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

/** Reads `count` integers of `width` bits; `planes` has {@link planesLength} bytes. Undefined where unused bits are set. */
export function unpackPlanes(planes: Uint8Array, width: number, count: number): Codes | undefined {
  const wholeBytes = width >> 3;
  const bits = width & 7;
  const top = planes.subarray(wholeBytes * count);
  const used = (count * bits) & 7;
  if (used > 0 && (top[top.length - 1] ?? 0) >>> used !== 0) return undefined;
  if (width > NARROW_WIDTH_MAX) return unpackWide(planes, wholeBytes, top, bits, count);
  const codes = new Uint32Array(count);
  if (wholeBytes === 1) for (let i = 0; i < count; i++) codes[i] = planes[i] ?? 0;
  else if (wholeBytes > 1) unpackBytes(planes, wholeBytes, codes);
  if (bits > 0) unpackBits(top, bits, 8 * wholeBytes, codes);
  return codes;
}

/** Two or three planes of bytes at a time. */
function unpackBytes(planes: Uint8Array, wholeBytes: number, codes: Uint32Array): void {
  const count = codes.length;
  for (let i = 0; i < count; i++) codes[i] = (planes[i] ?? 0) | ((planes[count + i] ?? 0) << 8);
  if (wholeBytes < 3) return;
  for (let i = 0; i < count; i++) codes[i] = (codes[i] ?? 0) | ((planes[2 * count + i] ?? 0) << 16);
}

/** Ors the `bits`-bit integers of `plane` (1 to 7 bits) onto `codes`, shifted left; at most 31 bits in all. */
function unpackBits(plane: Uint8Array, bits: number, shift: number, codes: Uint32Array): void {
  const count = codes.length;
  const mask = (1 << bits) - 1;
  if (8 % bits === 0) {
    // No integer straddles two bytes.
    const log = 31 - Math.clz32(8 / bits);
    const last = (1 << log) - 1;
    for (let i = 0; i < count; i++) {
      codes[i] = (codes[i] ?? 0) | ((((plane[i >>> log] ?? 0) >>> ((i & last) * bits)) & mask) << shift);
    }
    return;
  }
  let held = 0;
  let heldBits = 0;
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (heldBits < bits) {
      held |= (plane[at++] ?? 0) << heldBits;
      heldBits += 8;
    }
    codes[i] = (codes[i] ?? 0) | ((held & mask) << shift);
    held >>>= bits;
    heldBits -= bits;
  }
}

function unpackWide(
  planes: Uint8Array,
  wholeBytes: number,
  top: Uint8Array,
  bits: number,
  count: number,
): Float64Array {
  const codes = new Float64Array(count);
  for (let plane = 0; plane < wholeBytes; plane++) {
    const scale = 2 ** (8 * plane);
    const at = plane * count;
    for (let i = 0; i < count; i++) codes[i] = (codes[i] ?? 0) + (planes[at + i] ?? 0) * scale;
  }
  if (bits === 0) return codes;
  const tops = new Uint32Array(count);
  unpackBits(top, bits, 0, tops);
  const scale = 2 ** (8 * wholeBytes);
  for (let i = 0; i < count; i++) codes[i] = (codes[i] ?? 0) + (tops[i] ?? 0) * scale;
  return codes;
}
