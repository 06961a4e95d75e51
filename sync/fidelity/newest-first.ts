import type { AheadSource } from './ahead-source.ts';

/** Positions that are looked up at a time. */
const PACKS_MAX = 64;

/** Walks packs from the newest to the oldest, each once; what comes to be meanwhile is next. */
export class NewestFirst {
  readonly #source: Pick<AheadSource, 'packsBefore'>;
  /** Stretches of positions that were not walked yet, (after, upTo], the newest at the end. */
  readonly #stretches: { readonly after: number; upTo: number }[] = [];
  #top: number;

  /** @param after position from which on they are walked */
  constructor(source: Pick<AheadSource, 'packsBefore'>, after: number) {
    this.#source = source;
    this.#top = after;
  }

  /** The next few; empty where all were given. */
  next(): readonly number[] {
    const [newest = this.#top] = this.#source.packsBefore(Number.MAX_SAFE_INTEGER, this.#top, 1);
    if (newest > this.#top) this.#stretches.push({ after: this.#top, upTo: newest });
    this.#top = newest;
    for (let last = this.#stretches.at(-1); last !== undefined; last = this.#stretches.at(-1)) {
      const positions = this.#source.packsBefore(last.upTo + 1, last.after, PACKS_MAX);
      const lowest = positions.at(-1);
      if (lowest !== undefined) {
        last.upTo = lowest - 1;
        return positions;
      }
      this.#stretches.pop();
    }
    return [];
  }
}
