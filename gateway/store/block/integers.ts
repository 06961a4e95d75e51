import type { ByteReader } from '../bytes.ts';
import { codes, column, extent, kernels, planes as packed, SUMMED_WIDTH_MAX, WIDTH_MAX } from './kernels/kernels.ts';
import { applyPatches, type Patches, patchAt, readPatches } from './patches.ts';
import { endsInZeros, integerAt, planesLength, unpackWide } from './planes.ts';
import {
  INTEGER_MAX,
  PREDICTIONS,
  type Prediction,
  restoreIntegers,
  restoreWide,
  type Start,
  skippedBy,
  unzigzag,
} from './prediction.ts';

/**
 * A run of integers (BLOCK-6): what remains after a prediction, packed in as few bits as most of it needs, with the
 * rest patched. Both columns of a block end up here unless their values are true floats.
 */

/** Bits of the form byte. */
export const PREDICTION_BITS = 0x07;
export const HAS_UNIT = 0x08;
export const HAS_PATCHES = 0x10;

/** Sums in 32 bits stay below this, and those of so many lanes in 16. */
const SUM_LIMIT = 2 ** 31;
const FUSED_SUM_LIMIT = 2 ** 15;
const FUSED_LANES = 8;

/** Greatest magnitude of a step or a pitch. */
const STEP_MAX = 2 ** 50;

/** Up to this pitch, no place on a grid is rounded by more than a fraction. */
const PITCH_MAX = 2 ** 36;

/** A run as it stands: what its integers are restored from. */
interface Run extends Start {
  /** The integers are `origin` + `unit` * those of the run. */
  readonly unit: number;
  readonly origin: number;
  readonly width: number;
  /** How many residuals there are. */
  readonly residuals: number;
  readonly patches: Patches | undefined;
  readonly planes: Uint8Array;
  /** Above every code, patched ones included. */
  readonly codesBelow: number;
}

/**
 * Reads a run of `count` integers, whole and of magnitude at most INTEGER_MAX.
 * @returns scratch memory, in which the caller may work on; valid until the next column is read
 */
export function decodeIntegers(input: ByteReader, count: number): Float64Array {
  const run = readRun(input, count);
  restoreRun(run);
  inUnits(input, run, count);
  return column.subarray(0, count);
}

/**
 * Reads the same, but only to the corners of its stretches, which stand between the kernels' cuts and are all of the run:
 * leaves four integers a stretch at the beginning of the kernels' column.
 * @returns false where that takes restoring them all
 */
export function foldIntegers(input: ByteReader, count: number, stretches: number): boolean {
  const run = readRun(input, count);
  if (!sumRun(run)) return false;
  kernels.foldIntegers(stretches, skippedBy(run.prediction), run.base);
  inUnits(input, run, 4 * stretches);
  return true;
}

/** Integers that ascend, to be told one by one. */
export interface AscendingIntegers {
  /** Bytes held besides the run. */
  readonly heldBytes: number;
  at(index: number): number;
}

/**
 * Reads a run of `count` integers that ascend on a grid: none is restored before it is asked for.
 * @returns valid while `input` is; undefined where the run does not tell by its form that it ascends
 */
export function ascendingIntegers(input: ByteReader, count: number): AscendingIntegers | undefined {
  const run = readRun(input, count);
  const { prediction, base, step: pitch, unit, origin, width, residuals, patches, planes, codesBelow } = run;
  // Neighbours on the grid lie less than 2 nearer than the pitch, rounding included, and miss by less than the codes.
  if (prediction !== 'grid' || pitch > PITCH_MAX || codesBelow > pitch - 2) return undefined;
  const at = (i: number) => {
    if (i === 0) return origin + unit * base;
    const patch = patches === undefined ? 0 : patchAt(patches, width, i - 1);
    const miss = unzigzag(integerAt(planes, width, residuals, i - 1) + patch);
    return origin + unit * (base + Math.floor(i * pitch + 0.5) + miss);
  };
  if (!(at(0) >= -INTEGER_MAX && at(count - 1) <= INTEGER_MAX)) failBeyond(input);
  const heldBytes = patches === undefined ? 0 : patches.places.byteLength + patches.highs.byteLength;
  return { heldBytes, at };
}

