import type { Statement } from 'better-sqlite3';
import { attempt, type OnDamage, readableRows } from './damage.ts';
import type { Database } from './database.ts';

/** Key in `meta` of what changes whenever the newest recent row is taken out: where the rows end is then no sign of it. */
export const RECENT_CHANGES = 'recent changes';

/** Where a recent row is found. */
export interface RecentRow {
  readonly position: number;
  readonly ordinal: number;
}

/**
 * Which rows of the index stand in `recent_index`, by roster. Rows are added at one end and leave at the other, so that a
 * look at what is new costs little; some have a copy in their place already, and some that were changed are there only.
 */
export class RecentRows {
  readonly #ends: Statement;
  readonly #changes: Statement;
  readonly #after: readonly [forward: Statement, backward: Statement];
  readonly #onDamage: OnDamage;
  readonly #byRoster = new Map<number, RecentRow[]>();
  #first = 0;
  #last = 0;
  #seenChanges: unknown;
  #isHeld = false;

  constructor(db: Database, onDamage: OnDamage) {
    this.#onDamage = onDamage;
    this.#ends = db.prepare(
      'SELECT (SELECT MIN(position) FROM recent_index) AS first, (SELECT MAX(position) FROM recent_index) AS last',
    );
    this.#changes = db.prepare('SELECT value FROM meta WHERE key = ?').pluck();
    const after = 'SELECT position, roster, ordinal FROM recent_index WHERE position > ? ORDER BY position';
    this.#after = [db.prepare(after), db.prepare(`${after} DESC`)];
  }

  /** Rows of a roster with ordinals [from, to), ascending. */
  of(roster: number, from: number, to: number): readonly RecentRow[] {
    if (!this.#isHeld) this.#look();
    const rows = this.#byRoster.get(roster);
    if (rows === undefined) return [];
    const gone = rows.findIndex(({ position }) => position >= this.#first);
    if (gone < 0) this.#byRoster.delete(roster);
    else if (gone > 0) rows.splice(0, gone);
    return gone < 0 ? [] : rows.slice(lowerBound(rows, from), lowerBound(rows, to));
  }

  /**
   * A snapshot begins: until {@link RecentRows.release} what is seen now stays.
   * @param isSame nothing was committed since the snapshot before
   */
  hold(isSame: boolean): void {
    if (!isSame) this.#look();
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
  }

  /** Forgets all, to be read anew. */
  forget(): void {
    this.#byRoster.clear();
    this.#last = 0;
  }

  #look(): void {
    const counted = attempt(() => this.#changes.get(RECENT_CHANGES));
    const changes = 'value' in counted ? counted.value : this.#seenChanges;
    const ends = attempt(() => this.#ends.get() as { first: number | null; last: number | null });
    const { first, last } = 'value' in ends ? ends.value : { first: 0, last: Number.MAX_SAFE_INTEGER };
    if (changes !== this.#seenChanges || (last ?? 0) < this.#last) this.forget();
    this.#seenChanges = changes;
    this.#first = first ?? Number.MAX_SAFE_INTEGER;
    if (last !== null && last > this.#last) this.#learn();
  }

  #learn(): void {
    type Row = RecentRow & { readonly roster: number };
    const [forward, backward] = this.#after;
    const tell = (damage: string) => this.#onDamage(`table recent_index: ${damage}`);
    for (const { roster, position, ordinal } of readableRows<Row>(forward, backward, [this.#last], tell)) {
      const rows = this.#byRoster.get(roster);
      if (rows === undefined) this.#byRoster.set(roster, [{ position, ordinal }]);
      else rows.push({ position, ordinal });
      this.#last = Math.max(this.#last, position);
    }
  }
}

/** Index of the first row with that ordinal or a greater one. */
function lowerBound(rows: readonly RecentRow[], ordinal: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle]?.ordinal ?? 0) < ordinal) low = middle + 1;
    else high = middle;
  }
  return low;
}
