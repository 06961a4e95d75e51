/** What a table has in a column; bigints are INTEGER, numbers REAL. */
export type SqlValue = string | number | bigint | null;

/** A number as an INTEGER of SQL. */
export function whole(value: number): bigint {
  return BigInt(Math.round(value));
}

/** What a result has in a cell: integers within 2^53 are numbers, blobs bytes. */
export type SqlCell = SqlValue | Uint8Array;
