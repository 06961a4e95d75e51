/** Silence that is a source's right before its intervals are known, and at least; microseconds. */
const PATIENCE_UNKNOWN_US = 1e6;
const PATIENCE_LEAST_US = 250e3;

/** A source is silent after so many of its usual intervals, and twice its longest of late. */
const SILENT_INTERVALS = 3;
const SILENT_LONGEST = 2;

/** Weight of the newest interval in the usual one, and how fast the longest is forgotten. */
const INTERVAL_WEIGHT = 0.1;
const LONGEST_DECAY = 0.05;

/** What is heard this soon after the last belongs to the same message; microseconds. */
const SAME_MESSAGE_US = 1e3;

export interface ChoiceSettings {
  /** Silence after which the next best takes over, microseconds; undefined: by the rate observed. */
  readonly silentUs: number | undefined;
  /** How long a better one speaks without a break until it is gone back to, microseconds. */
  readonly returnUs: number;
}

/**
 * Chooses among the sources of one quantity, best first, by when they were heard. Nothing happens but when one is heard: of a
 * quantity that nobody measures there is nothing to choose. The best that speaks is chosen; one that comes back must have
 * spoken for a while, so that a loose plug does not make the choice go to and fro.
 */
export class RankedChoice {
  readonly #settings: ChoiceSettings;
  readonly #heardAt: Float64Array;
  readonly #steadySince: Float64Array;
  readonly #usual: Float64Array;
  readonly #longest: Float64Array;
  #chosen = -1;

  constructor(ranks: number, settings: ChoiceSettings) {
    this.#settings = settings;
    this.#heardAt = new Float64Array(ranks).fill(Number.NaN);
    this.#steadySince = new Float64Array(ranks).fill(Number.NaN);
    this.#usual = new Float64Array(ranks).fill(Number.NaN);
    this.#longest = new Float64Array(ranks);
  }

  /** Rank of the one that is chosen, 0 the best; -1 before any was heard. */
  get chosen(): number {
    return this.#chosen;
  }

  /** One was heard at box time `now`, microseconds. True when it is the chosen one. */
  hear(rank: number, now: number): boolean {
    this.#note(rank, now);
    if (this.#isToChange(rank, now)) this.#chosen = rank;
    return this.#chosen === rank;
  }

  #isToChange(rank: number, now: number): boolean {
    const chosen = this.#chosen;
    if (chosen < 0) return true;
    if (rank === chosen) return false;
    if (rank < chosen && now - at(this.#steadySince, rank) >= this.#settings.returnUs) return true;
    if (this.#speaks(chosen, now)) return false;
    for (let better = 0; better < rank; better += 1) if (this.#speaks(better, now)) return false;
    return true;
  }

  #speaks(rank: number, now: number): boolean {
    return now - at(this.#heardAt, rank) <= this.#patience(rank);
  }

  #note(rank: number, now: number): void {
    const gap = now - at(this.#heardAt, rank);
    if (!this.#speaks(rank, now)) {
      this.#steadySince[rank] = now;
    } else if (gap >= SAME_MESSAGE_US) {
      const usual = at(this.#usual, rank);
      const longest = at(this.#longest, rank);
      this.#usual[rank] = Number.isNaN(usual) ? gap : usual + INTERVAL_WEIGHT * (gap - usual);
      this.#longest[rank] = Math.max(gap, longest + LONGEST_DECAY * (gap - longest));
    }
    this.#heardAt[rank] = now;
  }

  #patience(rank: number): number {
    const { silentUs } = this.#settings;
    if (silentUs !== undefined) return silentUs;
    const usual = at(this.#usual, rank);
    if (Number.isNaN(usual)) return PATIENCE_UNKNOWN_US;
    return Math.max(PATIENCE_LEAST_US, SILENT_INTERVALS * usual, SILENT_LONGEST * at(this.#longest, rank));
  }
}

function at(column: Float64Array, rank: number): number {
  return column[rank] as number;
}
