/**
 * Integers of `width` bits (0 to 51) in planes (BLOCK-6.8): first a plane of bytes for every whole 8 bits, least first,
 * then the remaining 0 to 7 bits of all of them, least bit first. Equal bytes come to lie together, for zstd.
 */

/** Bytes that `count` integers of `width` bits take. */
export function planesLength(count: number, width: number): number {
  return count * (width >> 3) + ((count * (width & 7) + 7) >> 3);
}

/** True where no bit after the last integer is set; `planes` has {@link planesLength} bytes. */
export function endsInZeros(planes: Uint8Array, width: number, count: number): boolean {
  const used = (count * (width & 7)) & 7;
  return used === 0 || (planes[planes.length - 1] ?? 0) >>> used === 0;
}

/** Integer `at` of `count`. */
export function integerAt(planes: Uint8Array, width: number, count: number, at: number): number {
  const wholeBytes = width >> 3;
  const bits = width & 7;
  let integer = 0;
  for (let plane = 0; plane < wholeBytes; plane++) integer += (planes[plane * count + at] ?? 0) * 2 ** (8 * plane);
  if (bits === 0) return integer;
  const bit = at * bits;
  const first = wholeBytes * count + (bit >> 3);
  const pair = (planes[first] ?? 0) | ((planes[first + 1] ?? 0) << 8);
  return integer + ((pair >> (bit & 7)) & ((1 << bits) - 1)) * 2 ** (8 * wholeBytes);
}

/** Writes the low `width` bits of each of `integers` (whole, 0 to 2^51 - 1), which 32 bits need not hold, into `planes`. */
export function packWide(integers: Float64Array, width: number, planes: Uint8Array): void {
  const count = integers.length;
  const wholeBytes = width >> 3;
  for (let plane = 0; plane < wholeBytes; plane++) {
    const at = plane * count;
    const scale = 2 ** (8 * plane);
    // A byte takes the low 8 bits of what it is given.
    for (let i = 0; i < count; i++) planes[at + i] = Math.floor((integers[i] ?? 0) / scale);
  }
  const bits = width & 7;
  if (bits > 0) packTop(integers, bits, 2 ** (8 * wholeBytes), planes.subarray(wholeBytes * count));
}

/** Packs `bits` bits (1 to 7) of each integer over `scale`. */
function packTop(integers: Float64Array, bits: number, scale: number, plane: Uint8Array): void {
  const mask = (1 << bits) - 1;
  let held = 0;
  let heldBits = 0;
  let at = 0;
  for (let i = 0; i < integers.length; i++) {
    held |= (Math.floor((integers[i] ?? 0) / scale) & mask) << heldBits;
    heldBits += bits;
    if (heldBits < 8) continue;
    plane[at++] = held;
    held >>>= 8;
    heldBits -= 8;
  }
  if (heldBits > 0) plane[at] = held;
}

/** Integers of any width, which 32 bits need not hold. */
export function unpackWide(planes: Uint8Array, width: number, count: number): Float64Array {
  const integers = new Float64Array(count);
  const wholeBytes = width >> 3;
  for (let plane = 0; plane < wholeBytes; plane++) {
    const scale = 2 ** (8 * plane);
    const at = plane * count;
    for (let i = 0; i < count; i++) integers[i] = (integers[i] ?? 0) + (planes[at + i] ?? 0) * scale;
  }
  const bits = width & 7;
  if (bits > 0) unpackTop(planes.subarray(wholeBytes * count), bits, 2 ** (8 * wholeBytes), integers);
  return integers;
}

/** Adds the `bits`-bit integers of `plane` (1 to 7 bits), times `scale`. */
function unpackTop(plane: Uint8Array, bits: number, scale: number, integers: Float64Array): void {
  const mask = (1 << bits) - 1;
  let held = 0;
  let heldBits = 0;
  let at = 0;
  for (let i = 0; i < integers.length; i++) {
    if (heldBits < bits) {
      held |= (plane[at++] ?? 0) << heldBits;
      heldBits += 8;
    }
    integers[i] = (integers[i] ?? 0) + (held & mask) * scale;
    held >>>= bits;
    heldBits -= bits;
  }
}
