import type { SqlColumn } from '../query/sql/sql-statement.ts';
import type { SqlCell } from '../query/sql/sql-value.ts';
import { formatTime } from './time-text.ts';

/** Rows that the widths of a table are taken from; a longer cell below them shifts its line. */
export const WIDTH_ROWS_MAX = 1000;

/** Characters of a cell of a table; what is longer is cut, which the other formats never do. */
const CELL_CHARACTERS_MAX = 120;

/** How a result is written: columns for people, times of tables as ISO 8601; one JSON object a line, or CSV, both exact. */
export const SQL_FORMATS = ['table', 'csv', 'json'] as const;
export type SqlFormat = (typeof SQL_FORMATS)[number];

/** Writes a result as text, a batch at a time. */
export class SqlText {
  readonly #format: SqlFormat;
  readonly #columns: readonly SqlColumn[];
  readonly #keys: readonly string[];
  /** Of a table; undefined until its first rows are known. */
  #widths: readonly number[] | undefined;
  #isNumber: readonly boolean[] = [];

  constructor(format: SqlFormat, columns: readonly SqlColumn[]) {
    this.#format = format;
    this.#columns = columns;
    this.#keys = distinct(columns.map(({ name }) => name));
  }

  /** Rows as lines; the first call has the head with them, and of a table the widths are taken from it. */
  lines(rows: readonly (readonly SqlCell[])[]): string {
    const isFirst = this.#widths === undefined;
    if (this.#format === 'table') return this.#tableLines(rows);
    this.#widths = [];
    const head =
      this.#format === 'csv' && isFirst ? `${this.#columns.map(({ name }) => csvText(name)).join(',')}\n` : '';
    const line = this.#format === 'csv' ? csvLine : (row: readonly SqlCell[]) => jsonLine(this.#keys, row);
    return head + rows.map((row) => `${line(row)}\n`).join('');
  }

  #tableLines(rows: readonly (readonly SqlCell[])[]): string {
    const cells = rows.map((row) => row.map((cell, i) => tableText(cell, this.#columns[i]?.isTime === true)));
    let head = '';
    if (this.#widths === undefined) {
      this.#isNumber = this.#columns.map((column, i) => !column.isTime && rows.some((row) => isNumeric(row[i])));
      this.#widths = this.#columns.map(({ name }, i) =>
        Math.max(name.length, ...cells.slice(0, WIDTH_ROWS_MAX).map((row) => row[i]?.length ?? 0)),
      );
      head = `${this.#aligned(this.#columns.map(({ name }) => name.toUpperCase()))}\n`;
    }
    return head + cells.map((row) => `${this.#aligned(row)}\n`).join('');
  }

  #aligned(row: readonly string[]): string {
    const padded = row.map((cell, i) => {
      const width = this.#widths?.[i] ?? 0;
      return this.#isNumber[i] === true ? cell.padStart(width) : cell.padEnd(width);
    });
    return padded.join('  ').trimEnd();
  }
}

function isNumeric(cell: SqlCell | undefined): boolean {
  return typeof cell === 'number' || typeof cell === 'bigint';
}

function tableText(cell: SqlCell, isTime: boolean): string {
  if (cell === null) return 'NULL';
  if (isTime && typeof cell === 'number') return formatTime(cell);
  // A line is a row, whatever its text holds.
  const text = typeof cell === 'string' ? cell.replace(/[\r\n\t]+/g, ' ') : exactText(cell);
  return text.length <= CELL_CHARACTERS_MAX ? text : `${text.slice(0, CELL_CHARACTERS_MAX - 1)}…`;
}

function csvLine(row: readonly SqlCell[]): string {
  // NULL is nothing at all, an empty text is quoted.
  return row.map((cell) => (cell === null ? '' : cell === '' ? '""' : csvText(exactText(cell)))).join(',');
}

function csvText(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function jsonLine(keys: readonly string[], row: readonly SqlCell[]): string {
  return `{${row.map((cell, i) => `${JSON.stringify(keys[i])}:${jsonText(cell)}`).join(',')}}`;
}

function jsonText(cell: SqlCell): string {
  if (typeof cell === 'bigint') return String(cell);
  // JSON has no infinities and no bytes: they become text.
  if (typeof cell === 'number') return Number.isFinite(cell) ? JSON.stringify(cell) : JSON.stringify(String(cell));
  return JSON.stringify(cell === null || typeof cell === 'string' ? cell : exactText(cell));
}

function exactText(cell: Exclude<SqlCell, null>): string {
  if (typeof cell === 'object') return Buffer.from(cell).toString('hex');
  return Object.is(cell, -0) ? '-0' : String(cell);
}

/** Names of which none is there twice: the second `value` is `value_2`. */
function distinct(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let own = name;
    for (let number = 2; taken.has(own); number += 1) own = `${name}_${number}`;
    taken.add(own);
    return own;
  });
}
