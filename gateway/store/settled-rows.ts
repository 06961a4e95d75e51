/**
 * How long a sample may be on its way from being taken in to being published, microseconds: as long as a turn of main's event loop that
 * is held up.
 */
const PUBLISHED_WITHIN_US = 2_000_000;

/** Time between two marks, microseconds, and how many there may be. At the maximum: no new ones until seals have caught up. */
const MARK_INTERVAL_US = 500_000;
const MARKS_MAX = 1024;

interface Mark {
  readonly time: number;
  readonly row: number;
}

/** Knows until when everything that was taken in is in blocks and gaps, by the oldest row of the journal that is still needed. */
export class SettledRows {
  /** By time and row, ascending: what was published before `time` stands in rows before `row`. */
  readonly #marks: Mark[] = [];

  /** All that was published before `time`, monotonic microseconds, stands in rows before `nextRow`. */
  committed(time: number, nextRow: number): void {
    const last = this.#marks.at(-1);
    if (last !== undefined && time - last.time < MARK_INTERVAL_US) return;
    if (this.#marks.length < MARKS_MAX) this.#marks.push({ time, row: nextRow });
  }

  /**
   * What was taken in before the returned time, monotonic microseconds, stands in rows before `oldestRow`; undefined where nothing is
   * known.
   */
  before(oldestRow: number): number | undefined {
    const marks = this.#marks;
    while (marks[1] !== undefined && marks[1].row <= oldestRow) marks.shift();
    const [mark] = marks;
    return mark === undefined || mark.row > oldestRow ? undefined : mark.time - PUBLISHED_WITHIN_US;
  }
}
