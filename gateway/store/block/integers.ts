import type { ByteReader } from '../bytes.ts';
import { codes, column, extent, kernels, planes as packed, SUMMED_WIDTH_MAX, WIDTH_MAX } from './kernels/kernels.ts';
import { applyPatches, type Patches, readPatches } from './patches.ts';
import { endsInZeros, planesLength, unpackWide } from './planes.ts';
import {
  INTEGER_MAX,
  PREDICTIONS,
  type Prediction,
  restoreIntegers,
  restoreWide,
  type Start,
  skippedBy,
} from './prediction.ts';

/**
 * A run of integers (BLOCK-6): what remains after a prediction, packed in as few bits as most of it needs, with the
 * rest patched. Both columns of a block end up here unless their values are true floats.
 */

/** Bits of the form byte. */
export const PREDICTION_BITS = 0x07;
export const HAS_UNIT = 0x08;
export const HAS_PATCHES = 0x10;

/** Greatest magnitude of a step or a pitch. */
const STEP_MAX = 2 ** 50;

/**
 * Reads a run of `count` integers, whole and of magnitude at most INTEGER_MAX.
 * @returns scratch memory, in which the caller may work on; valid until the next column is read
 */
export function decodeIntegers(input: ByteReader, count: number): Float64Array {
  const form = input.u8();
  const prediction = PREDICTIONS[form & PREDICTION_BITS];
  if (prediction === undefined || form > (PREDICTION_BITS | HAS_UNIT | HAS_PATCHES)) {
    return input.fail('6.2', `form is 0x${form.toString(16)}, which no writer makes`);
  }
  const unit = form & HAS_UNIT ? input.varint() : 1;
  if (form & HAS_UNIT && unit < 2) input.fail('6.3', `unit is ${unit}, expected at least 2`);
  const origin = form & HAS_UNIT ? input.signed() : 0;
  const base = input.signed();
  const start = { prediction, base, step: readStep(input, prediction) };
  const width = input.u8();
  if (width > WIDTH_MAX) input.fail('6.6', `width is ${width}, expected at most ${WIDTH_MAX}`);

  const residuals = Math.max(0, count - skippedBy(prediction));
  const patches = form & HAS_PATCHES ? readPatches(input, residuals, WIDTH_MAX - width) : undefined;
  const planes = input.take(planesLength(residuals, width));
  if (!endsInZeros(planes, width, residuals)) input.fail('6.8', 'unused bits after the last plane are not 0');
  restoreRun(start, planes, width, residuals, patches);
  if (unit > 1) kernels.scale(count, unit, origin);
  kernels.measure(0, count);
  if (!((extent[0] ?? 0) >= -INTEGER_MAX && (extent[1] ?? 0) <= INTEGER_MAX)) {
    input.fail('6.1', 'an integer is of a magnitude above 2^47');
  }
  return column.subarray(0, count);
}

function readStep(input: ByteReader, prediction: Prediction): number {
  if (prediction === 'plain') return 0;
  const step = prediction === 'grid' ? input.f64() : input.signed();
  return Math.abs(step) <= STEP_MAX ? step : input.fail('6.5', `step is ${step}, expected a magnitude of at most 2^50`);
}

/** Leaves the integers in the kernels' column. */
function restoreRun(start: Start, planes: Uint8Array, width: number, count: number, patches?: Patches): void {
  const highest = 2 ** width * (1 + (patches?.highest ?? 0));
  if (highest > 2 ** SUMMED_WIDTH_MAX) {
    const wide = unpackWide(planes, width, count);
    if (patches !== undefined) applyPatches(wide, patches, width);
    restoreWide(start, wide);
    return;
  }
  packed.set(planes);
  kernels.unpack(width, count);
  if (patches !== undefined) applyPatches(codes, patches, width);
  restoreIntegers(start, count);
}
