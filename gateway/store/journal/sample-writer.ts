import { BLOCK_SAMPLES_MAX } from '../../limits.ts';
import {
  column,
  integerBytes,
  kernels,
  values as kernelValues,
  SIGNED_BYTES_MAX,
  timeBytes,
} from '../block/kernels/kernels.ts';
import { ByteWriter } from '../bytes.ts';
import { refuse } from './row.ts';
import type { RowScale } from './row-scales.ts';

/** Fewer numbers than this are copied one by one, which is faster than to make a view of them. */
const SET_COUNT_MIN = 24;

/**
 * The times and the integers of a row, each one signed integer after the other. The kernels write them, and hold what they
 * wrote until their memory is full: between the beginning of a row and its end nobody else may use them.
 */
export class SampleWriter {
  readonly #times = new ByteWriter();
  readonly #integers = new ByteWriter();
  /** Bytes that are still with the kernels. */
  #timesEnd = 0;
  #integersEnd = 0;

  /** Begins a row whose first time is `base`. */
  begin(base: number): void {
    this.#times.clear();
    this.#integers.clear();
    this.#timesEnd = 0;
    this.#integersEnd = 0;
    kernels.beginTimes(base);
  }

  /** JOURNAL-3.7: the times of a group; false where one of them makes the row wide: it is then to be begun again. */
  writeTimes(times: Float64Array): boolean {
    for (let from = 0; from < times.length; from += BLOCK_SAMPLES_MAX) {
      const piece = pieceOf(times, from);
      if (this.#timesEnd + piece.length * SIGNED_BYTES_MAX > timeBytes.length) this.#takeTimes();
      copy(piece, column);
      this.#timesEnd = kernels.writeTimes(piece.length, from === 0 ? 1 : 0, this.#timesEnd);
      if (this.#timesEnd < 0) return false;
    }
    return true;
  }

  /** JOURNAL-3.8. Throws CaissonError `journal-invalid` for what is no time. */
  writeWideTimes(times: Float64Array): void {
    for (const time of times) {
      if (!Number.isSafeInteger(time)) refuseTime(time);
      this.#times.signed(time);
    }
  }

  /** JOURNAL-3.9: the integers of a group; false, with nothing written, where one of `values` is not whole in the scale. */
  writeIntegers(values: Float64Array, { gain, offset, divide }: RowScale): boolean {
    if (this.#integersEnd + Math.min(values.length, BLOCK_SAMPLES_MAX) * SIGNED_BYTES_MAX > integerBytes.length) {
      this.#takeIntegers();
    }
    const start = this.#integers.length + this.#integersEnd;
    for (let from = 0; from < values.length; from += BLOCK_SAMPLES_MAX) {
      const piece = pieceOf(values, from);
      if (from > 0) this.#takeIntegers();
      copy(piece, kernelValues);
      const begins = from === 0 ? 1 : 0;
      const reached = divide
        ? kernels.writeQuotients(piece.length, gain, begins, this.#integersEnd)
        : kernels.writeMultiples(piece.length, gain, offset, begins, this.#integersEnd);
      if (reached < 0) {
        if (from > 0) this.#integers.truncate(start);
        return false;
      }
      this.#integersEnd = reached;
    }
    return true;
  }

  /** All times of the row, valid until the next begins. */
  takeTimes(): Uint8Array {
    this.#takeTimes();
    return this.#times.written();
  }

  /** All integers of the row, valid until the next begins. */
  takeIntegers(): Uint8Array {
    this.#takeIntegers();
    return this.#integers.written();
  }

  #takeTimes(): void {
    this.#times.bytes(timeBytes.subarray(0, this.#timesEnd));
    this.#timesEnd = 0;
  }

  #takeIntegers(): void {
    this.#integers.bytes(integerBytes.subarray(0, this.#integersEnd));
    this.#integersEnd = 0;
  }
}

export function refuseTime(time: number): never {
  return refuse('3.7', `time is ${time}, expected whole microseconds of magnitude below 2^53`);
}

/** As many numbers from `from` on as the kernels take at once. */
function pieceOf(numbers: Float64Array, from: number): Float64Array {
  return numbers.length <= BLOCK_SAMPLES_MAX ? numbers : numbers.subarray(from, from + BLOCK_SAMPLES_MAX);
}

function copy(from: Float64Array, to: Float64Array): void {
  if (from.length >= SET_COUNT_MIN) to.set(from);
  else for (let i = 0; i < from.length; i += 1) to[i] = from[i] as number;
}
