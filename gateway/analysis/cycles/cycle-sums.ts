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
const COUNT = 0;
const MIN = 1;
const MAX = 2;
const SUM = 3;
const FIRST = 4;
const LAST = 5;

/** Sums of many channels over one cycle, each at a place of its own; cleared for the next. */
export class CycleSums {
  #rows = new Float64Array(64 * FIELDS);

  /** Adds samples [from, to) at `place`, of those with a time of `since` or later; returns how many were before it. */
  addColumns(
    place: number,
    since: number,
    { times, values, from, to }: { times: Float64Array; values: Float64Array; from: number; to: number },
  ): number {
    const row = this.#rowOf(place);
    const rows = this.#rows;
    let [count, min, max] = [rows[row + COUNT] as number, rows[row + MIN] as number, rows[row + MAX] as number];
    let [sum, first, last] = [rows[row + SUM] as number, rows[row + FIRST] as number, rows[row + LAST] as number];
    let late = 0;
    for (let i = from; i < to; i += 1) {
      const value = values[i] as number;
      if ((times[i] as number) < since) {
        late += 1;
        continue;
      }
      // Of NaN and the infinities it is NaN.
      if (value - value !== 0) continue;
      if (count === 0) {
        first = value;
        min = value;
        max = value;
      } else if (value < min) min = value;
      else if (value > max) max = value;
      count += 1;
      sum += value;
      last = value;
    }
    rows[row + COUNT] = count;
    rows[row + MIN] = min;
    rows[row + MAX] = max;
    rows[row + SUM] = sum;
    rows[row + FIRST] = first;
    rows[row + LAST] = last;
    return late;
  }

  /** As {@link CycleSums.addColumns}, of one sample that is not late. */
  add(place: number, value: number): void {
    if (value - value !== 0) return;
    const row = this.#rowOf(place);
    const rows = this.#rows;
    const count = rows[row + COUNT] as number;
    if (count === 0) {
      rows[row + MIN] = value;
      rows[row + MAX] = value;
      rows[row + FIRST] = value;
    } else if (value < (rows[row + MIN] as number)) rows[row + MIN] = value;
    else if (value > (rows[row + MAX] as number)) rows[row + MAX] = value;
    rows[row + COUNT] = count + 1;
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

  #rowOf(place: number): number {
    const row = place * FIELDS;
    if (row >= this.#rows.length) this.#grow(row);
    return row;
  }

  #grow(row: number): void {
    const longer = new Float64Array(2 * (row + FIELDS));
    longer.set(this.#rows);
    this.#rows = longer;
  }
}
