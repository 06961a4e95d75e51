import { CaissonError } from '../../gateway/errors.ts';
import { SQL_MEMORY_MIB_MAX, SQL_ROWS_MAX, SQL_SECONDS_MAX, SQL_STATEMENTS_MAX } from '../../gateway/limits.ts';
import { runSql, type SqlLimits } from '../../gateway/query/sql/run-sql.ts';
import type { SqlChunkMessage, SqlRequestMessage } from './messages.ts';
import type { Outflow } from './outflow.ts';
import { decodeParameters, encodeCell } from './sql-cells.ts';

/** Statements of SQL over the store of a server, at most SQL_STATEMENTS_MAX at a time. Beyond: refused, to be tried again. */
export class SqlCalls {
  readonly #dir: string;
  readonly #now: () => number;
  #running = 0;

  /**
   * @param dir folder of the store
   * @param now the present, UTC, microseconds
   */
  constructor(dir: string, now: () => number) {
    this.#dir = dir;
    this.#now = now;
  }

  /**
   * Answers a statement, which waits while nobody takes its rows, and ends when nobody reads on.
   * @throws CaissonError `query-invalid`, `query-limit`, `store-unusable`
   */
  async answer(request: SqlRequestMessage, out: Outflow<SqlChunkMessage>): Promise<void> {
    if (this.#running >= SQL_STATEMENTS_MAX) {
      throw new CaissonError('query-limit', `${SQL_STATEMENTS_MAX} statements run, no more may at a time`, {
        hint: 'try again when one of them has ended',
        retryable: true,
      });
    }
    this.#running += 1;
    try {
      await this.#run(request, out);
    } finally {
      this.#running -= 1;
    }
  }

  async #run(request: SqlRequestMessage, out: Outflow<SqlChunkMessage>): Promise<void> {
    const statement = {
      dir: this.#dir,
      sql: request.statement,
      parameters: decodeParameters(request.parameters),
      now: this.#now(),
    };
    // What is said between two batches of rows goes with the stream's own bound: a few words at most.
    const run = await runSql(statement, limitsOf(request), {
      notice: (notice) => void out.send({ notice }),
      progress: (read) => void out.send({ read }),
    });
    const stop = () => run.stop();
    out.closed.addEventListener('abort', stop);
    try {
      if (!(await out.send({ columns: { columns: run.columns } }))) return;
      for await (const rows of run.batches) {
        if (!(await out.send({ rows: { cells: rows.flatMap((row) => row.map(encodeCell)) } }))) return;
      }
      await out.send({ read: run.read() });
    } finally {
      out.closed.removeEventListener('abort', stop);
      run.stop();
    }
  }
}

/** What is asked for, where it is something and no more than may be had. */
function limitsOf({ seconds, rows, memoryMib }: SqlRequestMessage): SqlLimits {
  const within = (asked: number, most: number) => (asked > 0 ? Math.min(asked, most) : most);
  return {
    seconds: within(seconds, SQL_SECONDS_MAX),
    rows: within(rows, SQL_ROWS_MAX),
    memoryMib: within(memoryMib, SQL_MEMORY_MIB_MAX),
  };
}
