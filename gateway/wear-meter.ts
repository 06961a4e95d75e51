/** How fast the disk of the store wears, and how long it lasts at that rate. Pure: counters in, figures out. */

const DAY_MS = 86_400_000;
const DAYS_A_YEAR = 365.25;

/** The rate is that of so long, looked at in pieces: a night is part of it, last week is not. */
const WINDOW_MS = DAY_MS;
const PIECE_MS = 10 * 60_000;

/** Less than this says nothing of a day. */
const SPAN_MIN_MS = 60_000;

/** What is carried from run to run. */
export interface WearRecord {
  /** UTC at which metering began, microseconds. */
  readonly since: number;
  /** Bytes written since, while a gateway ran. */
  readonly bytes: number;
}

export interface WearBudget {
  /** How long the disk must last, years from the beginning of metering. */
  readonly lifetimeYears: number;
  /** What its maker says can be written to it, terabytes; undefined: not known. */
  readonly enduranceTB?: number | undefined;
}

export interface WearStatus {
  /** Bytes written to the disk since metering began. */
  readonly writtenBytes: number;
  /** Bytes a day at present; NaN before a minute has passed. */
  readonly bytesPerDay: number;
  /** Bytes written for each sample committed, at present; NaN where there is none. */
  readonly bytesPerSample: number;
  /** How long it lasts at that rate; NaN where endurance or rate are not known. */
  readonly yearsLeft: number;
  /** Share of its life that is used: by what was written or by its own account, whichever is more; NaN where neither is known. */
  readonly used: number;
  /** True where it will not last as long as it must. */
  readonly isOverBudget: boolean;
}

interface Point {
  readonly atMs: number;
  readonly bytes: number;
  readonly samples: number;
}

export class WearMeter {
  readonly #budget: WearBudget;
  readonly #since: number;
  #bytes: number;
  /** Counter at the last look; undefined before the first. */
  #counter: number | undefined;
  /** Oldest first; the last is that of now. */
  readonly #points: Point[] = [];

  /** @param record of the runs before; undefined: metering begins at UTC `now`, microseconds */
  constructor(budget: WearBudget, record: WearRecord | undefined, now: number) {
    this.#budget = budget;
    this.#since = record?.since ?? now;
    this.#bytes = record?.bytes ?? 0;
  }

  get record(): WearRecord {
    return { since: this.#since, bytes: this.#bytes };
  }

  /**
   * Takes in a reading.
   * @param atMs monotonic
   * @param counter bytes written since the machine started; a lesser one than before: the machine began to count anew
   * @param samples committed since the process started
   */
  observe(atMs: number, counter: number, samples: number): void {
    if (this.#counter !== undefined) this.#bytes += counter >= this.#counter ? counter - this.#counter : counter;
    this.#counter = counter;
    const point = { atMs, bytes: this.#bytes, samples };
    const [beforeLast, last] = this.#points.slice(-2);
    if (last !== undefined && beforeLast !== undefined && atMs - beforeLast.atMs < PIECE_MS) this.#points.pop();
    this.#points.push(point);
    while (this.#points.length > 2 && atMs - (this.#points[1] as Point).atMs >= WINDOW_MS) this.#points.shift();
  }

  /**
   * @param now UTC, microseconds
   * @param lifeUsed share of its life that the disk itself says is used, 0 to 1
   */
  status(now: number, lifeUsed = Number.NaN): WearStatus {
    const { enduranceTB, lifetimeYears } = this.#budget;
    const bytesPerDay = this.#bytesPerDay();
    const endurance = enduranceTB === undefined ? Number.NaN : enduranceTB * 1e12;
    const byWrites = this.#bytes / endurance;
    const used = Number.isNaN(byWrites) || lifeUsed > byWrites ? lifeUsed : byWrites;
    const yearsLeft = (Math.max(0, 1 - used) * endurance) / bytesPerDay / DAYS_A_YEAR;
    const age = (now - this.#since) / 1e3 / DAY_MS / DAYS_A_YEAR;
    return {
      writtenBytes: this.#bytes,
      bytesPerDay,
      bytesPerSample: this.#bytesPerSample(),
      yearsLeft,
      used,
      isOverBudget: yearsLeft < lifetimeYears - age,
    };
  }

  #bytesPerDay(): number {
    const { first, last } = this.#span();
    const span = last.atMs - first.atMs;
    return span < SPAN_MIN_MS ? Number.NaN : ((last.bytes - first.bytes) / span) * DAY_MS;
  }

  #bytesPerSample(): number {
    const { first, last } = this.#span();
    const samples = last.samples - first.samples;
    return samples > 0 ? (last.bytes - first.bytes) / samples : Number.NaN;
  }

  #span(): { first: Point; last: Point } {
    const nothing = { atMs: 0, bytes: 0, samples: 0 };
    return { first: this.#points[0] ?? nothing, last: this.#points.at(-1) ?? nothing };
  }
}
