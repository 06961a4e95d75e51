import type { BlockDb } from '../../../gateway/store/block-db.ts';
import type { BlockReader } from '../../../gateway/store/block-reader.ts';

/** Where the large database of a central keeps {@link DayMark}s. */
const ARRIVALS_KEY = 'arrivals';

/** Days that are remembered, a hundred years. At the maximum: the oldest is forgotten, and what came then counts as of the next. */
const MARKS_MAX = 36_500;

/** What follows `position` came on `day`, up to the next mark; what stands before the first came before its day. */
type DayMark = readonly [day: number, position: number];

/**
 * The days on which packs came to a central over SQLite, whose rows know only the boxes' times, which may be wrong by decades: one mark
 * a day on which anything came.
 */
export class ArrivalDays {
  readonly #db: Pick<BlockReader, 'meta'>;
  #marks: readonly DayMark[] = [];

  constructor(db: Pick<BlockReader, 'meta'>) {
    this.#db = db;
    this.learn();
  }

  /** Reads anew what is known by heart: after a transaction that failed. */
  learn(): void {
    this.#marks = JSON.parse(this.#db.meta(ARRIVALS_KEY) ?? '[]') as DayMark[];
  }

  /**
   * To be called in a transaction of the database before anything is kept in it.
   * @param today number of the day of UTC
   */
  mark(db: BlockDb, today: number): void {
    const [last = Number.NEGATIVE_INFINITY] = this.#marks.at(-1) ?? [];
    if (today <= last) return;
    this.#marks = [...this.#marks, [today, db.lastPosition()] as const].slice(-MARKS_MAX);
    db.keepMeta(ARRIVALS_KEY, JSON.stringify(this.#marks));
  }

  /** Everything up to this position came before `day`; 0 where nothing is known to have. */
  before(day: number): number {
    const next = this.#marks.findIndex(([marked]) => marked >= day);
    if (next < 0) return this.#marks.length === 0 ? 0 : Number.MAX_SAFE_INTEGER;
    const [marked, position] = this.#marks[next] ?? [0, 0];
    return next > 0 || marked === day ? position : 0;
  }

  /** True where something came on a later day than what stands at a position: nothing more comes on that day. */
  isOver(position: number): boolean {
    const [, last = 0] = this.#marks.at(-1) ?? [];
    return position <= last;
  }

  /** Number of the day of UTC on which what stands at a position came; of what was there before days were marked, the day before. */
  dayOf(position: number): number {
    const mark = this.#marks.findLast(([, before]) => before < position);
    return mark?.[0] ?? (this.#marks[0]?.[0] ?? 0) - 1;
  }
}
