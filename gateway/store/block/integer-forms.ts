import { BLOCK_SAMPLES_MAX } from '../../limits.ts';
import { type ByteWriter, signedLength, varintLength } from '../bytes.ts';
import { HAS_PATCHES, HAS_UNIT } from './integers.ts';
import { codes, column, kernels, PACKED_WIDTH_MAX, planes, residuals, WIDTH_MAX } from './kernels/kernels.ts';
import { writePatches } from './patches.ts';
import { packWide, planesLength } from './planes.ts';
import { leaveResiduals, PREDICTIONS, type Prediction, type Start, startOf } from './prediction.ts';
import { type ResidualStatistics, statisticsOf, WHOLE_WIDTHS } from './residual-statistics.ts';

/** The ways to write a run of integers (BLOCK-6), weighed by the statistics of their residuals, so that only the best are written. */

/** One way to write something, weighed before it is written. */
export interface Form {
  /** About how many bytes it takes. */
  readonly bytes: number;
  /** About how many bytes zstd makes of it. */
  readonly compressedBytes: number;
  write(out: ByteWriter): void;
}

/** Bits that one patch is taken to cost: its place and its high part. */
const PATCH_BITS = 20;

/** At most one residual in so many is patched: a patch takes as long to read as several residuals. */
const PATCH_SHARE = 16;

/** Bytes of the form, the width, and a pitch. */
const FORM_AND_WIDTH_BYTES = 2;
const PITCH_BYTES = 8;

/**
 * Ways worth weighing to write `integers` (whole numbers, magnitude at most INTEGER_MAX, at least one).
 * @param predictions which of them to try
 */
export function formsOfIntegers(integers: Float64Array, predictions: readonly Prediction[] = PREDICTIONS): Form[] {
  const count = integers.length;
  if (count > BLOCK_SAMPLES_MAX)
    throw new RangeError(`a run of ${count} integers, expected at most ${BLOCK_SAMPLES_MAX}`);
  const unit = commonUnit(integers);
  const origin = unit === 1 ? 0 : (integers[0] ?? 0);
  column.set(integers);
  if (unit > 1) kernels.toUnits(count, origin, unit);
  const steps = unit === 1 ? integers : column.slice(0, count);
  const forms: Form[] = [];
  for (const prediction of predictions) {
    const start = startOf(prediction, count);
    const statistics = statisticsOf(leaveResiduals(start, count));
    const run: Run = { unit, origin, start, steps };
    for (const width of widthsOf(statistics)) forms.push(formOf(run, width, statistics));
    if (statistics.widest === 0) break;
  }
  return forms;
}

interface Run {
  readonly unit: number;
  readonly origin: number;
  readonly start: Start;
  /** The integers less the origin, in units. */
  readonly steps: Float64Array;
}

function formOf(run: Run, width: number, { count, widest, wider, compressed }: ResidualStatistics): Form {
  const patches = wider[width] ?? 0;
  const head = headBytes(run) + (patches * PATCH_BITS) / 8;
  const bytes = head + planesLength(count, width);
  const whole = WHOLE_WIDTHS.findIndex((whole) => whole >= width);
  return {
    bytes,
    compressedBytes: head + (compressed[whole] ?? bytes),
    write: (out) => writeRun(out, run, width, widest),
  };
}

/** Bytes before the patches and the planes. */
function headBytes({ unit, origin, start: { prediction, base, step } }: Run): number {
  const units = unit === 1 ? 0 : varintLength(unit) + signedLength(origin);
  const stepBytes = prediction === 'plain' ? 0 : prediction === 'grid' ? PITCH_BYTES : signedLength(step);
  return FORM_AND_WIDTH_BYTES + units + signedLength(base) + stepBytes;
}

function writeRun(out: ByteWriter, { unit, origin, start, steps }: Run, width: number, widest: number): void {
  const { prediction, base, step } = start;
  out.u8(PREDICTIONS.indexOf(prediction) | (unit > 1 ? HAS_UNIT : 0) | (widest > width ? HAS_PATCHES : 0));
  if (unit > 1) {
    out.varint(unit);
    out.signed(origin);
  }
  out.signed(base);
  if (prediction === 'grid') out.f64(step);
  else if (prediction !== 'plain') out.signed(step);
  out.u8(width);

  column.set(steps);
  const count = leaveResiduals(start, steps.length);
  if (widest > width) writePatches(out, count, width);
  const room = out.extend(planesLength(count, width));
  if (width > PACKED_WIDTH_MAX) {
    packWide(residuals.subarray(0, count), width, room);
    return;
  }
  // What 32 bits did not hold is taken by its low bits, as a typed array does of itself.
  if (widest > PACKED_WIDTH_MAX) codes.set(residuals.subarray(0, count));
  kernels.pack(width, count);
  room.set(planes.subarray(0, room.length));
}

/** Greatest common divisor of all differences to the first integer; 1 where there is none. */
function commonUnit(integers: Float64Array): number {
  const first = integers[0] ?? 0;
  let unit = 0;
  for (let i = 1; i < integers.length; i++) {
    let rest = Math.abs((integers[i] ?? 0) - first);
    if (rest === 0) continue;
    const units = rest / unit;
    if (unit > 0 && units === Math.floor(units)) continue;
    while (rest > 0) [unit, rest] = [rest, unit % rest];
    if (unit === 1) return 1;
  }
  return Math.max(1, unit);
}

/** The width that takes the fewest bits, patches included, and those that zstd handles well. */
function widthsOf({ count, widest, wider }: ResidualStatistics): Set<number> {
  const most = count / PATCH_SHARE;
  let best = widest;
  let bits = widest * count;
  for (let width = widest - 1; width >= 0 && (wider[width] ?? 0) <= most; width--) {
    const cost = width * count + (wider[width] ?? 0) * PATCH_BITS;
    if (cost < bits) {
      best = width;
      bits = cost;
    }
  }
  const whole = WHOLE_WIDTHS.filter((width) => width < widest && (wider[width] ?? 0) <= most);
  const above = WHOLE_WIDTHS.find((width) => width >= widest) ?? Math.min(WIDTH_MAX, Math.ceil(widest / 8) * 8);
  return new Set([best, ...whole, above]);
}
