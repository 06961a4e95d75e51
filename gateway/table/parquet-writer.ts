import { ByteWriter, type ColumnSource, ParquetWriter as FileWriter, type SchemaElement } from 'hyparquet-writer';
import { compress } from 'zstd-napi';
import type { ColumnKind, ColumnRows, TableBatch, TableColumn, TableSchema, TableWriter } from './column-table.ts';
import { int64Of } from './int64.ts';

/** Rows that are held in memory until they are written as a row group. */
const GROUP_ROWS = 65_536;

const ZSTD_LEVEL = 3;

/** Physical type of a column and how its values lie in a page. Numbers have no dictionary: it would not tell -0 from 0. */
const PHYSICAL: Readonly<Record<ColumnKind, Pick<SchemaElement, 'type' | 'converted_type' | 'logical_type'>>> = {
  time: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MICROS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
  },
  number: { type: 'DOUBLE' },
  integer: { type: 'INT64' },
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  name: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  flag: { type: 'BOOLEAN' },
  binary: { type: 'BYTE_ARRAY' },
};
const ENCODINGS: Partial<Record<ColumnKind, NonNullable<ColumnSource['encoding']>>> = {
  time: 'DELTA_BINARY_PACKED',
  number: 'PLAIN',
  name: 'RLE_DICTIONARY',
};

/** A Parquet file of a table, written row group by row group. */
export class ParquetWriter implements TableWriter {
  readonly #columns: readonly TableColumn[];
  readonly #bytes = new ByteWriter();
  readonly #file: FileWriter;
  #held: TableBatch[] = [];
  #rows = 0;

  constructor({ columns, about }: TableSchema) {
    this.#columns = columns;
    this.#file = new FileWriter({
      writer: this.#bytes,
      schema: [{ name: 'table', num_children: columns.length }, ...columns.map(elementOf)],
      codec: 'ZSTD',
      compressors: { ZSTD: (page) => compress(page, { compressionLevel: ZSTD_LEVEL }) },
      kvMetadata: Object.entries(about).map(([key, value]) => ({ key, value })),
      createdBy: 'caisson',
    });
  }

  begin(): Uint8Array {
    return this.#take();
  }

  write(batch: TableBatch): Uint8Array {
    // Values and their absence do not mix in a group, so that numbers stay in typed arrays, bit for bit.
    if (this.#held.length > 0 && !isLike(this.#held[0], batch)) this.#writeGroup();
    this.#held.push(batch);
    this.#rows += batch.rows;
    if (this.#rows >= GROUP_ROWS) this.#writeGroup();
    return this.#take();
  }

  end(): Uint8Array {
    this.#writeGroup();
    void this.#file.finish();
    return this.#take();
  }

  #writeGroup(): void {
    if (this.#rows === 0) return;
    const columnData = this.#columns.map((column, index) => {
      const encoding = ENCODINGS[column.kind];
      const data = joined(
        this.#held.map(({ rows, columns }) => ({ rows, of: columns[index] ?? { kind: 'none' as const } })),
        this.#rows,
      );
      return { name: column.name, data, ...(encoding !== undefined && { encoding }) };
    });
    void this.#file.write({ columnData, rowGroupSize: this.#rows });
    this.#held = [];
    this.#rows = 0;
  }

  #take(): Uint8Array {
    const bytes = this.#bytes.getBytes().slice();
    this.#bytes.index = 0;
    return bytes;
  }
}

function elementOf({ name, kind, isNullable = false }: TableColumn): SchemaElement {
  return { name, repetition_type: isNullable ? 'OPTIONAL' : 'REQUIRED', ...PHYSICAL[kind] };
}

function isLike(a: TableBatch | undefined, b: TableBatch): boolean {
  return b.columns.every(({ kind }, index) => a?.columns[index]?.kind === kind);
}

/** The rows of one column of a group. */
function joined(
  parts: readonly { readonly rows: number; readonly of: ColumnRows }[],
  rows: number,
): ColumnSource['data'] {
  const [first] = parts;
  if (first?.of.kind === 'number' && parts.every(({ of }) => of.kind !== 'number' || of.valid === undefined)) {
    const column = new Float64Array(rows);
    copyParts(column, parts, (of) => (of.kind === 'number' ? of.values : undefined));
    return column;
  }
  if (first?.of.kind === 'time' && parts.every(({ of }) => of.kind !== 'time' || of.valid === undefined)) {
    const column = new BigInt64Array(rows);
    copyParts(column, parts, (of) => (of.kind === 'time' ? int64Of(of.values) : undefined));
    return column;
  }
  return parts.flatMap(({ rows: count, of }) => cellsOf(of, count));
}

function copyParts<Column extends Float64Array | BigInt64Array>(
  column: Column,
  parts: readonly { readonly rows: number; readonly of: ColumnRows }[],
  valuesOf: (of: ColumnRows) => Column | undefined,
): void {
  let at = 0;
  for (const { rows, of } of parts) {
    const values = valuesOf(of);
    if (values !== undefined) (column.set as (from: Column, at: number) => void).call(column, values, at);
    at += rows;
  }
}

function cellsOf(of: ColumnRows, rows: number): unknown[] {
  if (of.kind === 'none') return new Array<null>(rows).fill(null);
  if (of.kind === 'name') return new Array<string>(rows).fill(of.value);
  const { valid } = of;
  const values: readonly unknown[] =
    of.kind === 'flag'
      ? Array.from(of.values, (flag) => flag !== 0)
      : of.kind === 'time'
        ? Array.from(int64Of(of.values))
        : Array.from<unknown>(of.values);
  return valid === undefined ? [...values] : values.map((value, row) => (valid[row] === 0 ? null : value));
}
