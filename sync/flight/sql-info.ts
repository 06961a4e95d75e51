import {
  Bool,
  type Data,
  DataType,
  DenseUnion,
  Field,
  Int32,
  Int64,
  List,
  Map_,
  makeData,
  Struct,
  Uint32,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { type ArrowRows, arrowColumns, field } from './arrow-rows.ts';

/** What is told of the server, by the numbers of Flight SQL's enum SqlInfo: text, yes or no, a count, or one of an enum. */
export type SqlInfoValue = { text: string } | { flag: boolean } | { count: number } | { choice: number };

const CASE_INSENSITIVE = 1;
const NULLS_SORTED_LOW = 1;

/** @param version of Caisson */
export function sqlInfoOf(version: string, secondsMax: number): ReadonlyMap<number, SqlInfoValue> {
  return new Map<number, SqlInfoValue>([
    [0, { text: 'Caisson' }], // FLIGHT_SQL_SERVER_NAME
    [1, { text: version }], // FLIGHT_SQL_SERVER_VERSION
    [3, { flag: true }], // FLIGHT_SQL_SERVER_READ_ONLY
    [4, { flag: true }], // FLIGHT_SQL_SERVER_SQL
    [5, { flag: false }], // FLIGHT_SQL_SERVER_SUBSTRAIT
    [8, { choice: 0 }], // FLIGHT_SQL_SERVER_TRANSACTION: none
    [9, { flag: false }], // FLIGHT_SQL_SERVER_CANCEL
    [10, { flag: false }], // FLIGHT_SQL_SERVER_BULK_INGESTION
    [100, { choice: secondsMax * 1e3 }], // FLIGHT_SQL_SERVER_STATEMENT_TIMEOUT, milliseconds
    [500, { flag: false }], // SQL_DDL_CATALOG
    [501, { flag: false }], // SQL_DDL_SCHEMA
    [502, { flag: false }], // SQL_DDL_TABLE
    [503, { choice: CASE_INSENSITIVE }], // SQL_IDENTIFIER_CASE
    [504, { text: '"' }], // SQL_IDENTIFIER_QUOTE_CHAR
    [505, { choice: CASE_INSENSITIVE }], // SQL_QUOTED_IDENTIFIER_CASE
    [506, { flag: true }], // SQL_ALL_TABLES_ARE_SELECTABLE
    [507, { choice: NULLS_SORTED_LOW }], // SQL_NULL_ORDERING
    [563, { flag: false }], // SQL_TRANSACTIONS_SUPPORTED
  ]);
}

/** The members of the union that Flight SQL has for values, in the order of their type ids. */
const MEMBERS = [
  field('string_value', new Utf8(), true),
  field('bool_value', new Bool(), true),
  field('bigint_value', new Int64(), true),
  field('int32_bitmask', new Int32(), true),
  field('string_list', new List(field('item', new Utf8(), true)), true),
  field('int32_to_int32_list_map', mapOfLists(), true),
];
const TYPE_IDS = MEMBERS.map((_, id) => id);

/** The answer to GetSqlInfo: `info_name` and a dense union for `value`. @param wanted all of them where it is empty */
export function sqlInfoTable(known: ReadonlyMap<number, SqlInfoValue>, wanted: readonly number[]): ArrowRows {
  const infos = [...known].filter(([name]) => wanted.length === 0 || wanted.includes(name));
  const members: unknown[][] = MEMBERS.map(() => []);
  const typeIds = new Int8Array(infos.length);
  const valueOffsets = new Int32Array(infos.length);
  for (const [row, [, value]] of infos.entries()) {
    const [id, cell] = memberOf(value);
    typeIds[row] = id;
    valueOffsets[row] = members[id]?.length ?? 0;
    members[id]?.push(cell);
  }
  const type = new DenseUnion(TYPE_IDS, [...MEMBERS]);
  const children = MEMBERS.map((member, id) => memberData(member, members[id] ?? []));
  const union = makeData({ type, length: infos.length, nullCount: 0, typeIds, valueOffsets, children });
  const names = makeData({ type: new Uint32(), data: Uint32Array.from(infos, ([name]) => name) });
  return arrowColumns([field('info_name', new Uint32()), field('value', type)], [names, union], infos.length);
}

function memberOf(value: SqlInfoValue): [id: number, cell: unknown] {
  if ('text' in value) return [0, value.text];
  if ('flag' in value) return [1, value.flag];
  return 'count' in value ? [2, BigInt(value.count)] : [3, value.choice];
}

function memberData({ type }: Field, cells: readonly unknown[]): Data {
  const [data] = cells.length === 0 ? [] : vectorFromArray([...cells], type).data;
  return data ?? emptyData(type);
}

/** No values of a type, nor of the types it is made of. */
function emptyData(type: DataType): Data {
  const [child] = type.children ?? [];
  if (child === undefined) return makeData({ type: type as Utf8 });
  if (DataType.isStruct(type))
    return makeData({ type, length: 0, children: type.children.map((each) => emptyData(each.type)) });
  return makeData({ type: type as List, length: 0, valueOffsets: new Int32Array(1), child: emptyData(child.type) });
}

function mapOfLists(): Map_<Int32, List<Int32>> {
  const entries = new Struct<{ key: Int32; value: List<Int32> }>([
    new Field('key', new Int32(), false),
    new Field('value', new List(new Field('item', new Int32(), true)), true),
  ]);
  return new Map_(new Field('entries', entries, false), false);
}
