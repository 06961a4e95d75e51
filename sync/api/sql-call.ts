import type { SqlLimits } from '../../gateway/query/sql/run-sql.ts';
import type { SqlChunkMessage, SqlRequestMessage } from './messages.ts';
import type { Outflow } from './outflow.ts';
import { decodeParameters, encodeCell } from './sql-cells.ts';
import { SERVER_SQL_LIMITS, type SqlStatements } from './sql-statements.ts';

/**
 * Answers a statement, which waits while nobody takes its rows, and ends when nobody reads on.
 * @throws CaissonError `query-invalid`, `query-limit`, `store-unusable`
 */
export async function answerSql(
  statements: Pick<SqlStatements<never>, 'run'>,
  request: SqlRequestMessage,
  out: Outflow<SqlChunkMessage>,
): Promise<void> {
  // What is said between two batches of rows goes with the stream's own bound: a few words at most.
  const run = await statements.run(request.statement, decodeParameters(request.parameters), limitsOf(request), {
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

/** What is asked for, where it is something and no more than may be had. */
function limitsOf({ seconds, rows, memoryMib }: SqlRequestMessage): SqlLimits {
  const within = (asked: number, most: number) => (asked > 0 ? Math.min(asked, most) : most);
  return {
    seconds: within(seconds, SERVER_SQL_LIMITS.seconds),
    rows: within(rows, SERVER_SQL_LIMITS.rows),
    memoryMib: within(memoryMib, SERVER_SQL_LIMITS.memoryMib),
  };
}
