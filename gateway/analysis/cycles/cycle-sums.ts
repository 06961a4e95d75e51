/** What the samples of one channel within a cycle come to. What is not finite is no sample of it. */
export interface CycleSum {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly first: number;
  readonly last: number;
}

/** Sums of one channel over one cycle, of its values in the order of their times. */
export class CycleSummation {
  #count = 0;
  #min = 0;
  #max = 0;
  #sum = 0;
  #first = 0;
  #last = 0;

  add(values: Float64Array): void {
    let [count, min, max, sum, last] = [this.#count, this.#min, this.#max, this.#sum, this.#last];
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i] as number;
      // Of NaN and the infinities it is NaN.
      if (value - value !== 0) continue;
      if (count === 0) {
        this.#first = value;
        min = value;
        max = value;
      } else if (value < min) min = value;
      else if (value > max) max = value;
      count += 1;
      sum += value;
      last = value;
    }
    this.#count = count;
    this.#min = min;
    this.#max = max;
    this.#sum = sum;
    this.#last = last;
  }

  /** Undefined where there is no sample. */
  get result(): CycleSum | undefined {
    if (this.#count === 0) return undefined;
    const [count, min, max, first, last] = [this.#count, this.#min, this.#max, this.#first, this.#last];
    return { count, min, max, mean: this.#sum / count, first, last };
  }
}
