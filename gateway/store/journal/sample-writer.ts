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

  /** JOURNAL-3.7: times [from, to) of a group; false where one of them makes the row wide: it is then to be begun again. */
  writeTimes(times: Float64Array, from: number, to: number): boolean {
    for (let at = from; at < to; at += BLOCK_SAMPLES_MAX) {
      const count = Math.min(to - at, BLOCK_SAMPLES_MAX);
      if (this.#timesEnd + count * SIGNED_BYTES_MAX > timeBytes.length) this.#takeTimes();
      copy(times, at, count, column);
      this.#timesEnd = kernels.writeTimes(count, at === from ? 1 : 0, this.#timesEnd);
      if (this.#timesEnd < 0) return false;
    }
    return true;
  }

  /** JOURNAL-3.8. Throws CaissonError `journal-invalid` for what is no time. */
  writeWideTimes(times: Float64Array, from: number, to: number): void {
    for (let at = from; at < to; at += 1) {
      const time = times[at] as number;
      if (!Number.isSafeInteger(time)) refuseTime(time);
      this.#times.signed(time);
    }
  }

  /** JOURNAL-3.9: integers [from, to) of a group; false, with nothing written, where one of them is not whole in the scale. */
  writeIntegers(values: Float64Array, from: number, to: number, { gain, offset, divide }: RowScale): boolean {
    if (this.#integersEnd + Math.min(to - from, BLOCK_SAMPLES_MAX) * SIGNED_BYTES_MAX > integerBytes.length) {
      this.#takeIntegers();
    }
    const start = this.#integers.length + this.#integersEnd;
    for (let at = from; at < to; at += BLOCK_SAMPLES_MAX) {
      const count = Math.min(to - at, BLOCK_SAMPLES_MAX);
      if (at > from) this.#takeIntegers();
      copy(values, at, count, kernelValues);
      const begins = at === from ? 1 : 0;
      const reached = divide
        ? kernels.writeQuotients(count, gain, begins, this.#integersEnd)
        : kernels.writeMultiples(count, gain, offset, begins, this.#integersEnd);
      if (reached < 0) {
        if (at > from) this.#integers.truncate(start);
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

function copy(source: Float64Array, from: number, count: number, target: Float64Array): void {
  if (count >= SET_COUNT_MIN) target.set(source.subarray(from, from + count));
  else for (let i = 0; i < count; i += 1) target[i] = source[from + i] as number;
}
