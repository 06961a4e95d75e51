import { randomBytes } from 'node:crypto';
import { CaissonError } from '../../gateway/errors.ts';
import { SQL_MEMORY_MIB_MAX, SQL_ROWS_MAX, SQL_SECONDS_MAX, SQL_STATEMENTS_MAX } from '../../gateway/limits.ts';
import { runSql, type SqlLimits, type SqlRun } from '../../gateway/query/sql/run-sql.ts';
import type { SqlPlace } from '../../gateway/query/sql/sql-messages.ts';
import type { SqlListener } from '../../gateway/query/sql/sql-meter.ts';
import type { SqlParameters } from '../../gateway/query/sql/sql-statement.ts';

/** How long a run is held for who has its ticket, milliseconds. Beyond: it is ended, and the ticket runs the statement anew. */
const HELD_MS = 10_000;

/** The most that a statement at a server may take. */
export const SERVER_SQL_LIMITS: SqlLimits = {
  seconds: SQL_SECONDS_MAX,
  rows: SQL_ROWS_MAX,
  memoryMib: SQL_MEMORY_MIB_MAX,
};

interface Held<Run> {
  readonly run: Run;
  readonly timer: NodeJS.Timeout;
}

/** Statements of SQL over the store of a server, at most SQL_STATEMENTS_MAX at a time. Beyond: refused, to be tried again. */
export class SqlStatements<HeldRun extends { stop(): void }> {
  readonly #store: SqlPlace;
  readonly #now: () => number;
  /** Oldest first. They count as running, and are the first to go. */
  readonly #held = new Map<string, Held<HeldRun>>();
  #running = 0;

  /**
   * @param store what the statements read
   * @param now the present, UTC, microseconds
   */
  constructor(store: SqlPlace, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /**
   * Runs a statement, which counts until its batches were taken or it is stopped.
   * @throws CaissonError `query-invalid`, `query-limit`, `store-unusable`
   */
  async run(sql: string, parameters: SqlParameters, limits: SqlLimits, listener: SqlListener = {}): Promise<SqlRun> {
    if (this.#running >= SQL_STATEMENTS_MAX) this.#letGo(this.#held.keys().next().value);
    if (this.#running >= SQL_STATEMENTS_MAX) {
      throw new CaissonError('query-limit', `${SQL_STATEMENTS_MAX} statements run, no more may at a time`, {
        hint: 'try again when one of them has ended',
        retryable: true,
      });
    }
    this.#running += 1;
    let isCounted = true;
    const end = () => {
      if (isCounted) this.#running -= 1;
      isCounted = false;
    };
    try {
      const run = await runSql({ ...this.#store, sql, parameters, now: this.#now() }, limits, listener);
      const stop = () => {
        run.stop();
        end();
      };
      return { ...run, stop, batches: endedWith(run.batches, stop) };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Keeps a run for whoever comes with the name that it gets, for a short time. */
  hold(run: HeldRun): string {
    const name = randomBytes(8).toString('hex');
    const timer = setTimeout(() => this.#letGo(name), HELD_MS);
    timer.unref();
    this.#held.set(name, { run, timer });
    return name;
  }

  /** The run that is held under a name, once; undefined where there is none. */
  take(name: string): HeldRun | undefined {
    const held = this.#held.get(name);
    clearTimeout(held?.timer);
    this.#held.delete(name);
    return held?.run;
  }

  /** Ends every run that is held. */
  stop(): void {
    for (const name of [...this.#held.keys()]) this.#letGo(name);
  }

  #letGo(name: string | undefined): void {
    if (name !== undefined) this.take(name)?.stop();
  }
}

async function* endedWith<Batch>(
  batches: AsyncIterable<Batch>,
  end: () => void,
): AsyncGenerator<Batch, void, undefined> {
  try {
    yield* batches;
  } finally {
    end();
  }
}
