import type { AheadSource, Wish } from './ahead-source.ts';

/** Wishes of one call that are open. At the maximum: the oldest is dropped; its samples come in their turn. */
const WISHES_MAX = 64;

/** What someone at the other end needs now. A wish is fulfilled when a look finds nothing more for it. */
export class Wishes {
  readonly #source: Pick<AheadSource, 'packsFor'>;
  readonly #after: () => number;
  readonly #open: { readonly wish: Wish; given: ReadonlySet<number> }[] = [];

  /** @param after position up to which everything was sent, or is on its way */
  constructor(source: Pick<AheadSource, 'packsFor'>, after: () => number) {
    this.#source = source;
    this.#after = after;
  }

  get isEmpty(): boolean {
    return this.#open.length === 0;
  }

  add(wish: Wish): void {
    this.#open.push({ wish, given: new Set() });
    if (this.#open.length > WISHES_MAX) this.#open.shift();
  }

  /** Positions for the oldest wish: looked up again once they are through, since packs may have been merged meanwhile. */
  next(): readonly number[] {
    for (let first = this.#open[0]; first !== undefined; first = this.#open[0]) {
      const { wish, given } = first;
      const positions = this.#source.packsFor(wish, this.#after()).filter((position) => !given.has(position));
      first.given = new Set([...given, ...positions]);
      if (positions.length > 0) return positions;
      this.#open.shift();
    }
    return [];
  }
}
