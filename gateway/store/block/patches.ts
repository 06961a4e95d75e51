import type { ByteReader, ByteWriter } from '../bytes.ts';
import { codes, kernels, places } from './kernels/kernels.ts';

/** The few integers of a run that need more bits than its planes have (BLOCK-6.7): where they are, and the bits above. */

export interface Patches {
  /** Ascending. */
  readonly places: Uint32Array;
  readonly highs: Float64Array;
  readonly highest: number;
}

/** Writes the patches of the first `count` of `residuals`, which do not all fit in `width` bits. */
export function writePatches(
  out: ByteWriter,
  residuals: Uint32Array | Float64Array,
  count: number,
  width: number,
): void {
  const limit = 2 ** width;
  const above =
    residuals === codes ? places.subarray(0, kernels.findAbove(count, limit - 1)) : placesFrom(residuals, limit);
  out.varint(above.length);
  let next = 0;
  for (const place of above) {
    out.varint(place - next);
    next = place + 1;
  }
  for (const place of above) out.varint(Math.floor((residuals[place] ?? 0) / limit) - 1);
}

/** Places of residuals from `limit` on, which the kernels do not hold. */
function placesFrom(residuals: Uint32Array | Float64Array, limit: number): Uint32Array {
  const above: number[] = [];
  for (let i = 0; i < residuals.length; i++) if ((residuals[i] ?? 0) >= limit) above.push(i);
  return Uint32Array.from(above);
}

/** Reads the patches of `residuals` integers; `highBits` is how many bits a high part may have. */
export function readPatches(input: ByteReader, residuals: number, highBits: number): Patches {
  const count = input.varintUpTo(residuals, '6.7', 'number of patches');
  if (count === 0) input.fail('6.7', 'number of patches is 0, expected at least 1');
  const highs = new Float64Array(count);
  input.varints(highs);
  const places = new Uint32Array(count);
  let next = 0;
  for (let i = 0; i < count; i++) {
    const place = next + (highs[i] ?? 0);
    if (place >= residuals) input.fail('6.7', `patch at ${place}, the run has ${residuals} residuals`);
    places[i] = place;
    next = place + 1;
  }
  input.varints(highs);
  let highest = 0;
  const highMax = 2 ** highBits - 1;
  for (let i = 0; i < count; i++) {
    const high = (highs[i] ?? 0) + 1;
    if (high > highMax) input.fail('6.7', `high part of a patch is ${high}, expected at most ${highMax}`);
    highs[i] = high;
    if (high > highest) highest = high;
  }
  return { places, highs, highest };
}

/** Adds the high parts to codes of `width` bits, which have room for them. */
export function applyPatches(codes: Uint32Array | Float64Array, { places, highs }: Patches, width: number): void {
  const limit = 2 ** width;
  for (let i = 0; i < places.length; i++) {
    const place = places[i] ?? 0;
    codes[place] = (codes[place] ?? 0) + (highs[i] ?? 0) * limit;
  }
}

/** What is added to code `at` of `width` bits. */
export function patchAt({ places, highs }: Patches, width: number, at: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((places[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return places[low] === at ? (highs[low] ?? 0) * 2 ** width : 0;
}
