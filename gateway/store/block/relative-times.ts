import { type ByteReader, signedLength, varintLength } from '../bytes.ts';
import type { ColumnForm } from './column.ts';
import { formsOfIntegers } from './integer-forms.ts';

/**
 * Times as those of an earlier column of the pack, and what each misses these by (BLOCK-5.5). Frames that one device sends
 * after each other are late together: what is left of the times of the second is what lies between the two.
 */

/** Number of the encoding. */
export const RELATIVE = 2;

/** References that may lead one to the next, before a column that has none (BLOCK-5.6): to read one reads them all. */
export const REFERENCES_MAX = 4;

/** Greatest magnitude of a shift. */
const SHIFT_MAX = 4096;

/** Earlier columns that are looked at, and by how many times they may differ in length. */
const CANDIDATES_MAX = 32;
const COUNTS_APART_MAX = 64;

/** Shorter columns have nothing to gain. */
const COUNT_MIN = 8;

/** Places at which an earlier column is tried. */
const PROBES = 32;

/** Time `i` is about that of place `i + shift`, or of the first or last place, of the column that stands `back` before. */
export interface Reference {
  readonly back: number;
  readonly shift: number;
}

/** A column that stands before. */
export interface EarlierTimes {
  readonly times: Float64Array;
  /** How many references lead from it to a column that has none. */
  readonly depth: number;
}

/** Reads what stands before the run of integers in the time column `index` of a pack. */
export function readReference(content: ByteReader, index: number): Reference {
  const back = content.varint();
  if (back < 1 || back > index) content.fail('5.5', `time column ${index} refers to ${back} before it`);
  const shift = content.signed();
  if (Math.abs(shift) > SHIFT_MAX) content.fail('5.5', `shift is ${shift}, expected at most ${SHIFT_MAX}`);
  return { back, shift };
}

/** Adds to each of `misses` the time that it missed. */
export function addReference(misses: Float64Array, times: Float64Array, shift: number): void {
  const count = misses.length;
  const from = Math.min(count, Math.max(0, -shift));
  const to = Math.max(from, Math.min(count, times.length - shift));
  const [first = 0, last = 0] = [times[0], times[times.length - 1]];
  for (let i = 0; i < from; i++) misses[i] = (misses[i] ?? 0) + first;
  for (let i = from; i < to; i++) misses[i] = (misses[i] ?? 0) + (times[i + shift] ?? 0);
  for (let i = to; i < count; i++) misses[i] = (misses[i] ?? 0) + last;
}

/** The reference of `times` that probably leaves the least; undefined where none of `earlier`, nearest last, will do. */
export function referenceOf(times: Float64Array, earlier: readonly EarlierTimes[]): Reference | undefined {
  if (times.length < COUNT_MIN) return undefined;
  let best: Reference | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let back = 1; back <= Math.min(earlier.length, CANDIDATES_MAX); back++) {
    const candidate = earlier[earlier.length - back];
    if (candidate === undefined || candidate.depth >= REFERENCES_MAX) continue;
    if (Math.abs(candidate.times.length - times.length) > COUNTS_APART_MAX) continue;
    const nearest = shiftOf(times, candidate.times);
    for (const shift of [nearest, nearest - 1]) {
      const bits = probedBits(times, candidate.times, shift);
      if (bits >= least || Math.abs(shift) > SHIFT_MAX) continue;
      least = bits;
      best = { back, shift };
    }
  }
  return best;
}

/** The ways to write `times` by that reference to `reference`; misses beyond what a run can hold have none. */
export function relativeForms(
  times: Float64Array,
  reference: Float64Array,
  { back, shift }: Reference,
  missMax: number,
): ColumnForm[] {
  const misses = new Float64Array(times.length);
  addReference(misses, reference, shift);
  for (let i = 0; i < misses.length; i++) {
    const miss = (times[i] ?? 0) - (misses[i] ?? 0);
    if (Math.abs(miss) > missMax) return [];
    misses[i] = miss;
  }
  const head = varintLength(back) + signedLength(shift);
  return formsOfIntegers(misses, ['plain', 'delta']).map(({ bytes, compressedBytes, write }) => ({
    id: RELATIVE,
    bytes: head + bytes,
    compressedBytes: head + compressedBytes,
    write(out) {
      out.varint(back);
      out.signed(shift);
      write(out);
    },
  }));
}

/** By how many places the first time of `reference` that is not before the middle one of `times` stands on. */
function shiftOf(times: Float64Array, reference: Float64Array): number {
  const middle = times.length >> 1;
  const time = times[middle] ?? 0;
  let [low, high] = [0, reference.length];
  while (low < high) {
    const place = (low + high) >>> 1;
    if ((reference[place] ?? 0) < time) low = place + 1;
    else high = place;
  }
  return low - middle;
}

/** About how many bits the misses take, by those of some places from all over. */
function probedBits(times: Float64Array, reference: Float64Array, shift: number): number {
  const last = reference.length - 1;
  const stride = Math.max(1, Math.floor(times.length / PROBES));
  let bits = 0;
  let before: number | undefined;
  for (let i = stride >> 1; i < times.length; i += stride) {
    const miss = (times[i] ?? 0) - (reference[Math.min(last, Math.max(0, i + shift))] ?? 0);
    if (before !== undefined) bits += Math.log2(1 + Math.abs(miss - before));
    before = miss;
  }
  return bits;
}
