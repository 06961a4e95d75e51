import { Buffer } from 'node:buffer';
import { CaissonError } from '../errors.ts';
import type { SqlColumnKind } from '../query/sql/column-kinds.ts';
import type { SqlRun } from '../query/sql/run-sql.ts';
import type { SqlCell } from '../query/sql/sql-value.ts';
import type { ColumnKind, ColumnRows, ColumnTable, TableBatch } from './column-table.ts';

/** Kinds that columns of SQL become. */
export type ResultKind = Exclude<ColumnKind, 'name' | 'flag'>;

/** UTF-16 units of text and bytes of blobs in one batch; a row with more travels alone. */
const BATCH_UNITS_MAX = 128 * 1024;

const KINDS: Readonly<Record<SqlColumnKind, ResultKind>> = {
  time: 'time',
  integer: 'integer',
  real: 'number',
  text: 'text',
};

/**
 * The result of a statement as a table. SQLite gives each cell a type of its own, a table has one for a column: that of the table
 * it is read from, or, where it is computed, what its first rows hold; numbers where these are NULL.
 *
 * @param kinds what a run of the same statement before had
 * @returns a table of which the batches may throw CaissonError `query-invalid`, where a later row does not fit
 * @throws CaissonError what the statement throws up to its first rows
 */
export async function sqlTable(
  run: SqlRun,
  kinds?: readonly ResultKind[],
): Promise<ColumnTable & { readonly kinds: readonly ResultKind[] }> {
  const { value, done } = await run.batches.next();
  const first: readonly SqlCell[][] = done === true ? [] : value;
  const found = run.columns.map(({ kind }, index) => {
    return kinds?.[index] ?? (kind === undefined ? kindOfCells(first, index) : KINDS[kind]);
  });
  const columns = run.columns.map(({ name }, index) => {
    return { name, kind: found[index] ?? 'number', isNullable: true };
  });
  return { columns, about: {}, kinds: found, batches: batchesOf(run, first, columns) };
}

function kindOfCells(rows: readonly SqlCell[][], index: number): ResultKind {
  let kind: ResultKind | undefined;
  for (const row of rows) {
    const cell = row[index] ?? null;
    if (typeof cell === 'string') return 'text';
    if (cell instanceof Uint8Array) return 'binary';
    if (typeof cell === 'bigint') kind = 'integer';
  }
  return kind ?? 'number';
}

async function* batchesOf(
  run: SqlRun,
  first: readonly SqlCell[][],
  columns: readonly { readonly name: string; readonly kind: ResultKind }[],
): AsyncGenerator<TableBatch, void, undefined> {
  try {
    yield* bounded(first, columns);
    for await (const rows of run.batches) yield* bounded(rows, columns);
  } finally {
    run.stop();
  }
}

/** Rows as batches of a bounded size. */
function* bounded(
  rows: readonly SqlCell[][],
  columns: readonly { readonly name: string; readonly kind: ResultKind }[],
): Generator<TableBatch> {
  for (let start = 0; start < rows.length; ) {
    let end = start;
    for (let units = 0; end < rows.length; end += 1) {
      for (const cell of rows[end] ?? []) {
        if (typeof cell === 'string' || cell instanceof Uint8Array) units += cell.length;
      }
      if (units > BATCH_UNITS_MAX && end > start) break;
    }
    const part = rows.slice(start, end);
    const cellsOf = (index: number) => part.map((row) => row[index] ?? null);
    yield {
      rows: part.length,
      columns: columns.map(({ name, kind }, index) => columnOf(name, kind, cellsOf(index))),
    };
    start = end;
  }
}

function columnOf(name: string, kind: ResultKind, cells: readonly SqlCell[]): ColumnRows {
  const valid = Uint8Array.from(cells, (cell) => (cell === null ? 0 : 1));
  const nulls = valid.includes(0) ? { valid } : {};
  const unfit = (cell: SqlCell) => misfit(name, kind, cell);
  if (kind === 'text') return { kind, values: cells.map((cell) => textOf(cell) ?? unfit(cell)), ...nulls };
  if (kind === 'binary') return { kind, values: cells.map((cell) => bytesOf(cell) ?? unfit(cell)), ...nulls };
  if (kind === 'integer')
    return { kind, values: BigInt64Array.from(cells, (cell) => wholeOf(cell) ?? unfit(cell)), ...nulls };
  return { kind, values: Float64Array.from(cells, (cell) => numberOf(cell) ?? unfit(cell)), ...nulls };
}

function textOf(cell: SqlCell): string | undefined {
  return cell instanceof Uint8Array ? undefined : cell === null ? '' : String(cell);
}

function bytesOf(cell: SqlCell): Uint8Array | undefined {
  if (cell instanceof Uint8Array) return cell;
  return cell === null || typeof cell === 'string' ? Buffer.from(cell ?? '') : undefined;
}

function wholeOf(cell: SqlCell): bigint | undefined {
  if (typeof cell === 'bigint') return cell;
  return cell === null || Number.isSafeInteger(cell) ? BigInt((cell as number | null) ?? 0) : undefined;
}

function numberOf(cell: SqlCell): number | undefined {
  if (cell === null) return 0;
  return typeof cell === 'number' ? cell : undefined;
}

function misfit(name: string, kind: ResultKind, cell: SqlCell): never {
  const met = cell instanceof Uint8Array ? 'a blob' : JSON.stringify(String(cell).slice(0, 40));
  throw new CaissonError('query-invalid', `column ${name} has ${met}, where the rows before it have ${kind}`, {
    hint: `make it one type: CAST(${name} AS TEXT)`,
  });
}
