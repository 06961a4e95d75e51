import { CaissonError } from '../../gateway/errors.ts';
import type { SqlParameters } from '../../gateway/query/sql/sql-statement.ts';
import type { SqlCell } from '../../gateway/query/sql/sql-value.ts';
import type { SqlCellMessage } from './messages.ts';

/** Values of SQL as they travel: every one as it is, also whole numbers that no float64 holds. */

export function encodeCell(cell: SqlCell): SqlCellMessage {
  if (cell === null) return {};
  if (typeof cell === 'number') return { number: cell };
  if (typeof cell === 'bigint') return { integer: String(cell) };
  return typeof cell === 'string' ? { text: cell } : { blob: cell };
}

/** @throws CaissonError `peer-invalid` */
export function decodeCell({ number, integer, text, blob }: SqlCellMessage): SqlCell {
  if (number !== undefined) return number;
  if (text !== undefined) return text;
  if (blob !== undefined) return blob.slice();
  if (integer === undefined) return null;
  if (!/^-?\d{1,19}$/.test(integer)) {
    throw new CaissonError('peer-invalid', `a whole number is '${integer}', expected decimal digits`);
  }
  return BigInt(integer);
}

export function encodeParameters(parameters: SqlParameters): Record<string, SqlCellMessage> {
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, encodeCell(value)]));
}

/** @throws CaissonError `query-invalid` */
export function decodeParameters(parameters: Readonly<Record<string, SqlCellMessage>>): SqlParameters {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, cell]) => {
      const value = decodeCell(cell);
      if (value instanceof Uint8Array) throw new CaissonError('query-invalid', `parameter ${name} is a blob`);
      return [name, value];
    }),
  );
}
