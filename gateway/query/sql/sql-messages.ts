import type { ErrorCode } from '../../errors.ts';
import type { SqlRead } from './sql-meter.ts';
import type { SqlColumn, SqlParameters } from './sql-statement.ts';
import type { SqlCell } from './sql-value.ts';

/** A store that statements read: its folder; or, with the script of a process that opens it, what that takes for one. */
export interface SqlPlace {
  readonly place: string;
  readonly script?: URL;
}

/** What the process of a statement is asked, first and once. */
export interface SqlRequest extends Pick<SqlPlace, 'place'> {
  readonly sql: string;
  readonly parameters: SqlParameters;
  /** The present, UTC, microseconds. */
  readonly now: number;
}

/** To the process: the statement, then a word for each batch that was taken. */
export type ToSql = ({ readonly kind: 'run' } & SqlRequest) | { readonly kind: 'taken' };

export type FromSql =
  | { readonly kind: 'columns'; readonly columns: readonly SqlColumn[] }
  | { readonly kind: 'rows'; readonly rows: readonly SqlCell[][] }
  | ({ readonly kind: 'progress' } & SqlRead)
  | { readonly kind: 'notice'; readonly text: string }
  | ({ readonly kind: 'done' } & SqlRead)
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined };

/** Batches that may be on their way. At the maximum: the statement waits. */
export const BATCHES_MAX = 4;

/** Rows of one batch. */
export const BATCH_ROWS = 1024;

/** UTF-16 units of text and bytes of blobs after which a batch ends. */
export const BATCH_UNITS = 256 * 1024;
