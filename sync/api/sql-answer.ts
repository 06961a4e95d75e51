import { CaissonError } from '../../gateway/errors.ts';
import type { SqlLimits, SqlRun } from '../../gateway/query/sql/run-sql.ts';
import type { SqlListener, SqlRead } from '../../gateway/query/sql/sql-meter.ts';
import type { SqlParameters } from '../../gateway/query/sql/sql-statement.ts';
import type { SqlCell } from '../../gateway/query/sql/sql-value.ts';
import type { SqlChunkMessage, SqlRequestMessage } from './messages.ts';
import { decodeCell, encodeParameters } from './sql-cells.ts';

/** A statement that runs at a server, for whoever asked for it: as one that runs here. */

export function encodeSqlRequest(
  statement: string,
  parameters: SqlParameters,
  { seconds = 0, rows = 0, memoryMib = 0 }: Partial<SqlLimits>,
): SqlRequestMessage {
  return { statement, parameters: encodeParameters(parameters), seconds, rows, memoryMib };
}

/**
 * The answer to a statement as it comes; resolves when its columns are known.
 * @param stopping what ends the call
 * @throws CaissonError `peer-invalid`, or what the server says
 */
export async function readSqlAnswer(
  chunks: AsyncIterator<SqlChunkMessage>,
  listener: SqlListener,
  stopping: AbortController,
): Promise<SqlRun> {
  let read: SqlRead = { samples: 0, channels: 0 };

  /** The next chunk that is not said to the listener. */
  const next = async (): Promise<SqlChunkMessage | undefined> => {
    for (;;) {
      const { value, done } = await chunks.next();
      if (done === true) return undefined;
      if (value.notice !== undefined) listener.notice?.(value.notice);
      else if (value.read !== undefined) {
        read = value.read;
        listener.progress?.(read);
      } else return value;
    }
  };

  const head = await next();
  const columns = head?.columns?.columns ?? [];
  if (columns.length === 0) throw new CaissonError('peer-invalid', 'the answer to a statement begins without columns');

  async function* batches(): AsyncGenerator<readonly SqlCell[][], void, undefined> {
    try {
      for (let chunk = await next(); chunk !== undefined; chunk = await next()) {
        const cells = chunk.rows?.cells ?? [];
        if (cells.length % columns.length !== 0) {
          throw new CaissonError('peer-invalid', `${cells.length} cells in rows of ${columns.length}`);
        }
        const rows: SqlCell[][] = [];
        for (let at = 0; at < cells.length; at += columns.length) {
          rows.push(cells.slice(at, at + columns.length).map(decodeCell));
        }
        yield rows;
      }
    } finally {
      stopping.abort();
    }
  }

  return { columns, batches: batches(), read: () => read, stop: () => stopping.abort() };
}
