import { DatabaseError } from 'pg';
import { CaissonError } from '../../../gateway/errors.ts';
import type { PostgresDatabase, Statements } from './database.ts';
import { monthOf, monthsOf, partitionOf } from './schema.ts';

/** From when packs are retired until their bytes go, milliseconds: longer than any query goes by what it learned. */
export const GRACE_MS = 120_000;

/** Packs whose bytes go in one transaction. */
const STEP_PACKS_MAX = 128;

/** How long the table of a month may be waited for when it is to go, milliseconds: intake waits behind. At the next look it is tried again. */
const LOCK_MS = 200;

/** What PostgreSQL calls a lock that was not to be had in time. */
const LOCK_NOT_AVAILABLE = '55P03';

const DAY_MS = 86_400_000;

/** Packs of a roster that are retired and whose bytes are there. */
interface Retained {
  readonly gateway: number;
  readonly id: number;
  readonly swept: number;
  readonly retired: number;
}

/** Takes away the bytes of packs that were retired. Any number of processes may at a time: what one has done, the other finds done. */
export class PackSweep {
  readonly #db: PostgresDatabase;
  readonly #graceMs: number;

  constructor(db: PostgresDatabase, graceMs = GRACE_MS) {
    this.#db = db;
    this.#graceMs = graceMs;
  }

  /** Yields after every step. @param today number of the day of UTC @throws CaissonError `store-failed` */
  async *run(today: number): AsyncGenerator<void> {
    for (const month of await this.#emptyMonths(monthOf(today * DAY_MS))) {
      await this.#dropMonth(month);
      yield;
    }
    for (const retained of await this.#db.read((statements) => this.#retained(statements))) {
      for (let { swept } = retained; swept < retained.retired; swept += STEP_PACKS_MAX) {
        await this.#step({ ...retained, swept });
        yield;
      }
    }
  }

  async #retained(statements: Statements): Promise<Retained[]> {
    const { rows } = await statements.query(
      `SELECT gateway, id, swept, retired FROM rosters
       WHERE swept < retired AND retired_at <= now() - $1 * interval '1 millisecond' ORDER BY gateway, id`,
      [this.#graceMs],
    );
    return rows as Retained[];
  }

  #step({ gateway, id, swept, retired }: Retained): Promise<unknown> {
    const end = Math.min(retired, swept + STEP_PACKS_MAX);
    return this.#db.change(async (statements) => {
      await statements.query(
        `DELETE FROM packs USING pack_index AS gone WHERE gone.gateway = $1 AND gone.roster = $2 AND gone.level = 0
           AND gone.ordinal >= $3 AND gone.ordinal < $4 AND packs.gateway = $1 AND packs.month = gone.month
           AND packs.position = gone.position_first AND packs.merged = gone.merged`,
        [gateway, id, swept, end],
      );
      await statements.query('UPDATE rosters SET swept = $3 WHERE gateway = $1 AND id = $2 AND swept < $3', [
        ...[gateway, id, end],
      ]);
    });
  }

  /**
   * Months of which every pack is retired, long enough ago. The present month and the one before are left: a process whose clock is
   * late may still keep something in them.
   */
  #emptyMonths(present: number): Promise<number[]> {
    return this.#db.read(async (statements) => {
      const { rows } = await statements.query(
        `SELECT min(month) AS first FROM rosters JOIN pack_index ON pack_index.gateway = rosters.gateway
           AND pack_index.roster = rosters.id AND level = 0
           AND ordinal = GREATEST(moved, CASE WHEN retired_at <= now() - $1 * interval '1 millisecond' THEN retired ELSE swept END)`,
        [this.#graceMs],
      );
      const first = (rows as { first: number | null }[])[0]?.first ?? Number.POSITIVE_INFINITY;
      return (await monthsOf(statements)).filter((month) => month < first && month < present - 1);
    });
  }

  async #dropMonth(month: number): Promise<void> {
    try {
      await this.#db.change(async (statements) => {
        await statements.query(`SET LOCAL lock_timeout = ${LOCK_MS}`);
        await statements.query(`DROP TABLE IF EXISTS ${partitionOf(month)}`);
      });
    } catch (error) {
      const cause = error instanceof CaissonError ? error.cause : error;
      if (!(cause instanceof DatabaseError) || cause.code !== LOCK_NOT_AVAILABLE) throw error;
    }
  }
}
