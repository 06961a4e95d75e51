/** Where the large database keeps {@link Acknowledgements.text}. */
export const ACKNOWLEDGED_KEY = 'acknowledged';

/** How far each central that is waited for has kept the feed. */
export class Acknowledgements {
  readonly #positions: Map<string, number>;
  #isChanged = false;

  /**
   * @param centrals names of those that are waited for
   * @param kept what {@link Acknowledgements.text} gave before; undefined: nothing is known of any
   */
  constructor(centrals: readonly string[], kept: string | undefined) {
    const known = new Map(Object.entries(JSON.parse(kept ?? '{}') as Record<string, number>));
    this.#positions = new Map(centrals.map((name) => [name, known.get(name) ?? 0]));
  }

  /** The latest word of a central, also where it is a lower one; of others nothing is kept. */
  take(central: string, position: number): void {
    const known = this.#positions.get(central);
    if (known === undefined || known === position) return;
    this.#positions.set(central, position);
    this.#isChanged = true;
  }

  /** Everything up to here is with all of them; 0 where none is waited for, because then it is nowhere else. */
  get position(): number {
    return this.#positions.size === 0 ? 0 : Math.min(...this.#positions.values());
  }

  /** False where one of them has some of the positions from `first` to `last` and, as far as it said, not all. */
  isApart(first: number, last: number): boolean {
    return [...this.#positions.values()].every((position) => position < first || position >= last);
  }

  /** True when there is something to keep since the last call. */
  takeChanged(): boolean {
    const isChanged = this.#isChanged;
    this.#isChanged = false;
    return isChanged;
  }

  /** To be kept for the next run. */
  text(): string {
    return JSON.stringify(Object.fromEntries(this.#positions));
  }
}