function readRun(input: ByteReader, count: number): Run {
  const form = input.u8();
  const prediction = PREDICTIONS[form & PREDICTION_BITS];
  if (prediction === undefined || form > (PREDICTION_BITS | HAS_UNIT | HAS_PATCHES)) {
    return input.fail('6.2', `form is 0x${form.toString(16)}, which no writer makes`);
  }
  const unit = form & HAS_UNIT ? input.varint() : 1;
  if (form & HAS_UNIT && unit < 2) input.fail('6.3', `unit is ${unit}, expected at least 2`);
  const origin = form & HAS_UNIT ? input.signed() : 0;
  const base = input.signed();
  const step = readStep(input, prediction);
  const width = input.u8();
  if (width > WIDTH_MAX) input.fail('6.6', `width is ${width}, expected at most ${WIDTH_MAX}`);

  const residuals = Math.max(0, count - skippedBy(prediction));
  const patches = form & HAS_PATCHES ? readPatches(input, residuals, WIDTH_MAX - width) : undefined;
  const planes = input.take(planesLength(residuals, width));
  if (!endsInZeros(planes, width, residuals)) input.fail('6.8', 'unused bits after the last plane are not 0');
  const codesBelow = 2 ** width * (1 + (patches?.highest ?? 0));
  return { prediction, base, step, unit, origin, width, residuals, patches, planes, codesBelow };
}

function readStep(input: ByteReader, prediction: Prediction): number {
  if (prediction === 'plain') return 0;
  const step = prediction === 'grid' ? input.f64() : input.signed();
  return Math.abs(step) <= STEP_MAX ? step : input.fail('6.5', `step is ${step}, expected a magnitude of at most 2^50`);
}

/** Leaves what is predicted and corrected in the kernels' column. */
function restoreRun(run: Run): void {
  const { width, residuals, patches, planes, codesBelow } = run;
  if (codesBelow <= 2 ** SUMMED_WIDTH_MAX) {
    unpackCodes(run);
    restoreIntegers(run, residuals);
    return;
  }
  const wide = unpackWide(planes, width, residuals);
  if (patches !== undefined) applyPatches(wide, patches, width);
  restoreWide(run, wide);
}

/**
 * Leaves the same less the first of it, as integers of 32 bits, where their codes would stand; false where those might not
 * hold it, or the prediction is not whole.
 */
function sumRun(run: Run): boolean {
  const { prediction, width, residuals, patches, planes, codesBelow } = run;
  const step = Math.abs(run.step);
  if (codesBelow > 2 ** SUMMED_WIDTH_MAX || prediction === 'grid') return false;
  if (prediction === 'plain') {
    unpackCodes(run);
    return true;
  }
  const most = codesBelow / 2 + step;
  if (prediction === 'delta') {
    if (residuals * most >= SUM_LIMIT) return false;
    if (patches === undefined && FUSED_LANES * most < FUSED_SUM_LIMIT) {
      packed.set(planes);
      kernels.unpackAndSumDelta(width, residuals, run.step);
      return true;
    }
    unpackCodes(run);
    kernels.sumDelta(residuals, run.step);
    return true;
  }
  if ((residuals + 1) * (step + (residuals * codesBelow) / 2) >= SUM_LIMIT) return false;
  unpackCodes(run);
  kernels.sumDelta2(residuals, run.step);
  return true;
}

function unpackCodes({ width, residuals, patches, planes }: Run): void {
  packed.set(planes);
  kernels.unpack(width, residuals);
  if (patches !== undefined) applyPatches(codes, patches, width);
}

/** Turns the first `length` numbers of the column, integers of a run, into those that the run stands for. */
function inUnits(input: ByteReader, { unit, origin }: Run, length: number): void {
  if (unit > 1) kernels.scale(length, unit, origin);
  kernels.measure(0, length);
  if (!((extent[0] ?? 0) >= -INTEGER_MAX && (extent[1] ?? 0) <= INTEGER_MAX)) failBeyond(input);
}

function failBeyond(input: ByteReader): never {
  return input.fail('6.1', 'an integer is of a magnitude above 2^47');
}
