/** A day of UTC. */
export const DAY_MS = 86_400_000;

/** A clock that went another way than time itself by more than this was set, milliseconds. */
const JUMP_MS = 60_000;

/** Spent ahead on paper, so that a kill forgets nothing: a hundredth of the budget, within these bounds, bytes. */
const AHEAD_PART = 0.01;
const AHEAD_BYTES_MIN = 64 * 1024;
const AHEAD_BYTES_MAX = 4 << 20;

/** What is kept of a budget. */
export interface SpentDay {
  /** Days since 1970, of UTC. */
  readonly day: number;
  /** Spent on that day, with what may be spent before it is kept again. */
  readonly bytes: number;
  /** When that was written, UTC in milliseconds. */
  readonly writtenMs: number;
}

/** Where it is kept. */
export interface SpentDays {
  /** The row that was written last. */
  last(): SpentDay | undefined;
  of(day: number): SpentDay | undefined;
  /** Durable when it returns. */
  keep(row: SpentDay): void;
}

export interface DailyBudgetParts {
  readonly bytesPerDay: number;
  readonly days: SpentDays;
  /** UTC, milliseconds. */
  readonly utcMs: () => number;
  /** Of a clock that never steps. */
  readonly steadyMs: () => number;
}

/**
 * Bytes that may be spent on a day of UTC. It survives restarts, and a clock that is set gives no second budget: what was
 * spent before it was set counts on the day it was set to, and the next budget comes with the first midnight when a whole day has
 * passed since this one began. After a restart a clock that went on is believed, since nobody knows how
 * long this end was off.
 */
export class DailyBudget {
  readonly bytesPerDay: number;
  readonly #parts: DailyBudgetParts;
  readonly #aheadBytes: number;
  #day: number;
  #used: number;
  #kept: number;
  #utcMs: number;
  #steadyMs: number;
  /** When this day's began, by the clock that never steps. */
  #beganMs: number;
  /** True where the clock was set since. */
  #wasSet = false;
  #isClosed = false;

  constructor(parts: DailyBudgetParts) {
    this.#parts = parts;
    this.bytesPerDay = parts.bytesPerDay;
    this.#aheadBytes = Math.min(AHEAD_BYTES_MAX, Math.max(AHEAD_BYTES_MIN, parts.bytesPerDay * AHEAD_PART));
    this.#utcMs = parts.utcMs();
    this.#steadyMs = parts.steadyMs();
    this.#beganMs = this.#steadyMs;
    this.#day = dayOf(this.#utcMs);
    const last = parts.days.last();
    const isBack = last !== undefined && this.#utcMs < last.writtenMs - JUMP_MS;
    this.#used = Math.max(parts.days.of(this.#day)?.bytes ?? 0, isBack ? last.bytes : 0);
    this.#kept = parts.days.of(this.#day)?.bytes ?? 0;
  }

  /** So many bytes more have passed. */
  spend(bytes: number): void {
    this.#look();
    this.#used += bytes;
    if (this.#used + this.#aheadBytes / 2 > this.#kept) this.#keep(this.#used + this.#aheadBytes);
  }

  /** Of today, bytes. */
  get used(): number {
    this.#look();
    return this.#used;
  }

  get left(): number {
    return Math.max(0, this.bytesPerDay - this.used);
  }

  /** When the next day begins, UTC in milliseconds. */
  get nextDayMs(): number {
    return (this.#day + 1) * DAY_MS;
  }

  /** Writes what was really spent, and nothing more. */
  close(): void {
    this.#look();
    if (this.#kept !== this.#used) this.#keep(this.#used);
    this.#isClosed = true;
  }

  #look(): void {
    const [utcMs, steadyMs] = [this.#parts.utcMs(), this.#parts.steadyMs()];
    this.#wasSet ||= Math.abs(utcMs - this.#utcMs - (steadyMs - this.#steadyMs)) > JUMP_MS;
    this.#utcMs = utcMs;
    this.#steadyMs = steadyMs;
    const day = dayOf(utcMs);
    if (day === this.#day) return;
    const before = this.#parts.days.of(day)?.bytes ?? 0;
    this.#day = day;
    this.#kept = before;
    if (this.#wasSet && steadyMs - this.#beganMs < DAY_MS) {
      this.#used = Math.max(before, this.#used);
      return;
    }
    this.#used = before;
    this.#beganMs = steadyMs;
    this.#wasSet = false;
  }

  #keep(bytes: number): void {
    if (this.#isClosed) return;
    this.#parts.days.keep({ day: this.#day, bytes, writtenMs: this.#utcMs });
    this.#kept = bytes;
  }
}

function dayOf(utcMs: number): number {
  return Math.floor(utcMs / DAY_MS);
}
