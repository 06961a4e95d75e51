import type { Statements } from './database.ts';
import { gatewayOfPosition } from './ids.ts';
import type { PackPlace } from './series-index.ts';

/** Packs as far as they are here, for one change or query. What is asked for and is not here is noted, to be fetched. */
export class PackCache {
  readonly #packs = new Map<string, Uint8Array | undefined>();
  readonly #missing = new Map<string, PackPlace & { readonly position: number }>();
  /** How often a pack was asked for that is not here. */
  misses = 0;
  /** True where the last fetch did not find all: some are gone. */
  isOutdated = false;

  /** Number of packs that were asked for since the last fetch and are not here. */
  get missing(): number {
    return this.#missing.size;
  }

  /** The bytes of a pack; undefined where it is gone, or not here. */
  bytes(position: number, place: PackPlace | undefined): Uint8Array | undefined {
    if (place === undefined) return undefined;
    const { month, isMerged } = place;
    const key = keyOf(position, isMerged);
    if (!this.#packs.has(key)) {
      this.#missing.set(key, { position, month, isMerged });
      this.misses += 1;
    }
    return this.#packs.get(key);
  }

  /** Fetches what was missing. Returns its bytes. */
  async fetch(statements: Statements): Promise<number> {
    const missing = [...this.#missing.values()];
    this.#missing.clear();
    this.isOutdated = false;
    if (missing.length === 0) return 0;
    const { rows } = await statements.query(
      `SELECT packs.position, packs.merged, bytes
       FROM unnest($1::bigint[], $2::int[], $3::bigint[], $4::boolean[]) AS need (gateway, month, position, merged)
       JOIN packs ON packs.gateway = need.gateway AND packs.month = need.month AND packs.position = need.position
         AND packs.merged = need.merged`,
      [
        missing.map(({ position }) => gatewayOfPosition(position)),
        missing.map(({ month }) => month),
        missing.map(({ position }) => position),
        missing.map(({ isMerged }) => isMerged),
      ],
    );
    for (const { position, isMerged } of missing) this.#packs.set(keyOf(position, isMerged), undefined);
    this.isOutdated = rows.length < missing.length;
    let size = 0;
    for (const { position, merged, bytes } of rows as { position: number; merged: boolean; bytes: Buffer }[]) {
      this.#packs.set(keyOf(position, merged), bytes);
      size += bytes.length;
    }
    return size;
  }
}

function keyOf(position: number, isMerged: boolean): string {
  return isMerged ? `merged ${position}` : `${position}`;
}
