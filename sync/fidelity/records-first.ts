import type { AheadSource } from './ahead-source.ts';
import { BACKLOG_QUANTA } from './outlines-ahead.ts';

/** Packs that are looked at for one message, so that a long backlog keeps none waiting. */
const PACKS_MAX = 1024;

/** Finds packs of records whose turn is far away, each once, the oldest first: a table of laps is there before the laps are. */
export class RecordsFirst {
  readonly #source: Pick<AheadSource, 'recordPacks' | 'hasMoreThan'>;
  readonly #after: () => number;
  #lookedUpTo = 0;
  #found: readonly number[] = [];

  /** @param after position up to which everything was sent, or is on its way */
  constructor(source: Pick<AheadSource, 'recordPacks' | 'hasMoreThan'>, after: () => number) {
    this.#source = source;
    this.#after = after;
  }

  /** True where there are some; looks a little further where none is known. */
  isDue(quantumBytes: number): boolean {
    const after = this.#after();
    this.#found = this.#found.filter((position) => position > after);
    if (this.#found.length === 0) {
      const { positions, upTo } = this.#source.recordPacks(Math.max(this.#lookedUpTo, after), PACKS_MAX);
      this.#lookedUpTo = upTo;
      this.#found = positions;
    }
    return this.#found.length > 0 && this.#source.hasMoreThan(quantumBytes * BACKLOG_QUANTA, after);
  }

  /** What is due, given once. */
  take(): readonly number[] {
    const positions = this.#found;
    this.#found = [];
    return positions;
  }
}
