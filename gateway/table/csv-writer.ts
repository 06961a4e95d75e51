import { Buffer } from 'node:buffer';
import { utcText } from '../utc-text.ts';
import type { ColumnRows, TableBatch, TableSchema, TableWriter } from './column-table.ts';

const NO_BYTES = new Uint8Array(0);

/**
 * CSV (RFC 4180) with a header line. Times are ISO 8601 with six digits, numbers have as many digits as it takes to read the same
 * float64 again, flags are 0 and 1, blobs hexadecimal; what has no value is empty, and an empty text is `""`.
 */
export class CsvWriter implements TableWriter {
  readonly #schema: TableSchema;

  constructor(schema: TableSchema) {
    this.#schema = schema;
  }

  begin(): Uint8Array {
    return Buffer.from(`${this.#schema.columns.map(({ name }) => csvField(name)).join(',')}\n`);
  }

  write({ rows, columns }: TableBatch): Uint8Array {
    const cells = columns.map(cellText);
    let text = '';
    for (let row = 0; row < rows; row += 1) {
      for (let i = 0; i < cells.length; i += 1) {
        if (i > 0) text += ',';
        text += cells[i]?.(row) ?? '';
      }
      text += '\n';
    }
    return Buffer.from(text);
  }

  end(): Uint8Array {
    return NO_BYTES;
  }
}

/** A field as it stands in CSV. */
export function csvField(text: string): string {
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What writes the cells of a column by their row. */
function cellText(column: ColumnRows): (row: number) => string {
  if (column.kind === 'none') return () => '';
  if (column.kind === 'name') {
    const text = csvField(column.value);
    return () => text;
  }
  const { valid } = column;
  const text = valueText(column);
  return valid === undefined ? text : (row) => (valid[row] === 1 ? text(row) : '');
}

function valueText(column: Exclude<ColumnRows, { kind: 'none' | 'name' }>): (row: number) => string {
  if (column.kind === 'time') {
    const { values } = column;
    return (row) => utcText(values[row] as number) ?? String(values[row]);
  }
  if (column.kind === 'number') {
    const { values } = column;
    return (row) => (Object.is(values[row], -0) ? '-0' : String(values[row]));
  }
  if (column.kind === 'text') return (row) => csvField(column.values[row] ?? '');
  if (column.kind === 'binary') {
    return (row) => csvField(Buffer.from(column.values[row] ?? NO_BYTES).toString('hex'));
  }
  return (row) => String(column.values[row]);
}
