import { Buffer } from 'node:buffer';
import { BLOCK_SAMPLES_MAX, FOLD_STRETCHES_MAX } from '../../../limits.ts';
import { KERNELS_WASM } from './embedded.ts';

/**
 * The hot loops of reading and writing columns, in WebAssembly with SIMD (assembly.ts). They work on the areas below, which
 * are scratch memory of the thread: what stands in them is valid until the next column is read or written. 256 KiB in all,
 * whatever is decoded.
 *
 * Reading: {@link planes} are unpacked into {@link codes}, integers restored from those into {@link column}, and scaled there.
 * Writing: {@link values} become integers in {@link column}, those become {@link steps}, which leave {@link codes}, which are
 * counted and packed into {@link planes}.
 */

/** What assembly.ts exports. Counts are of elements or codes, at most BLOCK_SAMPLES_MAX. */
interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer };

  /** Integers of `width` bits (0 to 31) from planes (BLOCK-6.8) to codes, and back. */
  unpack(width: number, count: number): void;
  pack(width: number, count: number): void;

  /** Codes of at most SUMMED_WIDTH_MAX bits to integers (BLOCK-6.4). */
  restorePlain(count: number, base: number): void;
  restoreDelta(count: number, base: number, step: number): void;
  restoreDelta2(count: number, base: number, step: number): void;
  restoreGrid(count: number, base: number, pitch: number): void;

  /**
   * Looks for the offset of values: `(nearest + k * divisor) / unit`, with a gain of `divisor / unit`. Returns the `k` of the
   * least magnitude from `from` to `to` by which all but `most` of `probes` values, `stride` apart, come back bit by bit; 0
   * where there is none.
   */
  findOffset(
    probes: number,
    stride: number,
    nearest: number,
    divisor: number,
    unit: number,
    from: number,
    to: number,
    most: number,
  ): number;
  /** Greatest common divisor of all differences to the first integer of the column; 1 where there is none. */
  commonUnit(count: number): number;
  /** 1 where the column holds whole numbers; `count` at least 1. */
  areWhole(count: number): number;
  /** The column less `base` to steps, which must be below STEP_MAX. */
  toSteps(count: number, base: number): void;

  /** Steps to `count` codes (BLOCK-6.4). The base of all but plain is the first step. */
  leavePlain(count: number): void;
  leaveDelta(count: number, step: number): void;
  leaveDelta2(count: number): void;
  leaveGrid(count: number, pitch: number): void;

  /** Over the column: `x * gain + offset` with each operation rounded, `x * gain`, `x / divisor`, `(x - origin) / unit`. */
  scale(count: number, gain: number, offset: number): void;
  multiply(count: number, gain: number): void;
  divide(count: number, divisor: number): void;
  toUnits(count: number, origin: number, unit: number): void;

  /**
   * Values to integers of a gain and an offset, or of a divisor; notes in places which do not come back bit by bit, and
   * stops above `most`. Returns how many; where count is odd, the last may be one past the end.
   */
  integersByGain(count: number, gain: number, offset: number, most: number): number;
  integersByDivisor(count: number, divisor: number, most: number): number;

  /** Least and greatest of elements [from, to) of the column, to extent. */
  measure(from: number, to: number): void;
  /** 1 where no element of the column is less than the one before; `count` at least 1. */
  ascends(count: number): number;
  /** Sum of elements [from, to), NaN left out, added in four interleaved parts. */
  sum(from: number, to: number): number;

  /**
   * As restoring, but to integers of 32 bits less the first one, which take the places of their codes; the last one unpacks
   * codes of at most 15 bits too, of which eight with their steps have a sum of 16 bits.
   */
  sumDelta(count: number, step: number): void;
  sumDelta2(count: number, step: number): void;
  unpackAndSumDelta(width: number, count: number, step: number): void;

  /**
   * Corners of `stretches` between {@link cuts}: `base` plus those of integers of 32 bits that begin `skipped` places before
   * the codes, to the column; those of the column, NaN neither least nor greatest, to {@link corners}.
   */
  foldIntegers(stretches: number, skipped: number, base: number): void;
  foldValues(stretches: number): void;

  /** Fills the length counts and entropies below; returns how many codes differ from the one before. */
  countCodes(count: number): number;
  /**
   * Signed integers (BLOCK-2.3) of a row of the journal, behind the `end` bytes that are there: the first `count` of the
   * column as times, to {@link timeBytes}; of values, in a scale, to {@link integerBytes}. `begins` is 0 where they go on with
   * the group before. Each returns where they end; -1 where one of them cannot stand so.
   */
  beginTimes(firstTime: number): void;
  writeTimes(count: number, begins: number, end: number): number;
  writeMultiples(count: number, gain: number, offset: number, begins: number, end: number): number;
  writeQuotients(count: number, divisor: number, begins: number, end: number): number;

  /** Notes in places which codes are above `most`; returns how many. */
  findAbove(count: number, most: number): number;
}

/** Not among the types of Node.js. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

/** Bits of the widest residual. */
export const WIDTH_MAX = 51;

/** Codes of more bits may not be added four at a time in 32 bits. */
export const SUMMED_WIDTH_MAX = 27;

/** Steps are below this, so that the codes of every prediction have at most PACKED_WIDTH_MAX bits. */
export const STEP_MAX = 2 ** 29;

/** Codes of more bits are not packed. */
export const PACKED_WIDTH_MAX = 31;

export const kernels = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(KERNELS_WASM, 'base64')), {})
  .exports as Kernels;

const { buffer } = kernels.memory;

// Places as in areas.as.
export const planes = new Uint8Array(buffer, 0x2000, (BLOCK_SAMPLES_MAX * WIDTH_MAX) / 8);
export const codes = new Uint32Array(buffer, 0xb000, BLOCK_SAMPLES_MAX);
export const places = new Uint32Array(buffer, 0x1_0000, BLOCK_SAMPLES_MAX);
export const column = new Float64Array(buffer, 0x1_5000, BLOCK_SAMPLES_MAX);
export const steps = new Int32Array(buffer, 0x1_e000, BLOCK_SAMPLES_MAX);
export const values = new Float64Array(buffer, 0x2_7000, BLOCK_SAMPLES_MAX);

/** While reading: where stretches of a column begin, ascending, and where the last one ends. None is empty. */
export const cuts = new Uint32Array(buffer, 0x2_7000, FOLD_STRETCHES_MAX + 1);

/** While reading: of each stretch its corners: the least, the greatest, the first and the last value. */
export const corners = new Float64Array(buffer, 0x2_8000, 4 * FOLD_STRETCHES_MAX);

/** Of rows of the journal, BLOCK_SAMPLES_MAX integers of at most SIGNED_BYTES_MAX: what stands in the areas of planes and steps. */
export const SIGNED_BYTES_MAX = 9;
export const integerBytes = new Uint8Array(buffer, 0x2000, BLOCK_SAMPLES_MAX * SIGNED_BYTES_MAX);
export const timeBytes = new Uint8Array(buffer, 0x1_e000, BLOCK_SAMPLES_MAX * SIGNED_BYTES_MAX);

/** How many codes have each length in bits. */
export const lengthCounts = new Uint32Array(buffer, 0x3_1840, 33);

/** Least and greatest, NaN left out; +Infinity and -Infinity where nothing else is there. */
export const extent = new Float64Array(buffer, 0x3_1900, 2);

/** Bytes of the low 4 bits of codes, of their least bytes, and of the two low bytes of each, at their entropy. */
export const entropies = new Float64Array(buffer, 0x3_1910, 3);
