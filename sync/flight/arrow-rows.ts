import { type Data, type DataType, Field, makeData, RecordBatch, Schema, Struct, vectorFromArray } from 'apache-arrow';

/** A small table of which every row is at hand. */
export interface ArrowRows {
  readonly schema: Schema;
  /** None where there are no rows. */
  readonly batches: readonly RecordBatch[];
}

/** Rows as one record batch; a column has null where a row has null. */
export function arrowRows(fields: readonly Field[], rows: readonly (readonly unknown[])[]): ArrowRows {
  const children = fields.map(({ type }, index) =>
    columnOf(
      type,
      rows.map((row) => row[index] ?? null),
    ),
  );
  return arrowColumns(fields, children, rows.length);
}

/** Columns as one record batch. */
export function arrowColumns(fields: readonly Field[], children: readonly Data[], length: number): ArrowRows {
  const schema = new Schema([...fields]);
  if (length === 0) return { schema, batches: [] };
  const type = new Struct([...fields]);
  const batch = new RecordBatch(schema, makeData({ type, length, nullCount: 0, children: [...children] }));
  return { schema, batches: [batch] };
}

export function field(name: string, type: DataType, isNullable = false): Field {
  return new Field(name, type, isNullable);
}

function columnOf(type: DataType, cells: readonly unknown[]): Data {
  const [data, ...others] = vectorFromArray([...cells], type).data;
  if (data === undefined || others.length > 0) throw new Error(`${cells.length} cells of ${type} are not one run`);
  return data;
}
