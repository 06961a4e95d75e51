/** What the samples of one channel within a cycle come to. What is not finite is no sample of it. */
export interface CycleSum {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly first: number;
  readonly last: number;
}

const FIELDS = 6;
const [COUNT, MIN, MAX, SUM, FIRST, LAST] = [0, 1, 2, 3, 4, 5];

/** Sums of many channels over one cycle, each at a place of its own; cleared for the next. */
export class CycleSums {
  #rows = new Float64Array(64 * FIELDS);

  /** Adds samples [from, to) at `place`, of those with a time of `since` or later; returns how many were before it. */
  addColumns(
    place: number,
    since: number,
    { times, values, from, to }: { times: Float64Array; values: Float64Array; from: number; to: number },
  ): number {
    let late = 0;
    for (let i = from; i < to; i += 1) {
      if ((times[i] as number) < since) late += 1;
      else this.add(place, values[i] as number);
    }
    return late;
  }

  add(place: number, value: number): void {
    const row = place * FIELDS;
    if (row >= this.#rows.length) this.#grow(row);
    const rows = this.#rows;
    // Of NaN and the infinities it is NaN.
    if (value - value !== 0) return;
    if (rows[row + COUNT] === 0) {
      rows[row + MIN] = value;
      rows[row + MAX] = value;
      rows[row + FIRST] = value;
    } else if (value < (rows[row + MIN] as number)) rows[row + MIN] = value;
    else if (value > (rows[row + MAX] as number)) rows[row + MAX] = value;
    rows[row + COUNT] = (rows[row + COUNT] as number) + 1;
    rows[row + SUM] = (rows[row + SUM] as number) + value;
    rows[row + LAST] = value;
  }

  /** Undefined where there is no sample. */
  at(place: number): CycleSum | undefined {
    const row = this.#rows.subarray(place * FIELDS, (place + 1) * FIELDS);
    const count = row[COUNT] ?? 0;
    if (count === 0) return undefined;
    const [min = 0, max = 0, sum = 0, first = 0, last = 0] = row.subarray(MIN);
    return { count, min, max, mean: sum / count, first, last };
  }

  clear(): void {
    this.#rows.fill(0);
  }

  #grow(row: number): void {
    const longer = new Float64Array(2 * (row + FIELDS));
    longer.set(this.#rows);
    this.#rows = longer;
  }
}
