import type { Statements } from './database.ts';

/** Parameters of one statement; the protocol counts them in 16 bits. */
const PARAMETERS_MAX = 32_000;

/**
 * Inserts rows with as few statements as can be. Bytes travel as they are: within an array or COPY's text they would be twice as many.
 * @returns what they came to
 * @param more what to do about rows that are there, as SQL
 */
export function insertRows(
  statements: Statements,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
  more = '',
): Promise<unknown>[] {
  const rowsMax = Math.floor(PARAMETERS_MAX / columns.length);
  const names = columns.map((name) => `"${name}"`).join();
  const sent: Promise<unknown>[] = [];
  for (let from = 0; from < rows.length; from += rowsMax) {
    const some = rows.slice(from, from + rowsMax);
    const values = some.map((_, row) => `(${columns.map((_, at) => `$${row * columns.length + at + 1}`).join()})`);
    sent.push(statements.query(`INSERT INTO ${table} (${names}) VALUES ${values.join()} ${more}`, some.flat()));
  }
  return sent;
}
