import type { Statements } from './database.ts';
import { gatewayOfPosition } from './ids.ts';

/** Packs as far as they are here, for one change or query. What is asked for and is not here is noted, to be fetched. */
export class PackCache {
  readonly #packs = new Map<number, Uint8Array | undefined>();
  /** Months by position. */
  readonly #missing = new Map<number, number>();
  /** How often a pack was asked for that is not here. */
  misses = 0;

  /** Number of packs that were asked for since the last fetch and are not here. */
  get missing(): number {
    return this.#missing.size;
  }

  /** The bytes of a pack; undefined where it is gone, or not here. */
  bytes(position: number, month: number | undefined): Uint8Array | undefined {
    if (month !== undefined && !this.#packs.has(position)) {
      this.#missing.set(position, month);
      this.misses += 1;
    }
    return this.#packs.get(position);
  }

  /** Fetches what was missing. Returns its bytes. */
  async fetch(statements: Statements): Promise<number> {
    const missing = [...this.#missing];
    this.#missing.clear();
    if (missing.length === 0) return 0;
    const { rows } = await statements.query(
      `SELECT packs.position, bytes FROM unnest($1::bigint[], $2::int[], $3::bigint[]) AS need (gateway, month, position)
       JOIN packs ON packs.gateway = need.gateway AND packs.month = need.month AND packs.position = need.position`,
      [
        missing.map(([position]) => gatewayOfPosition(position)),
        missing.map(([, month]) => month),
        missing.map(([position]) => position),
      ],
    );
    for (const [position] of missing) this.#packs.set(position, undefined);
    let size = 0;
    for (const { position, bytes } of rows as { position: number; bytes: Buffer }[]) {
      this.#packs.set(position, bytes);
      size += bytes.length;
    }
    return size;
  }
}
