import { gapOf, type KeptGap, type Row } from '../../../gateway/store/block-rows.ts';
import type { GapSum } from '../../../gateway/store/sequence-accounts.ts';
import type { Statements } from './database.ts';
import { gatewayOfId } from './ids.ts';

/** Gaps as far as they are here, of one state of the catalogue, for one query. What is asked for and is not here is noted. */
export class GapCache {
  #version = -1;
  readonly #gaps = new Map<number, KeptGap[]>();
  #sums: readonly GapSum[] | undefined;
  readonly #missing = new Set<number>();
  #areSumsMissing = false;
  /** How often gaps were asked for that are not here. */
  misses = 0;

  get isMissing(): boolean {
    return this.#areSumsMissing || this.#missing.size > 0;
  }

  /** Gaps of a channel. */
  of(channel: number, version: number): readonly KeptGap[] {
    const gaps = version === this.#version ? this.#gaps.get(channel) : undefined;
    if (gaps === undefined) {
      this.#missing.add(channel);
      this.misses += 1;
    }
    return gaps ?? [];
  }

  /** What the gaps of every channel and boot come to. */
  sums(version: number): readonly GapSum[] {
    const sums = version === this.#version ? this.#sums : undefined;
    if (sums === undefined) {
      this.#areSumsMissing = true;
      this.misses += 1;
    }
    return sums ?? [];
  }

  /** @param version of the catalogue, learned in the same transaction */
  async fetch(statements: Statements, version: number): Promise<void> {
    if (!this.isMissing) return;
    const channels = [...this.#missing];
    const { rows } = await statements.query(
      `SELECT gaps.* FROM unnest($1::bigint[], $2::bigint[]) AS need (gateway, channel)
       JOIN gaps ON gaps.gateway = need.gateway AND gaps.channel = need.channel ORDER BY position`,
      [channels.map(gatewayOfId), channels],
    );
    if (version !== this.#version) this.#gaps.clear();
    for (const channel of channels) this.#gaps.set(channel, []);
    for (const gap of (rows as Row[]).map(gapOf)) this.#gaps.get(gap.channel)?.push(gap);
    if (this.#areSumsMissing || version !== this.#version) this.#sums = undefined;
    if (this.#areSumsMissing) {
      const { rows: sums } = await statements.query(
        `SELECT channel, boot, SUM(count)::bigint AS lost, MAX(first_sequence + count) AS next
         FROM gaps GROUP BY gateway, channel, boot`,
      );
      this.#sums = sums as GapSum[];
    }
    this.#missing.clear();
    this.#areSumsMissing = false;
    this.#version = version;
  }
}
