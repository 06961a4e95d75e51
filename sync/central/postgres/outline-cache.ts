import { type KeptOutline, outlineOf, type Row } from '../../../gateway/store/block-rows.ts';
import type { Statements } from './database.ts';
import { gatewayOfId } from './ids.ts';

/** Outlines as far as they are here, for one query. What is asked for and is not here is noted. */
export class OutlineCache {
  readonly #outlines = new Map<number, KeptOutline[]>();
  readonly #missing = new Set<number>();
  /** How often outlines were asked for that are not here. */
  misses = 0;

  /** Those of a channel that touch stored times [from, to], by boot and first number. */
  touching(channel: number, from: number, to: number): KeptOutline[] {
    const outlines = this.#outlines.get(channel);
    if (outlines === undefined) {
      this.#missing.add(channel);
      this.misses += 1;
    }
    return (outlines ?? []).filter(({ timeMin, timeMax }) => timeMax >= from && timeMin <= to);
  }

  /** Fetches what is missing. Returns its bytes. */
  async fetch(statements: Statements): Promise<number> {
    if (this.#missing.size === 0) return 0;
    const channels = [...this.#missing];
    const { rows } = await statements.query(
      `SELECT outlines.* FROM unnest($1::bigint[], $2::bigint[]) AS need (gateway, channel)
       JOIN outlines ON outlines.gateway = need.gateway AND outlines.channel = need.channel ORDER BY boot, first_sequence`,
      [channels.map(gatewayOfId), channels],
    );
    for (const channel of channels) this.#outlines.set(channel, []);
    const outlines = (rows as Row[]).map(outlineOf);
    for (const outline of outlines) this.#outlines.get(outline.channel)?.push(outline);
    this.#missing.clear();
    return outlines.reduce((sum, { nodes }) => sum + nodes.length, 0);
  }
}
