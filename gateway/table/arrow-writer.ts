import { Buffer } from 'node:buffer';
import {
  Binary,
  Bool,
  type Data,
  type DataType,
  Dictionary,
  Field,
  Float64,
  Int16,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Timestamp,
  TimeUnit,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import { ArrowStream } from './arrow-stream.ts';
import type { ColumnRows, TableBatch, TableColumn, TableSchema, TableWriter } from './column-table.ts';
import { int64Of } from './int64.ts';

/**
 * The Arrow IPC stream of a table. Columns of numbers are laid over as they are, so that every bit of a NaN survives; names are a
 * dictionary; times are Timestamp[us, UTC].
 */
export class ArrowWriter implements TableWriter {
  readonly #stream: ArrowStream;
  readonly #columns: readonly {
    readonly column: TableColumn;
    readonly field: Field;
    readonly names: Names | undefined;
  }[];

  constructor({ columns, about }: TableSchema) {
    const fields = columns.map((column, index) => fieldOf(column, index));
    this.#stream = new ArrowStream(new Schema(fields, new Map(Object.entries(about))));
    this.#columns = columns.map((column, index) => ({
      column,
      field: fields[index] as Field,
      names: column.kind === 'name' ? new Names(column.names ?? []) : undefined,
    }));
  }

  begin(): Uint8Array {
    return this.#stream.begin();
  }

  write({ rows, columns }: TableBatch): Uint8Array {
    const children = this.#columns.map(({ column, field, names }, index) =>
      dataOf(column, field.type, names, columns[index] ?? { kind: 'none' }, rows),
    );
    const { schema } = this.#stream;
    const type = new Struct(schema.fields);
    return this.#stream.write(new RecordBatch(schema, makeData({ type, length: rows, nullCount: 0, children })));
  }

  end(): Uint8Array {
    return this.#stream.end();
  }
}

/** A dictionary of names, with the index of each. */
class Names {
  readonly vector: Vector<Utf8>;
  readonly #indexes: ReadonlyMap<string, number>;

  constructor(names: readonly string[]) {
    this.vector = vectorFromArray([...names], new Utf8());
    this.#indexes = new Map(names.map((name, index) => [name, index]));
  }

  indexOf(name: string): number {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`${name} is none of the names of its column`);
    return index;
  }
}

function fieldOf({ name, kind, isNullable = false }: TableColumn, index: number): Field {
  return new Field(name, typeOf(kind, index), isNullable);
}

function typeOf(kind: TableColumn['kind'], dictionary: number): DataType {
  if (kind === 'time') return new Timestamp(TimeUnit.MICROSECOND, 'UTC');
  if (kind === 'number') return new Float64();
  if (kind === 'integer') return new Int64();
  if (kind === 'flag') return new Bool();
  if (kind === 'binary') return new Binary();
  return kind === 'text' ? new Utf8() : new Dictionary(new Utf8(), new Int16(), dictionary);
}

function dataOf(
  column: TableColumn,
  type: DataType,
  names: Names | undefined,
  given: ColumnRows,
  length: number,
): Data {
  const rows = given.kind === 'none' ? emptyRows(column, length) : given;
  if (rows.kind === 'name') {
    if (names === undefined) throw new Error(`${column.name} is no column of names`);
    const data = new Int16Array(length).fill(names.indexOf(rows.value));
    return makeData({ type: type as Dictionary<Utf8, Int16>, length, nullCount: 0, data, dictionary: names.vector });
  }
  const nulls = nullsOf(rows.valid);
  if (rows.kind === 'flag') return makeData({ type: type as Bool, length, ...nulls, data: bitmapOf(rows.values) });
  if (rows.kind === 'binary') return makeData({ type: type as Binary, length, ...nulls, ...joined(rows.values) });
  if (rows.kind === 'text') {
    const pieces = rows.values.map((text) => Buffer.from(text));
    return makeData({ type: type as Utf8, length, ...nulls, ...joined(pieces) });
  }
  if (rows.kind === 'number') return makeData({ type: type as Float64, length, ...nulls, data: rows.values });
  if (rows.kind === 'integer') return makeData({ type: type as Int64, length, ...nulls, data: rows.values });
  return makeData({ type: type as Timestamp, length, ...nulls, data: int64Of(rows.values) });
}

/** Rows of a column none of which has a value. */
function emptyRows({ name, kind, isNullable }: TableColumn, length: number): Exclude<ColumnRows, { kind: 'none' }> {
  if (isNullable !== true || kind === 'name') throw new Error(`${name} must have a value in every row`);
  const valid = new Uint8Array(length);
  if (kind === 'text') return { kind, values: new Array<string>(length).fill(''), valid };
  if (kind === 'binary') return { kind, values: new Array<Uint8Array>(length).fill(new Uint8Array(0)), valid };
  if (kind === 'integer') return { kind, values: new BigInt64Array(length), valid };
  return kind === 'flag'
    ? { kind, values: new Uint8Array(length), valid }
    : { kind, values: new Float64Array(length), valid };
}

function nullsOf(valid: Uint8Array | undefined): { nullCount: number; nullBitmap?: Uint8Array } {
  if (valid === undefined) return { nullCount: 0 };
  let nullCount = 0;
  for (const each of valid) nullCount += each === 0 ? 1 : 0;
  return { nullCount, nullBitmap: bitmapOf(valid) };
}

/** A bit a byte, least significant first, padded to eight bytes. */
function bitmapOf(flags: Uint8Array): Uint8Array {
  const bits = new Uint8Array(8 * Math.ceil(flags.length / 64));
  for (let i = 0; i < flags.length; i += 1) {
    if (flags[i] !== 0) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
  return bits;
}

function joined(pieces: readonly Uint8Array[]): { valueOffsets: Int32Array; data: Uint8Array } {
  const valueOffsets = new Int32Array(pieces.length + 1);
  pieces.forEach((piece, i) => {
    valueOffsets[i + 1] = (valueOffsets[i] as number) + piece.length;
  });
  return { valueOffsets, data: Buffer.concat(pieces) };
}
