import type { Statement } from 'better-sqlite3';
import type { KeptGap, Row } from './block-rows.ts';
import { attempt, type OnDamage } from './damage.ts';

/**
 * The account of samples that were given up for want of room, one row a channel, boot and cause. A pack that is thinned
 * keeps its row in the index, which says what it held; of one that is dropped nothing else is left but what is added up
 * here. Packs of a class go in the order in which they were kept, so what is dropped of a channel is one stretch that grows.
 */
export const GIVEN_UP_SCHEMA = `
CREATE TABLE given_up (
  channel INTEGER NOT NULL, boot INTEGER NOT NULL, cause TEXT NOT NULL, thinned INTEGER NOT NULL, dropped INTEGER NOT NULL,
  first_sequence INTEGER, end_sequence INTEGER, time_from INTEGER, time_to INTEGER,
  PRIMARY KEY (channel, boot, cause)) STRICT, WITHOUT ROWID;
`;

const ADD = `INSERT INTO given_up VALUES (@channel, @boot, @cause, @thinned, @dropped, @first, @end, @from, @to)
  ON CONFLICT (channel, boot, cause) DO UPDATE SET thinned = thinned + excluded.thinned, dropped = dropped + excluded.dropped,
  first_sequence = min(ifnull(first_sequence, excluded.first_sequence), ifnull(excluded.first_sequence, first_sequence)),
  end_sequence = max(ifnull(end_sequence, excluded.end_sequence), ifnull(excluded.end_sequence, end_sequence)),
  time_from = min(ifnull(time_from, excluded.time_from), ifnull(excluded.time_from, time_from)),
  time_to = max(ifnull(time_to, excluded.time_to), ifnull(excluded.time_to, time_to))`;

/** Samples of a channel and boot that were given up, over all causes. */
export interface GivenUpAccount {
  readonly channel: number;
  readonly boot: number;
  /** In blocks that the index still knows. */
  readonly thinned: number;
  /** In blocks of which nothing is left. */
  readonly dropped: number;
  /** One past the greatest sequence number dropped. */
  readonly end: number;
  /** Greatest time dropped, microseconds. */
  readonly time: number;
}

/** How far samples of a channel of one boot were dropped. */
export type GivenUpEnd = Pick<GivenUpAccount, 'channel' | 'end' | 'time'>;

export class GivenUp {
  readonly #sql: (text: string) => Statement;
  readonly #onDamage: OnDamage;

  constructor(sql: (text: string) => Statement, onDamage: OnDamage = () => {}) {
    this.#sql = sql;
    this.#onDamage = onDamage;
  }

  /** The samples of these blocks went; their rows in the index stay. Belongs in a transaction. */
  thin(blocks: readonly KeptGap[]): void {
    for (const { channel, boot, cause, count } of summed(blocks)) {
      this.#sql(ADD).run({ channel, boot, cause, thinned: count, dropped: 0, ...NOWHERE });
    }
  }

  /** The rows of these blocks, which were thinned, went as well. Belongs in a transaction. */
  drop(blocks: readonly KeptGap[]): void {
    for (const { channel, boot, cause, count, firstSequence, end, from, to } of summed(blocks)) {
      const where = { first: firstSequence, end, from, to };
      this.#sql(ADD).run({ channel, boot, cause, thinned: -count, dropped: count, ...where });
    }
  }

  /** True where samples of a channel were thinned. */
  hasThinned(channel: number): boolean {
    const sql = 'SELECT 1 FROM given_up WHERE channel = ? AND thinned > 0 LIMIT 1';
    return this.#readable(() => this.#sql(sql).all(channel)).length > 0;
  }

  /** One past the greatest sequence number of a channel and boot that was dropped; 0 where none was. */
  droppedEnd(channel: number, boot: number): number {
    const sql = 'SELECT MAX(end_sequence) FROM given_up WHERE channel = ? AND boot = ?';
    return Number(this.#readable(() => this.#sql(sql).pluck().all(channel, boot))[0] ?? 0);
  }

  /**
   * What was dropped of a channel and touches the stored times [from, to], as gaps; `end` is one past the last number, for
   * numbers that lack for other causes may lie between.
   */
  dropped(channel: number, from: number, to: number): (KeptGap & { readonly end: number })[] {
    const sql = 'SELECT * FROM given_up WHERE channel = ? AND dropped > 0 AND time_to >= ? AND time_from <= ?';
    return this.#readable(() => this.#sql(sql).all(channel, from, to) as Row[]).map((row) => ({
      channel,
      boot: Number(row.boot),
      firstSequence: Number(row.first_sequence),
      count: Number(row.dropped),
      end: Number(row.end_sequence),
      from: Number(row.time_from),
      to: Number(row.time_to),
      cause: String(row.cause),
    }));
  }

  accounts(): GivenUpAccount[] {
    const sql = `SELECT channel, boot, SUM(thinned) AS thinned, SUM(dropped) AS dropped, MAX(end_sequence) AS end,
      MAX(time_to) AS time FROM given_up GROUP BY channel, boot`;
    const rows = this.#readable(() => this.#sql(sql).all() as Row[]);
    return rows.map((row) => ({
      channel: Number(row.channel),
      boot: Number(row.boot),
      thinned: Number(row.thinned),
      dropped: Number(row.dropped),
      end: Number(row.end ?? 0),
      time: Number(row.time ?? Number.NEGATIVE_INFINITY),
    }));
  }

  /** One past the greatest sequence number dropped, and the greatest time, of the channels of a boot of which any was. */
  droppedOfBoot(boot: number): GivenUpEnd[] {
    // Each channel is looked up by the key: what other boots gave up is not read.
    const sql = `SELECT channels.id AS channel, MAX(end_sequence) AS end, MAX(time_to) AS time
      FROM channels CROSS JOIN given_up ON given_up.channel = channels.id AND given_up.boot = ? GROUP BY channels.id`;
    const rows = this.#readable(() => this.#sql(sql).all(boot) as Row[]);
    return rows
      .filter(({ end }) => end !== null)
      .map(({ channel, end, time }) => ({ channel: Number(channel), end: Number(end), time: Number(time) }));
  }

  /** Rows, or none where the account is damaged, which costs it and nothing else. */
  #readable<Found>(read: () => Found[]): Found[] {
    const found = attempt(read);
    if ('value' in found) return found.value;
    this.#onDamage(`table given_up: ${found.damage}`);
    return [];
  }
}

const NOWHERE = { first: null, end: null, from: null, to: null };

/** Blocks of one channel, boot and cause as one. */
function summed(blocks: readonly KeptGap[]): (KeptGap & { readonly end: number })[] {
  const sums = new Map<string, KeptGap & { readonly end: number }>();
  for (const block of blocks) {
    const { channel, boot, cause } = block;
    const key = `${channel} ${boot} ${cause}`;
    const end = block.firstSequence + block.count;
    const known = sums.get(key);
    if (known === undefined) sums.set(key, { ...block, end });
    else {
      sums.set(key, {
        ...known,
        firstSequence: Math.min(known.firstSequence, block.firstSequence),
        count: known.count + block.count,
        end: Math.max(known.end, end),
        from: Math.min(known.from, block.from),
        to: Math.max(known.to, block.to),
      });
    }
  }
  return [...sums.values()];
}
