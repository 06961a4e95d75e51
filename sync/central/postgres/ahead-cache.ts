import type { AheadRuns } from '../../../gateway/store/block-rows.ts';
import type { Statements } from './database.ts';

/** What came ahead of its turn, gateway by gateway, for one query. What is asked for and is not here is noted. */
export class AheadCache {
  readonly #runs = new Map<string, readonly AheadRuns[]>();
  readonly #missing = new Set<string>();
  /** How often a gateway was asked for that is not here. */
  misses = 0;

  of(gateway: string): readonly AheadRuns[] {
    const runs = this.#runs.get(gateway);
    if (runs === undefined) {
      this.#missing.add(gateway);
      this.misses += 1;
    }
    return runs ?? [];
  }

  /** Fetches what is missing. Returns its bytes. */
  async fetch(statements: Statements): Promise<number> {
    if (this.#missing.size === 0) return 0;
    const gateways = [...this.#missing];
    const { rows } = await statements.query(
      `SELECT name, ahead FROM gateways JOIN gateway_numbers ON number = gateway WHERE name = ANY($1::text[])`,
      [gateways],
    );
    for (const gateway of gateways) this.#runs.set(gateway, []);
    this.#missing.clear();
    let bytes = 0;
    for (const { name, ahead } of rows as { name: string; ahead: string }[]) {
      this.#runs.set(name, JSON.parse(ahead) as AheadRuns[]);
      bytes += ahead.length;
    }
    return bytes;
  }
}
