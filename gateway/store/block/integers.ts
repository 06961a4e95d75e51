import { type ByteReader, ByteWriter } from '../bytes.ts';
import { packPlanes, planesLength, unpackPlanes } from './planes.ts';

/**
 * A run of integers (BLOCK-6): what remains after a prediction, packed in as few bits as most of it needs, with the
 * rest patched. Both columns of a block end up here unless their values are true floats.
 */

/** Greatest magnitude of an integer of a run: residuals of every prediction then stay exact in a float64. */
export const INTEGER_MAX = 2 ** 49;

/** How the next integer is predicted; the place in the list is the number in the form byte (BLOCK-6.2). */
export const PREDICTIONS = ['plain', 'delta', 'delta2', 'grid'] as const;
export type Prediction = (typeof PREDICTIONS)[number];

const PREDICTION_BITS = 0x03;
const HAS_UNIT = 0x04;
const HAS_PATCHES = 0x08;
const WIDTH_MAX = 53;

/** Bits that one patch is taken to cost when a width is chosen: its place and its high part. */
const PATCH_BITS = 24;

/**
 * Every way worth measuring to write `integers` (whole numbers, magnitude at most {@link INTEGER_MAX}, at least one).
 * @param predictions which of them to try
 */
export function encodeIntegers(integers: Float64Array, predictions: readonly Prediction[] = PREDICTIONS): Uint8Array[] {
  const unit = commonUnit(integers);
  const steps = unit === 1 ? integers : integers.map((integer) => (integer - (integers[0] ?? 0)) / unit);
  const origin = unit === 1 ? 0 : (integers[0] ?? 0);
  const written: Uint8Array[] = [];
  for (const prediction of predictions) {
    const predicted = predict(steps, prediction);
    for (const width of widths(predicted.residuals)) written.push(write(predicted, prediction, unit, origin, width));
  }
  return written;
}

interface Predicted {
  /** Value the run starts from: the least for `plain`, otherwise the first. */
  readonly base: number;
  /** Step of `delta` and `delta2`, pitch of `grid`; 0 for `plain`. */
  readonly step: number;
  /** Non-negative whole numbers below 2^53. */
  readonly residuals: Float64Array;
}

function predict(steps: Float64Array, prediction: Prediction): Predicted {
  switch (prediction) {
    case 'plain':
      return predictPlain(steps);
    case 'delta':
      return predictDelta(steps);
    case 'delta2':
      return predictDelta2(steps);
    case 'grid':
      return predictGrid(steps);
  }
}

function predictPlain(steps: Float64Array): Predicted {
  let base = steps[0] ?? 0;
  for (const step of steps) base = Math.min(base, step);
  return { base, step: 0, residuals: steps.map((step) => step - base) };
}

function predictDelta(steps: Float64Array): Predicted {
  const deltas = differences(steps);
  const step = median(deltas);
  return { base: steps[0] ?? 0, step, residuals: deltas.map((delta) => zigzag(delta - step)) };
}

function predictDelta2(steps: Float64Array): Predicted {
  const deltas = differences(steps);
  return { base: steps[0] ?? 0, step: deltas[0] ?? 0, residuals: differences(deltas).map(zigzag) };
}

function predictGrid(steps: Float64Array): Predicted {
  const base = steps[0] ?? 0;
  const last = steps.length - 1;
  const pitch = last === 0 ? 0 : ((steps[last] ?? 0) - base) / last;
  const residuals = new Float64Array(last);
  for (let i = 1; i <= last; i++) residuals[i - 1] = zigzag((steps[i] ?? 0) - base - Math.floor(i * pitch + 0.5));
  return { base, step: pitch, residuals };
}

function write(predicted: Predicted, prediction: Prediction, unit: number, origin: number, width: number): Uint8Array {
  const { residuals } = predicted;
  const out = new ByteWriter(32 + planesLength(residuals.length, width));
  const limit = 2 ** width;
  let patches = 0;
  for (const residual of residuals) if (residual >= limit) patches++;

  out.u8(PREDICTIONS.indexOf(prediction) | (unit > 1 ? HAS_UNIT : 0) | (patches > 0 ? HAS_PATCHES : 0));
  if (unit > 1) {
    out.varint(unit);
    out.signed(origin);
  }
  out.signed(predicted.base);
  if (prediction === 'grid') out.f64(predicted.step);
  else if (prediction !== 'plain') out.signed(predicted.step);
  out.u8(width);
  if (patches > 0) writePatches(out, residuals, limit, patches);
  packPlanes(residuals, width, out.extend(planesLength(residuals.length, width)));
  return out.toBytes();
}

function writePatches(out: ByteWriter, residuals: Float64Array, limit: number, patches: number): void {
  out.varint(patches);
  let next = 0;
  for (let i = 0; i < residuals.length; i++) {
    const residual = residuals[i] ?? 0;
    if (residual < limit) continue;
    out.varint(i - next);
    out.varint(Math.floor(residual / limit));
    next = i + 1;
  }
}

