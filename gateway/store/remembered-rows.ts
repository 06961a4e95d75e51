/** Entries of rows that are remembered, some 250 bytes each. At the maximum: the rows used longest ago are forgotten. */
const ENTRIES_MAX = 1 << 16;

/**
 * Rows under complete envelopes, which stay as they are until something is given up: the next look at a chart does not read
 * and decode them again.
 */
export class RememberedRows<Row> {
  /** By envelope, the one used last at the end. */
  readonly #groups = new Map<string, { readonly rows: readonly Row[]; readonly entries: number }>();
  #entries = 0;
  #version: string | undefined;

  /** Forgets everything where `version` is not the one that was told last. */
  renew(version: string | undefined): void {
    if (version === this.#version) return;
    this.#version = version;
    this.#groups.clear();
    this.#entries = 0;
  }

  rowsUnder(envelope: string): readonly Row[] | undefined {
    const group = this.#groups.get(envelope);
    if (group === undefined) return undefined;
    this.#groups.delete(envelope);
    this.#groups.set(envelope, group);
    return group.rows;
  }

  /** @param members entries that a row has when all of them are decoded */
  keep(envelope: string, rows: readonly Row[], members: number): void {
    const entries = rows.length * members;
    this.#groups.set(envelope, { rows, entries });
    this.#entries += entries;
    for (const [oldest, group] of this.#groups) {
      if (this.#entries <= ENTRIES_MAX) break;
      this.#groups.delete(oldest);
      this.#entries -= group.entries;
    }
  }
}
