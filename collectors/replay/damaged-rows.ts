/** Lines of one reason whose numbers are kept. Further ones are counted. */
export const DAMAGED_LINES_MAX = 8;

/** Why a row was not used. */
export type RowDamage = 'line-too-long' | 'bad-quotes' | 'cell-count' | 'bad-time' | 'bad-number';

/** Rows that were not used for one reason. */
export interface DamagedLines {
  readonly reason: RowDamage;
  readonly count: number;
  /** Numbers of the first of the lines, from 1. */
  readonly lines: readonly number[];
}

/** Counts the rows that could not be used, and remembers where the first ones of each kind stand. */
export class DamagedRows {
  readonly counts: Record<string, number> = {};
  readonly #lines = new Map<RowDamage, number[]>();
  total = 0;

  add(reason: RowDamage, line: number): void {
    this.total += 1;
    this.counts[reason] = (this.counts[reason] ?? 0) + 1;
    const lines = this.#lines.get(reason) ?? [];
    if (lines.length < DAMAGED_LINES_MAX && !lines.includes(line)) lines.push(line);
    this.#lines.set(reason, lines);
  }

  list(): DamagedLines[] {
    return [...this.#lines].map(([reason, lines]) => ({ reason, count: this.counts[reason] ?? 0, lines: [...lines] }));
  }
}
