import { FAN_OUT } from '../../../gateway/store/block-schema.ts';
import type { PostgresDatabase, Statements } from './database.ts';
import { GRACE_MS } from './pack-sweep.ts';

/** Packs of which what is left goes in one transaction. */
const STEP_PACKS_MAX = 128;

/** A pack that moved, where it was. */
interface MovedRow {
  readonly gateway: number;
  readonly position: number;
  readonly roster: number;
  readonly ordinal: number;
  readonly month: number;
  /** True where its bytes are of no use any more. */
  readonly merged: boolean;
}

/**
 * Takes away what packs left behind that moved: their rows in the index and, where they were merged, their bytes. Any number of processes may at a time:
 * what one has done, the other finds done.
 */
export class MovedSweep {
  readonly #db: PostgresDatabase;
  readonly #graceMs: number;

  /** @param graceMs from when packs move until what they left goes, milliseconds */
  constructor(db: PostgresDatabase, graceMs = GRACE_MS) {
    this.#db = db;
    this.#graceMs = graceMs;
  }

  /** Yields after every step. @throws CaissonError `store-failed` */
  async *run(): AsyncGenerator<void, void> {
    for (;;) {
      const rows = await this.#db.read((statements) => this.#left(statements));
      if (rows.length === 0) return;
      await this.#db.change((statements) => sweep(statements, rows));
      yield;
    }
  }

  /** Those of a roster in their order, so that no row is gone behind one that is there. */
  async #left(statements: Statements): Promise<readonly MovedRow[]> {
    const { rows } = await statements.query(
      `SELECT gateway, position, roster, ordinal, month, merged FROM moved_packs
       WHERE moved_at <= now() - $1 * interval '1 millisecond' ORDER BY gateway, roster, ordinal LIMIT $2`,
      [this.#graceMs, STEP_PACKS_MAX],
    );
    return rows as MovedRow[];
  }
}

async function sweep(statements: Statements, rows: readonly MovedRow[]): Promise<void> {
  const replaced = rows.filter(({ merged }) => merged);
  await statements.query(
    `DELETE FROM packs USING unnest($1::bigint[], $2::int[], $3::bigint[]) AS gone (gateway, month, position)
     WHERE packs.gateway = gone.gateway AND packs.month = gone.month AND packs.position = gone.position AND NOT packs.merged`,
    [
      replaced.map(({ gateway }) => gateway),
      replaced.map(({ month }) => month),
      replaced.map(({ position }) => position),
    ],
  );
  const index = rows.flatMap(rowsEndingAt);
  await statements.query(
    `DELETE FROM pack_index USING unnest($1::bigint[], $2::bigint[], $3::int[], $4::bigint[]) AS gone (gateway, roster, level, ordinal)
     WHERE pack_index.gateway = gone.gateway AND pack_index.roster = gone.roster AND pack_index.level = gone.level
       AND pack_index.ordinal = gone.ordinal`,
    [
      index.map(({ gateway }) => gateway),
      index.map(({ roster }) => roster),
      index.map(({ level }) => level),
      index.map(({ ordinal }) => ordinal),
    ],
  );
  await statements.query(
    `DELETE FROM moved_packs USING unnest($1::bigint[], $2::bigint[]) AS gone (gateway, position)
     WHERE moved_packs.gateway = gone.gateway AND moved_packs.position = gone.position`,
    [rows.map(({ gateway }) => gateway), rows.map(({ position }) => position)],
  );
}

/** The row of a pack, and those above that end with it. */
function rowsEndingAt({ gateway, roster, ordinal: packed }: MovedRow) {
  const rows = [{ gateway, roster, level: 0, ordinal: packed }];
  for (let [level, end] = [1, packed + 1]; end % FAN_OUT === 0; level += 1) {
    end /= FAN_OUT;
    rows.push({ gateway, roster, level, ordinal: end - 1 });
  }
  return rows;
}
