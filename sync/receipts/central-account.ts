import type { Acknowledged, StoreWord } from '../../gateway/store/retention/acknowledgements.ts';
import type { HeldRange } from './held-ranges.ts';

/** Stores that are heard under one name. At the maximum: further ones share an account that is believed nothing, so that nothing is given up. */
export const STORES_MAX = 8;

/** A store that was not heard for so long, while another of that name was, is not waited for any more, milliseconds. */
export const FORGOTTEN_MS = 86_400_000;

/**
 * Of the time between two words of one name so much counts as silence of the others, milliseconds: who speaks says so once an hour
 * (`sync/line/acknowledging.ts`), and while the box is off or has no line nobody can be heard.
 */
export const PAUSE_MAX_MS = 7_200_000;

/** Of the account that those share which are too many. */
const OTHERS = 'others';

/** Characters of an id that are told apart. */
const ID_MAX = 64;

/** A request for a receipt that was not answered yet. */
export interface OpenRequest {
  readonly bytes: Uint8Array;
  readonly nonce: string;
  readonly from: number;
  readonly to: number;
  readonly ranges: readonly HeldRange[];
  readonly digests: readonly Uint8Array[];
}

/** One store of a central. */
export class StoreAccount {
  /** How far it has the feed, as far as is believed. */
  confirmed: number;
  /** For how long others of that name were heard and it was not, milliseconds. */
  silentMs: number;
  open: OpenRequest | undefined;
  readonly answered: string[] = [];
  /** False until it has signed with the key that is pinned: what it lacks says nothing of the central. */
  counts: boolean;

  constructor(confirmed: number, silentMs: number, counts: boolean) {
    this.confirmed = confirmed;
    this.silentMs = silentMs;
    this.counts = counts;
  }
}

/** How one of several stores of a central stands. */
export interface StoreStanding {
  readonly id: string;
  readonly position: number;
  /** For how long it is waited for at least if it is not heard again, milliseconds. */
  readonly leftMs: number;
}

/**
 * What one central has. Its stores are told apart by their ids: two centrals with one name, as a copy and its original, have different parts of a
 * feed, and only what both have may be given up.
 */
export class CentralAccount {
  readonly #stores: Map<string, StoreAccount>;
  /** When one of its stores was last heard, of a clock that never steps, milliseconds. */
  #heardMs: number | undefined;

  /** @param kept what a run before knew of it */
  constructor({ position, stores }: Acknowledged) {
    const known = stores.length > 0 ? stores : [{ store: UNNAMED, position, silentMs: 0 }];
    this.#stores = new Map(known.map((each) => [each.store, new StoreAccount(each.position, each.silentMs, true)]));
  }

  /**
   * The store that speaks; others that were silent for too long are forgotten. One that may not rise is believed nothing.
   * @param nowMs of a clock that never steps
   * @param isBelieved true where no key is pinned; else it counts when it has signed
   */
  hear(
    id: string,
    nowMs: number,
    isBelieved: boolean,
  ): { readonly account: StoreAccount; readonly isNew: boolean; readonly mayRise: boolean } {
    const key = this.#keyOf(id);
    const isNew = !this.#stores.has(key);
    const adopted = isNew && isBelieved ? this.#adopted() : undefined;
    const account = this.#stores.get(key) ?? adopted ?? new StoreAccount(0, 0, isBelieved || key === OTHERS);
    this.#stores.set(key, account);
    this.pass(nowMs, account);
    return { account, isNew, mayRise: key !== OTHERS };
  }

  /**
   * It has signed: from now on it counts. Returns true where it did not before.
   * @param position what it says that it has: of what was proven before stores had ids it takes over no more
   */
  signed(account: StoreAccount, position: number): boolean {
    if (account.counts) return false;
    const known = this.#adopted()?.confirmed ?? 0;
    account.confirmed = Math.max(account.confirmed, Math.min(known, position));
    account.counts = true;
    return true;
  }

  /** It was heard, of one of its stores or, where that is not known, of any; those that were silent for too long are forgotten. */
  pass(nowMs: number, speaker?: StoreAccount): void {
    if (speaker?.counts === false) return;
    const passedMs = Math.min(nowMs - (this.#heardMs ?? nowMs), PAUSE_MAX_MS);
    this.#heardMs = nowMs;
    for (const store of this.#stores.values()) store.silentMs = store === speaker ? 0 : store.silentMs + passedMs;
    const bySilence = this.#counted.sort(([, a], [, b]) => b.silentMs - a.silentMs);
    // The one that was heard last stays.
    for (const [id, { silentMs }] of bySilence.slice(0, -1)) if (silentMs >= FORGOTTEN_MS) this.#stores.delete(id);
  }

  /** Everything up to here is with all of its stores. */
  get confirmed(): number {
    return Math.min(...this.#counted.map(([, { confirmed }]) => confirmed));
  }

  /** The one store of that name; undefined where there are several. */
  get only(): StoreAccount | undefined {
    const [first, ...others] = this.#counted;
    return others.length === 0 ? first?.[1] : undefined;
  }

  get acknowledged(): Acknowledged {
    const stores = this.#counted.map(
      ([store, { confirmed: position, silentMs }]): StoreWord => ({ store, position, silentMs }),
    );
    return { position: this.confirmed, stores };
  }

  standings(): StoreStanding[] {
    return this.#counted.map(([id, { confirmed: position, silentMs }]) => ({
      ...{ id, position },
      leftMs: FORGOTTEN_MS - silentMs,
    }));
  }

  /** There is always one. */
  get #counted(): [id: string, account: StoreAccount][] {
    return [...this.#stores].filter(([, { counts }]) => counts);
  }

  #keyOf(id: string): string {
    const key = id.slice(0, ID_MAX);
    if (this.#stores.has(key)) return key;
    // Those that have signed nothing give way.
    const [unsigned] = [...this.#stores].find(([, { counts }]) => !counts) ?? [];
    if (this.#stores.size >= STORES_MAX && unsigned !== undefined) this.#stores.delete(unsigned);
    return this.#stores.size < STORES_MAX || this.#adoptable ? key : OTHERS;
  }

  /** What was known of a central before it told an id is of the first store that tells one. */
  #adopted(): StoreAccount | undefined {
    if (!this.#adoptable) return undefined;
    const account = this.#stores.get(UNNAMED);
    this.#stores.delete(UNNAMED);
    return account;
  }

  get #adoptable(): boolean {
    const [[id] = [], ...others] = this.#counted;
    return others.length === 0 && id === UNNAMED;
  }
}

/** Id of a store that tells none. */
const UNNAMED = '';
