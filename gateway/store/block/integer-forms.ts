import { BLOCK_SAMPLES_MAX } from '../../limits.ts';
import { type ByteWriter, signedLength, varintLength } from '../bytes.ts';
import { HAS_PATCHES, HAS_UNIT } from './integers.ts';
import { codes, column, extent, kernels, planes, STEP_MAX, steps, WIDTH_MAX } from './kernels/kernels.ts';
import { writePatches } from './patches.ts';
import { packWide, planesLength } from './planes.ts';
import { leaveCodes, PREDICTIONS, type Prediction, residualsOf, type Start, startOf } from './prediction.ts';
import { type ResidualStatistics, statisticsOf, wideStatisticsOf } from './residual-statistics.ts';

/** The ways to write a run of integers (BLOCK-6), weighed by the statistics of their residuals, so that only the best are written. */

/** One way to write something, weighed before it is written. */
export interface Form {
  /** About how many bytes it takes. */
  readonly bytes: number;
  /** About how many bytes zstd makes of it. */
  readonly compressedBytes: number;
  write(out: ByteWriter): void;
}

/** Widths whose values do not straddle bytes, and that zstd makes something of. */
const WHOLE_WIDTHS = [0, 1, 2, 4, 8, 16] as const;

/** Bits that one patch is taken to cost: its place and its high part. */
const PATCH_BITS = 20;

/** At most one residual in so many is patched: a patch takes as long to read as several residuals. */
const PATCH_SHARE = 16;

/** What zstd takes of several planes at most, about: repetitions in one of them are not counted. */
const UNSURE_SHARE = 0.9;

/** Bytes of the form, the width, and a pitch. */
const FORM_AND_WIDTH_BYTES = 2;
const PITCH_BYTES = 8;

/**
 * Ways worth weighing to write `integers` (whole numbers, magnitude at most INTEGER_MAX, at least one), which may stand in
 * the kernels' column.
 * @param predictions which of them to try
 */
export function formsOfIntegers(integers: Float64Array, predictions: readonly Prediction[] = PREDICTIONS): Form[] {
  const run = runOf(integers);
  const forms: Form[] = [];
  for (const prediction of predictions) {
    const start = startOf(prediction, run.steps, run.least);
    const statistics = run.isWide
      ? wideStatisticsOf(residualsOf(start, run.steps))
      : statisticsOf(leaveCodes(start, run.steps.length));
    addForms(forms, run, start, statistics);
    if (statistics.widest === 0) break;
  }
  return forms;
}

/** A run as it is counted in units from an origin. What the kernels cannot hold is wide. */
type Run = { readonly unit: number; readonly origin: number } & (
  | {
      readonly isWide: false;
      /** Less the base. */
      readonly steps: Int32Array;
      readonly base: number;
      /** Of the steps. */
      readonly least: 0;
    }
  | { readonly isWide: true; readonly steps: Float64Array; readonly base: 0; readonly least: number }
);

/** Leaves the steps of a run that is not wide in the kernels. */
function runOf(integers: Float64Array): Run {
  const count = integers.length;
  if (count > BLOCK_SAMPLES_MAX)
    throw new RangeError(`a run of ${count} integers, expected at most ${BLOCK_SAMPLES_MAX}`);
  if (integers.buffer !== column.buffer) column.set(integers);
  const unit = kernels.commonUnit(count);
  const origin = unit === 1 ? 0 : (integers[0] ?? 0);
  if (unit > 1) kernels.toUnits(count, origin, unit);
  kernels.measure(0, count);
  const [least = 0, greatest = 0] = extent;
  if (greatest - least >= STEP_MAX) {
    return { unit, origin, isWide: true, steps: column.slice(0, count), base: 0, least: least + 0 };
  }
  kernels.toSteps(count, least);
  return { unit, origin, isWide: false, steps: steps.slice(0, count), base: least + 0, least: 0 };
}

/** Adds the form of the width that takes the fewest bits, patches included, and those of widths that zstd handles well. */
function addForms(forms: Form[], run: Run, start: Start, statistics: ResidualStatistics): void {
  const { count, widest, wider } = statistics;
  const head = headBytes(run, start);
  const add = (width: number) => {
    const patched = head + ((wider[width] ?? 0) * PATCH_BITS) / 8;
    forms.push({
      bytes: patched + planesLength(count, width),
      compressedBytes: patched + compressedPlanes(width, statistics),
      write: (out) => writeRun(out, run, start, width, widest),
    });
  };
  const most = count / PATCH_SHARE;
  const best = bestWidth(statistics, most);
  add(best);
  for (const width of WHOLE_WIDTHS) {
    if (width < widest && width !== best && (wider[width] ?? 0) <= most) add(width);
  }
  const above = WHOLE_WIDTHS.find((width) => width >= widest) ?? Math.min(WIDTH_MAX, Math.ceil(widest / 8) * 8);
  if (above !== best) add(above);
}

/** The width that takes the fewest bits with at most so many patches. */
function bestWidth({ count, widest, wider }: ResidualStatistics, mostPatches: number): number {
  let best = widest;
  let bits = widest * count;
  for (let width = widest - 1; width >= 0 && (wider[width] ?? 0) <= mostPatches; width--) {
    const cost = width * count + (wider[width] ?? 0) * PATCH_BITS;
    if (cost >= bits) continue;
    best = width;
    bits = cost;
  }
  return best;
}

/** About how many bytes zstd makes of planes. */
function compressedPlanes(width: number, { count, nibbleBytes, lowBytes, pairBytes }: ResidualStatistics): number {
  if (width === 0) return 0;
  if (width <= 4) return nibbleBytes;
  if (width <= 8) return lowBytes;
  return Math.min(pairBytes * Math.max(1, width / 16), planesLength(count, width) * UNSURE_SHARE);
}

/** Bytes before the patches and the planes. */
function headBytes(run: Run, { prediction, base, step }: Start): number {
  const units = run.unit === 1 ? 0 : varintLength(run.unit) + signedLength(run.origin);
  const stepBytes = prediction === 'plain' ? 0 : prediction === 'grid' ? PITCH_BYTES : signedLength(step);
  return FORM_AND_WIDTH_BYTES + units + signedLength(run.base + base) + stepBytes;
}

function writeRun(out: ByteWriter, run: Run, start: Start, width: number, widest: number): void {
  const { prediction, base, step } = start;
  out.u8(PREDICTIONS.indexOf(prediction) | (run.unit > 1 ? HAS_UNIT : 0) | (widest > width ? HAS_PATCHES : 0));
  if (run.unit > 1) {
    out.varint(run.unit);
    out.signed(run.origin);
  }
  out.signed(run.base + base);
  if (prediction === 'grid') out.f64(step);
  else if (prediction !== 'plain') out.signed(step);
  out.u8(width);
  if (run.isWide) {
    const residuals = residualsOf(start, run.steps);
    const count = residuals.length;
    if (widest > width) writePatches(out, residuals, count, width);
    packWide(residuals, width, out.extend(planesLength(count, width)));
    return;
  }
  steps.set(run.steps);
  const count = leaveCodes(start, run.steps.length);
  if (widest > width) writePatches(out, codes, count, width);
  kernels.pack(width, count);
  out.bytes(planes.subarray(0, planesLength(count, width)));
}
