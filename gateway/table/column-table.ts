/**
 * A table as it leaves for other programs: columns of declared kinds, in batches of bounded size. What makes tables (queries,
 * SQL, exports) and what writes them (Arrow, Parquet, CSV) meet here and know nothing of each other.
 */

/**
 * time: UTC, whole microseconds; number: float64, every bit kept; integer: int64; name: text of which each batch has one value
 * only; flag: true or false.
 */
export type ColumnKind = 'time' | 'number' | 'integer' | 'text' | 'name' | 'flag' | 'binary';

export interface TableColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Only such a column may have rows without a value; one of names may not be. */
  readonly isNullable?: boolean;
  /** Of a column of names: every one that can occur, at most NAMES_MAX. */
  readonly names?: readonly string[];
}

/** Names of one column: as many as an index of 16 bits tells apart. */
export const NAMES_MAX = 32_767;

export interface TableSchema {
  readonly columns: readonly TableColumn[];
  /** What is known of the table as a whole, in words of the format that is written. */
  readonly about: Readonly<Record<string, string>>;
}

/** The rows of one column in one batch, of the kind that the schema says; `none`: no row has a value. */
export type ColumnRows =
  | { readonly kind: 'time' | 'number'; readonly values: Float64Array; readonly valid?: Uint8Array }
  | { readonly kind: 'integer'; readonly values: BigInt64Array; readonly valid?: Uint8Array }
  | { readonly kind: 'text'; readonly values: readonly string[]; readonly valid?: Uint8Array }
  | { readonly kind: 'binary'; readonly values: readonly Uint8Array[]; readonly valid?: Uint8Array }
  | { readonly kind: 'flag'; readonly values: Uint8Array; readonly valid?: Uint8Array }
  | { readonly kind: 'name'; readonly value: string }
  | { readonly kind: 'none' };

/** `valid` of a column has a byte a row, 0 where there is no value; without it every row has one. */
export interface TableBatch {
  readonly rows: number;
  /** As many as the schema has, in its order. */
  readonly columns: readonly ColumnRows[];
}

export interface ColumnTable extends TableSchema {
  /** Made as they are asked for; once. */
  readonly batches: Iterable<TableBatch> | AsyncIterable<TableBatch>;
}

/** Turns batches into the bytes of a file. What a method returns may be empty; what is returned before may be sent on at once. */
export interface TableWriter {
  begin(): Uint8Array;
  write(batch: TableBatch): Uint8Array;
  end(): Uint8Array;
}

/** The bytes of a whole table, piece by piece, none of them empty. */
export async function* writtenTable(
  table: ColumnTable,
  writer: TableWriter,
): AsyncGenerator<Uint8Array, void, undefined> {
  const head = writer.begin();
  if (head.length > 0) yield head;
  for await (const batch of table.batches) {
    const bytes = writer.write(batch);
    if (bytes.length > 0) yield bytes;
  }
  const tail = writer.end();
  if (tail.length > 0) yield tail;
}
