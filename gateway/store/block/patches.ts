import type { ByteReader, ByteWriter } from '../bytes.ts';
import type { Codes } from './planes.ts';

/** The few integers of a run that need more bits than its planes have (BLOCK-6.7): where they are, and the bits above. */

export interface Patches {
  /** Ascending. */
  readonly places: Uint32Array;
  readonly highs: Float64Array;
  readonly highest: number;
}

/** Writes the `count` of `residuals` that do not fit in `width` bits. */
export function writePatches(out: ByteWriter, residuals: Float64Array, width: number, count: number): void {
  const limit = 2 ** width;
  out.varint(count);
  let next = 0;
  for (let i = 0; i < residuals.length; i++) {
    if ((residuals[i] ?? 0) < limit) continue;
    out.varint(i - next);
    next = i + 1;
  }
  for (let i = 0; i < residuals.length; i++) {
    const residual = residuals[i] ?? 0;
    if (residual >= limit) out.varint(Math.floor(residual / limit) - 1);
  }
}

/** Reads the patches of `residuals` integers; `highBits` is how many bits a high part may have. */
export function readPatches(input: ByteReader, residuals: number, highBits: number): Patches {
  const count = input.varintUpTo(residuals, '6.7', 'number of patches');
  if (count === 0) input.fail('6.7', 'number of patches is 0, expected at least 1');
  const places = new Uint32Array(count);
  const highs = new Float64Array(count);
  let next = 0;
  for (let i = 0; i < count; i++) {
    const place = next + input.varint();
    if (place >= residuals) input.fail('6.7', `patch at ${place}, the run has ${residuals} residuals`);
    places[i] = place;
    next = place + 1;
  }
  let highest = 0;
  const highMax = 2 ** highBits - 1;
  for (let i = 0; i < count; i++) {
    const high = input.varint() + 1;
    if (high > highMax) input.fail('6.7', `high part of a patch is ${high}, expected at most ${highMax}`);
    highs[i] = high;
    if (high > highest) highest = high;
  }
  return { places, highs, highest };
}

/** Adds the high parts to codes of `width` bits; the codes come back as float64 where 32 bits no longer hold them. */
export function applyPatches(codes: Codes, { places, highs, highest }: Patches, width: number): Codes {
  const limit = 2 ** width;
  const patched = (highest + 1) * limit <= 2 ** 32 ? codes : Float64Array.from(codes);
  for (let i = 0; i < places.length; i++) {
    const place = places[i] ?? 0;
    patched[place] = (patched[place] ?? 0) + (highs[i] ?? 0) * limit;
  }
  return patched;
}
