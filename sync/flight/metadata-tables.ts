import {
  Binary,
  Bool,
  type DataType,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  Schema,
  Timestamp,
  TimeUnit,
  Utf8,
} from 'apache-arrow';
import { COLUMN_KINDS, type SqlColumnKind } from '../../gateway/query/sql/column-kinds.ts';
import { SQL_TABLES, type SqlTable } from '../../gateway/query/sql/store-tables.ts';
import { type ArrowRows, arrowRows, field } from './arrow-rows.ts';
import { schemaMessage } from './flight-data.ts';
import type { SqlCommands } from './sql-commands.ts';

/** Tables of a database of SQLite are in a schema of this name; there are no catalogs. */
const DB_SCHEMA = 'main';

/** A table of its own, and one that takes arguments. */
const TABLE = 'TABLE';
const TABLE_FUNCTION = 'TABLE FUNCTION';

const TYPES: Readonly<Record<SqlColumnKind, DataType>> = {
  time: new Timestamp(TimeUnit.MICROSECOND, 'UTC'),
  integer: new Int64(),
  real: new Float64(),
  text: new Utf8(),
};

export function catalogsTable(): ArrowRows {
  return arrowRows([field('catalog_name', new Utf8())], []);
}

export function dbSchemasTable({ catalog, dbSchemaFilterPattern }: SqlCommands['CommandGetDbSchemas']): ArrowRows {
  const fields = [field('catalog_name', new Utf8(), true), field('db_schema_name', new Utf8())];
  return arrowRows(fields, isHere(catalog, dbSchemaFilterPattern) ? [[null, DB_SCHEMA]] : []);
}

export function tablesTable(command: SqlCommands['CommandGetTables']): ArrowRows {
  const { catalog, dbSchemaFilterPattern, tableNameFilterPattern, tableTypes, includeSchema } = command;
  const fields = [
    field('catalog_name', new Utf8(), true),
    field('db_schema_name', new Utf8(), true),
    field('table_name', new Utf8()),
    field('table_type', new Utf8()),
    ...(includeSchema ? [field('table_schema', new Binary())] : []),
  ];
  const rows = Object.entries<SqlTable>(SQL_TABLES).flatMap(([name, table]) => {
    const type = table.parameters === undefined ? TABLE : TABLE_FUNCTION;
    const isWanted =
      isHere(catalog, dbSchemaFilterPattern) &&
      isLike(name, tableNameFilterPattern) &&
      (tableTypes.length === 0 || tableTypes.includes(type));
    return isWanted ? [[null, DB_SCHEMA, name, type, ...(includeSchema ? [schemaMessage(schemaOf(table))] : [])]] : [];
  });
  return arrowRows(fields, rows);
}

export function tableTypesTable(): ArrowRows {
  return arrowRows([field('table_type', new Utf8())], [[TABLE], [TABLE_FUNCTION]]);
}

/** No table has a key. */
export function primaryKeysTable(): ArrowRows {
  const fields = [
    field('catalog_name', new Utf8(), true),
    field('db_schema_name', new Utf8(), true),
    field('table_name', new Utf8()),
    field('column_name', new Utf8()),
    field('key_name', new Utf8(), true),
    field('key_sequence', new Int32()),
  ];
  return arrowRows(fields, []);
}

/** Types that columns may have, by the numbers of XDBC: name, number, size, what encloses a literal, whether letters differ. */
const XDBC_TYPES = [
  ['BLOB', -3, 2 ** 31 - 1, "x'", "'", false],
  ['INTEGER', -5, 19, null, null, false],
  ['REAL', 8, 15, null, null, false],
  ['TEXT', 12, 2 ** 31 - 1, "'", "'", true],
  ['TIMESTAMP', 93, 27, null, null, false],
] as const;

const NULLABLE = 1;
const SEARCHABLE_FULL = 3;
const DATETIME = 9;
const SUBCODE_TIMESTAMP = 3;

/** @param wanted number of a type; undefined: all */
export function xdbcTypesTable(wanted: number | undefined): ArrowRows {
  const fields = [
    field('type_name', new Utf8()),
    field('data_type', new Int32()),
    field('column_size', new Int32(), true),
    field('literal_prefix', new Utf8(), true),
    field('literal_suffix', new Utf8(), true),
    field('create_params', new List(field('item', new Utf8())), true),
    field('nullable', new Int32()),
    field('case_sensitive', new Bool()),
    field('searchable', new Int32()),
    field('unsigned_attribute', new Bool(), true),
    field('fixed_prec_scale', new Bool()),
    field('auto_increment', new Bool(), true),
    field('local_type_name', new Utf8(), true),
    field('minimum_scale', new Int32(), true),
    field('maximum_scale', new Int32(), true),
    field('sql_data_type', new Int32()),
    field('datetime_subcode', new Int32(), true),
    field('num_prec_radix', new Int32(), true),
    field('interval_precision', new Int32(), true),
  ];
  const rows = XDBC_TYPES.filter(([, type]) => wanted === undefined || wanted === type).map(
    ([name, type, size, prefix, suffix, isCaseSensitive]) => {
      const isNumber = name === 'INTEGER' || name === 'REAL';
      const isTime = name === 'TIMESTAMP';
      return [
        ...[
          name,
          type,
          size,
          prefix,
          suffix,
          null,
          NULLABLE,
          isCaseSensitive,
          SEARCHABLE_FULL,
          isNumber ? false : null,
        ],
        ...[false, isNumber ? false : null, name, null, null, isTime ? DATETIME : type],
        ...[isTime ? SUBCODE_TIMESTAMP : null, isNumber ? 10 : null, null],
      ];
    },
  );
  return arrowRows(fields, rows);
}

function schemaOf({ columns }: SqlTable): Schema {
  return new Schema(columns.map((name) => new Field(name, TYPES[COLUMN_KINDS.get(name) ?? 'text'], true)));
}

function isHere(catalog: string | undefined, dbSchemaPattern: string | undefined): boolean {
  return (catalog ?? '') === '' && isLike(DB_SCHEMA, dbSchemaPattern);
}

/** SQL's LIKE: `%` any text, `_` any letter. Without a pattern, or with an empty one, everything is. */
function isLike(text: string, pattern: string | undefined): boolean {
  if (pattern === undefined || pattern === '') return true;
  const expression = pattern
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('%', '.*')
    .replaceAll('_', '.');
  return new RegExp(`^${expression}$`, 'is').test(text);
}
