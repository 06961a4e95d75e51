import { type ByteReader, ByteWriter } from '../bytes.ts';
import { applyPatches, readPatches, writePatches } from './patches.ts';
import { packPlanes, planesLength, unpackPlanes } from './planes.ts';
import { INTEGER_MAX, PREDICTIONS, type Prediction, predict, restore, skippedBy } from './prediction.ts';

/**
 * A run of integers (BLOCK-6): what remains after a prediction, packed in as few bits as most of it needs, with the
 * rest patched. Both columns of a block end up here unless their values are true floats.
 */

const PREDICTION_BITS = 0x03;
const HAS_UNIT = 0x04;
const HAS_PATCHES = 0x08;

/** Bits of the widest residual. */
export const WIDTH_MAX = 53;

/** Bits that one patch is taken to cost when a width is chosen: its place and its high part. */
const PATCH_BITS = 24;

/** At most one residual in so many is patched: a patch takes as long to read as several residuals. */
const PATCH_SHARE = 16;

/** A prediction whose residuals take so many times the bits of the best one's is not written out to be measured. */
const WORTH_MEASURING = 1.5;

/**
 * Every way worth measuring to write `integers` (whole numbers, magnitude at most INTEGER_MAX, at least one).
 * @param predictions which of them to try
 */
export function encodeIntegers(integers: Float64Array, predictions: readonly Prediction[] = PREDICTIONS): Uint8Array[] {
  const unit = commonUnit(integers);
  const origin = unit === 1 ? 0 : (integers[0] ?? 0);
  const steps = unit === 1 ? integers : integers.map((integer) => (integer - origin) / unit);
  const tried = predictions.map((prediction) => {
    const { base, step, residuals } = predict(steps, prediction);
    return { prediction, unit, origin, base, step, residuals, ...chooseWidths(residuals) };
  });
  const worth = WORTH_MEASURING * Math.min(...tried.map(({ bits }) => bits));
  return tried
    .filter(({ bits }) => bits <= worth)
    .flatMap((run) => Array.from(run.widths, (width) => writeRun(run, width)));
}

interface Run {
  readonly prediction: Prediction;
  readonly unit: number;
  readonly origin: number;
  readonly base: number;
  readonly step: number;
  readonly residuals: Float64Array;
}

function writeRun({ prediction, unit, origin, base, step, residuals }: Run, width: number): Uint8Array {
  const limit = 2 ** width;
  let patches = 0;
  for (let i = 0; i < residuals.length; i++) if ((residuals[i] ?? 0) >= limit) patches++;

  const planes = planesLength(residuals.length, width);
  const out = new ByteWriter(48 + planes + patches * 10);
  out.u8(PREDICTIONS.indexOf(prediction) | (unit > 1 ? HAS_UNIT : 0) | (patches > 0 ? HAS_PATCHES : 0));
  if (unit > 1) {
    out.varint(unit);
    out.signed(origin);
  }
  out.signed(base);
  if (prediction === 'grid') out.f64(step);
  else if (prediction !== 'plain') out.signed(step);
  out.u8(width);
  if (patches > 0) writePatches(out, residuals, width, patches);
  packPlanes(residuals, width, out.extend(planes));
  return out.toBytes();
}

/** Reads a run of `out.length` integers into `out`. They are whole, but where the bytes are hostile of any magnitude. */
export function decodeIntegers(input: ByteReader, out: Float64Array): void {
  const form = input.u8();
  if (form > (PREDICTION_BITS | HAS_UNIT | HAS_PATCHES)) {
    input.fail('6.2', `form is 0x${form.toString(16)}, bits 4 to 7 are not 0`);
  }
  const prediction = PREDICTIONS[form & PREDICTION_BITS] ?? 'plain';
  const unit = form & HAS_UNIT ? input.varint() : 1;
  if (form & HAS_UNIT && unit < 2) input.fail('6.3', `unit is ${unit}, expected at least 2`);
  const origin = form & HAS_UNIT ? input.signed() : 0;
  const base = input.signed();
  const step = prediction === 'grid' ? readPitch(input) : prediction === 'plain' ? 0 : input.signed();
  const width = input.u8();
  if (width > WIDTH_MAX) input.fail('6.6', `width is ${width}, expected at most ${WIDTH_MAX}`);

  const count = Math.max(0, out.length - skippedBy(prediction));
  const patches = form & HAS_PATCHES ? readPatches(input, count, WIDTH_MAX - width) : undefined;
  const planes = input.take(planesLength(count, width));
  let codes = unpackPlanes(planes, width, count) ?? input.fail('6.8', 'unused bits after the last plane are not 0');
  if (patches !== undefined) codes = applyPatches(codes, patches, width);
  restore(prediction, base, step, codes, out);
  if (unit > 1) for (let i = 0; i < out.length; i++) out[i] = origin + unit * (out[i] ?? 0);
}

function readPitch(input: ByteReader): number {
  const pitch = input.f64();
  return Math.abs(pitch) <= 2 * INTEGER_MAX ? pitch : input.fail('6.5', `pitch is ${pitch}, expected at most 2^50`);
}

/** Greatest common divisor of all differences to the first integer; 1 where there is none. */
function commonUnit(integers: Float64Array): number {
  const first = integers[0] ?? 0;
  let unit = 0;
  for (let i = 1; i < integers.length; i++) {
    let rest = Math.abs((integers[i] ?? 0) - first);
    while (rest > 0) [unit, rest] = [rest, unit % rest];
    if (unit === 1) return 1;
  }
  return Math.max(1, unit);
}

/** Widths worth measuring: the cheapest with patches; that one and the widest rounded up to what zstd handles well. */
function chooseWidths(residuals: Float64Array): { widths: Set<number>; bits: number } {
  const lengths = new Uint32Array(WIDTH_MAX + 1);
  for (let i = 0; i < residuals.length; i++) {
    const length = bitLength(residuals[i] ?? 0);
    lengths[length] = (lengths[length] ?? 0) + 1;
  }
  let widest = WIDTH_MAX;
  while (widest > 0 && lengths[widest] === 0) widest--;
  let best = widest;
  let bits = widest * residuals.length;
  let patches = 0;
  for (let width = widest - 1; width >= 0; width--) {
    patches += lengths[width + 1] ?? 0;
    const cost = width * residuals.length + patches * PATCH_BITS;
    if (cost < bits && patches * PATCH_SHARE <= residuals.length) {
      best = width;
      bits = cost;
    }
  }
  return { widths: new Set([best, aligned(best), Math.min(WIDTH_MAX, Math.ceil(widest / 8) * 8)]), bits };
}

/** The next width whose values do not straddle bytes. */
function aligned(width: number): number {
  if (width <= 2) return width;
  return width <= 4 ? 4 : Math.min(WIDTH_MAX, Math.ceil(width / 8) * 8);
}

function bitLength(value: number): number {
  return value < 2 ** 32 ? 32 - Math.clz32(value) : 64 - Math.clz32(value / 2 ** 32);
}