/** Reads a run of `out.length` integers into `out`. */
export function decodeIntegers(input: ByteReader, out: Float64Array): void {
  const form = input.u8();
  if (form > (PREDICTION_BITS | HAS_UNIT | HAS_PATCHES))
    input.fail('6.2', `form is 0x${form.toString(16)}, bits 4 to 7 are not 0`);
  const prediction = PREDICTIONS[form & PREDICTION_BITS];
  const unit = form & HAS_UNIT ? input.varint() : 1;
  if (form & HAS_UNIT && unit < 2) input.fail('6.3', `unit is ${unit}, expected at least 2`);
  const origin = form & HAS_UNIT ? input.signed() : 0;
  const base = input.signed();
  const step = prediction === 'grid' ? input.f64() : prediction === 'plain' ? 0 : input.signed();
  if (!Number.isFinite(step)) input.fail('6.6', `pitch is ${step}, expected a finite number`);
  const width = input.u8();
  if (width > WIDTH_MAX) input.fail('6.7', `width is ${width}, expected at most ${WIDTH_MAX}`);

  const skipped = prediction === 'plain' ? 0 : prediction === 'delta2' ? 2 : 1;
  const residuals = out.subarray(Math.min(skipped, out.length));
  const patches = form & HAS_PATCHES ? readPatches(input, residuals.length, width) : undefined;
  unpackPlanes(input.take(planesLength(residuals.length, width)), width, residuals);
  if (patches !== undefined) applyPatches(residuals, patches, width);

  restore(out, prediction ?? 'plain', base, step);
  if (unit > 1) for (let i = 0; i < out.length; i++) out[i] = origin + unit * (out[i] ?? 0);
}

interface Patches {
  readonly places: Uint32Array;
  readonly highs: Float64Array;
}

function readPatches(input: ByteReader, residuals: number, width: number): Patches {
  const count = input.varintUpTo(residuals, '6.8', 'number of patches');
  if (count === 0) input.fail('6.8', 'number of patches is 0, expected at least 1');
  const patches = { places: new Uint32Array(count), highs: new Float64Array(count) };
  let next = 0;
  for (let i = 0; i < count; i++) {
    const place = next + input.varintUpTo(residuals, '6.8', 'gap to a patch');
    if (place >= residuals) input.fail('6.8', `patch at ${place}, the run has ${residuals} residuals`);
    const high = input.varintUpTo(2 ** (WIDTH_MAX - width) - 1, '6.8', 'high part of a patch');
    if (high === 0) input.fail('6.8', 'high part of a patch is 0');
    patches.places[i] = place;
    patches.highs[i] = high;
    next = place + 1;
  }
  return patches;
}

function applyPatches(residuals: Float64Array, patches: Patches, width: number): void {
  const { places, highs } = patches;
  const limit = 2 ** width;
  for (let i = 0; i < places.length; i++) {
    const place = places[i] ?? 0;
    residuals[place] = (residuals[place] ?? 0) + (highs[i] ?? 0) * limit;
  }
}

/** Turns residuals, standing at the end of `out`, into integers in place. */
function restore(out: Float64Array, prediction: Prediction, base: number, step: number): void {
  const count = out.length;
  if (prediction === 'plain') {
    if (base !== 0) for (let i = 0; i < count; i++) out[i] = (out[i] ?? 0) + base;
    return;
  }
  out[0] = base;
  let value = base;
  if (prediction === 'grid') {
    for (let i = 1; i < count; i++) out[i] = base + Math.floor(i * step + 0.5) + unzigzag(out[i] ?? 0);
  } else if (prediction === 'delta') {
    for (let i = 1; i < count; i++) {
      value += step + unzigzag(out[i] ?? 0);
      out[i] = value;
    }
  } else if (count > 1) {
    let delta = step;
    value += delta;
    out[1] = value;
    for (let i = 2; i < count; i++) {
      delta += unzigzag(out[i] ?? 0);
      value += delta;
      out[i] = value;
    }
  }
}

/** Greatest common divisor of all differences to the first integer; 1 where it is not worth its bytes. */
function commonUnit(integers: Float64Array): number {
  const first = integers[0] ?? 0;
  let unit = 0;
  for (const integer of integers) {
    let rest = Math.abs(integer - first);
    while (rest > 0) [unit, rest] = [rest, unit % rest];
    if (unit === 1) return 1;
  }
  return Math.max(1, unit);
}

/** Widths worth measuring: the cheapest with patches; that one and the widest rounded up to what zstd handles well. */
function widths(residuals: Float64Array): Set<number> {
  const lengths = new Uint32Array(WIDTH_MAX + 1);
  for (const residual of residuals) {
    const length = bitLength(residual);
    lengths[length] = (lengths[length] ?? 0) + 1;
  }
  let widest = WIDTH_MAX;
  while (widest > 0 && lengths[widest] === 0) widest--;
  let best = widest;
  let bestCost = widest * residuals.length;
  let patches = 0;
  for (let width = widest - 1; width >= 0; width--) {
    patches += lengths[width + 1] ?? 0;
    const cost = width * residuals.length + patches * PATCH_BITS;
    if (cost < bestCost) {
      best = width;
      bestCost = cost;
    }
  }
  return new Set([best, aligned(best), Math.min(WIDTH_MAX, Math.ceil(widest / 8) * 8)]);
}

/** The next width whose values do not straddle bytes. */
function aligned(width: number): number {
  if (width <= 2) return width;
  return width <= 4 ? 4 : Math.min(WIDTH_MAX, Math.ceil(width / 8) * 8);
}

function bitLength(value: number): number {
  return value < 2 ** 32 ? 32 - Math.clz32(value) : 64 - Math.clz32(value / 2 ** 32);
}

function differences(values: Float64Array): Float64Array {
  const deltas = new Float64Array(Math.max(0, values.length - 1));
  for (let i = 0; i < deltas.length; i++) deltas[i] = (values[i + 1] ?? 0) - (values[i] ?? 0);
  return deltas;
}

function median(values: Float64Array): number {
  return values.length === 0 ? 0 : (values.slice().sort()[values.length >> 1] ?? 0);
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function unzigzag(code: number): number {
  return code % 2 === 0 ? code / 2 : -(code + 1) / 2;
}
