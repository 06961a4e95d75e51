/** What a table has in a column; bigints are INTEGER, numbers REAL. */
export type SqlValue = string | number | bigint | null;

/** What a result has in a cell: integers within 2^53 are numbers, blobs bytes. */
export type SqlCell = SqlValue | Uint8Array;
