/** Where the large database keeps how far each central that is waited for has the feed, and what each store of it said. */
export const ACKNOWLEDGED_KEY = 'acknowledged';
export const ACKNOWLEDGED_STORES_KEY = 'acknowledged by store';

/** How much the silence of a store may differ from what is kept of it, milliseconds. */
const SILENCE_MS = 3_600_000;

/** What one store of a central has of the feed. */
export interface StoreWord {
  /** Its id; empty where it told none. */
  readonly store: string;
  readonly position: number;
  /** For how long others of that central were heard and it was not, milliseconds. */
  readonly silentMs: number;
}

/** How far a central has the feed. */
export interface Acknowledged {
  /** Everything up to here is with all of its stores. */
  readonly position: number;
  /** Those that are heard under its name, one where nothing is wrong; none: it was not heard, or before stores had ids. */
  readonly stores: readonly StoreWord[];
}

/** What is kept of every central, by name. @param meta the text kept under a key */
export function keptAcknowledged(meta: (key: string) => string | undefined): Map<string, Acknowledged> {
  const positions = JSON.parse(meta(ACKNOWLEDGED_KEY) ?? '{}') as Record<string, number>;
  const stores = JSON.parse(meta(ACKNOWLEDGED_STORES_KEY) ?? '{}') as Record<string, readonly StoreWord[]>;
  return new Map(
    Object.entries(positions).map(([name, position]) => [name, { position, stores: stores[name] ?? [] }] as const),
  );
}

/** How far each central that is waited for has kept the feed. */
export class Acknowledgements {
  readonly #words: Map<string, Acknowledged>;
  readonly #kept: Map<string, Acknowledged>;
  #isChanged = false;
  #isUrgent = false;

  /**
   * @param centrals names of those that are waited for
   * @param meta what {@link Acknowledgements.keep} kept before under a key; undefined: nothing
   */
  constructor(centrals: readonly string[], meta: (key: string) => string | undefined = () => undefined) {
    const known = keptAcknowledged(meta);
    this.#words = new Map(centrals.map((name) => [name, known.get(name) ?? NOTHING]));
    this.#kept = new Map(this.#words);
  }

  /** The latest word of a central, also where it is a lower one; of others nothing is kept. */
  take(central: string, word: Acknowledged): void {
    const known = this.#words.get(central);
    if (known === undefined || isSame(known, word)) return;
    this.#words.set(central, word);
    this.#isChanged = true;
    this.#isUrgent ||= misleads(this.#kept.get(central) ?? NOTHING, word);
  }

  /** Everything up to here is with all of them; 0 where none is waited for, because then it is nowhere else. */
  get position(): number {
    return this.#words.size === 0 ? 0 : Math.min(...[...this.#words.values()].map(({ position }) => position));
  }

  /** False where one of them has some of the positions from `first` to `last` and, as far as it said, not all. */
  isApart(first: number, last: number): boolean {
    return [...this.#words.values()]
      .flatMap(({ position, stores }) => [position, ...stores.map((each) => each.position)])
      .every((position) => position < first || position >= last);
  }

  /**
   * True where the next run would believe what is not so if nothing were kept now: that no other store has the name of a central, or that
   * one has what it has no more.
   */
  get isUrgent(): boolean {
    return this.#isUrgent;
  }

  /** Keeps for the next run what changed since the last call. @param keepMeta keeps a text under a key */
  keep(keepMeta: (key: string, text: string) => void): void {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    this.#isUrgent = false;
    const words = [...this.#words];
    keepMeta(
      ACKNOWLEDGED_KEY,
      JSON.stringify(Object.fromEntries(words.map(([name, { position }]) => [name, position]))),
    );
    keepMeta(
      ACKNOWLEDGED_STORES_KEY,
      JSON.stringify(Object.fromEntries(words.map(([name, { stores }]) => [name, stores]))),
    );
    for (const [name, word] of words) this.#kept.set(name, word);
  }
}

const NOTHING: Acknowledged = { position: 0, stores: [] };

function isSame(a: Acknowledged, b: Acknowledged): boolean {
  if (a.position !== b.position || a.stores.length !== b.stores.length) return false;
  return a.stores.every((one, i) => {
    const other = b.stores[i];
    return one.store === other?.store && one.position === other.position && one.silentMs === other.silentMs;
  });
}

/** True where whoever knows only `kept` would take more for synced than there is, or forget a store too soon or too late. */
function misleads(kept: Acknowledged, word: Acknowledged): boolean {
  if (word.position < kept.position) return true;
  const known = new Map(kept.stores.map((each) => [each.store, each]));
  return word.stores.some(({ store, position, silentMs }) => {
    const before = known.get(store);
    if (before === undefined) return true;
    return position < before.position || Math.abs(silentMs - before.silentMs) >= SILENCE_MS;
  });
}
