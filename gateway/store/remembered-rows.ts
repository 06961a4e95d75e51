/** Entries of rows that are remembered, some 250 bytes each. At the maximum: the rows used longest ago are forgotten. */
const ENTRIES_MAX = 1 << 16;

/**
 * Rows of the index that the next look at a chart does not read and decode again: those under complete envelopes and those
 * that wait to be placed, which stay as they are until something is given up, and those that cover a roster, which do until
 * anything is committed.
 */
export class RememberedRows<Row> {
  /** By what they are, those used last at the end. */
  readonly #groups = new Map<string, { readonly rows: readonly Row[]; readonly entries: number }>();
  #entries = 0;
  #version: string | undefined;
  #state: number | undefined;
  /** Keys of what holds in this state only. */
  readonly #passing = new Set<string>();

  /** True where `state` is the one that was told last. */
  isOf(state: number): boolean {
    return state === this.#state;
  }

  /**
   * Forgets what may not be so any more.
   * @param state another one after every commit
   * @param version another one after every commit that may change a row
   */
  renew(state: number, version: string | undefined): void {
    if (this.isOf(state)) return;
    this.#state = state;
    for (const key of this.#passing) this.#forget(key);
    this.#passing.clear();
    if (version === this.#version) return;
    this.#version = version;
    this.#groups.clear();
    this.#entries = 0;
  }

  /** The rows that cover a roster. */
  roots(roster: number): readonly Row[] | undefined {
    return this.#rows(`${roster}`);
  }

  /** @param members entries that a row has when all of them are decoded */
  keepRoots(roster: number, rows: readonly Row[], members: number): void {
    this.#passing.add(`${roster}`);
    this.#keep(`${roster}`, rows, members);
  }

  /** The rows under a complete envelope. */
  rowsUnder(roster: number, level: number, ordinal: number): readonly Row[] | undefined {
    return this.#rows(`${roster} ${level} ${ordinal}`);
  }

  keepRowsUnder(roster: number, level: number, ordinal: number, rows: readonly Row[], members: number): void {
    this.#keep(`${roster} ${level} ${ordinal}`, rows, members);
  }

  /** A row of a pack that waits to be placed. */
  recent(roster: number, ordinal: number): Row | undefined {
    return this.#rows(`${roster} 0 ${ordinal}`)?.[0];
  }

  keepRecent(roster: number, ordinal: number, row: Row, members: number): void {
    this.#keep(`${roster} 0 ${ordinal}`, [row], members);
  }

  #rows(key: string): readonly Row[] | undefined {
    const group = this.#groups.get(key);
    if (group === undefined) return undefined;
    this.#groups.delete(key);
    this.#groups.set(key, group);
    return group.rows;
  }

  #keep(key: string, rows: readonly Row[], members: number): void {
    const entries = rows.length * members;
    this.#groups.set(key, { rows, entries });
    this.#entries += entries;
    for (const oldest of this.#groups.keys()) {
      if (this.#entries <= ENTRIES_MAX) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#entries -= this.#groups.get(key)?.entries ?? 0;
    this.#groups.delete(key);
  }
}
