import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import t from 'tap';
import { type ColumnTable, type TableBatch, writtenTable } from '../../../gateway/table/column-table.ts';
import { int64Of } from '../../../gateway/table/int64.ts';
import { TABLE_FORMATS, type TableFormatName } from '../../../gateway/table/table-formats.ts';
import { bitsOf, bytesOf, exampleTable, ODD_BITS, ODD_TEXTS, ODD_TIMES } from './example-table.ts';

const folder = await mkdtemp(join(tmpdir(), 'caisson-table-'));
t.teardown(() => rm(folder, { recursive: true }));

async function written(format: TableFormatName, table: ColumnTable): Promise<Buffer> {
  return bytesOf(writtenTable(table, await TABLE_FORMATS[format].open(table)));
}

/** What DuckDB reads of a file, row by row. */
async function duckdb(format: TableFormatName, bytes: Buffer, sql: string): Promise<Record<string, unknown>[]> {
  const path = join(folder, `file.${TABLE_FORMATS[format].extension}`);
  await writeFile(path, bytes);
  const connection = await (await DuckDBInstance.create()).connect();
  await connection.run("set timezone = 'UTC'");
  const reader = await connection.runAndReadAll(sql.replaceAll('FILE', `'${path}'`));
  return reader.getRowObjects();
}

/** Rows whose values repeat, so that only a count and a sum have to be compared. */
function* manyBatches(batches: number, rows: number): Generator<TableBatch> {
  for (let batch = 0; batch < batches; batch += 1) {
    const first = batch * rows;
    yield {
      rows,
      columns: [
        { kind: 'time', values: Float64Array.from({ length: rows }, (_, i) => first + i) },
        { kind: 'number', values: Float64Array.from({ length: rows }, (_, i) => (first + i) % 7) },
      ],
    };
  }
}

const MANY = [
  { name: 'time', kind: 'time' },
  { name: 'value', kind: 'number' },
] as const;

t.test('whole numbers become int64 as a bigint of each would', async (t) => {
  t.same([...int64Of(ODD_TIMES)], Array.from(ODD_TIMES, BigInt));
  fc.assert(
    fc.property(fc.array(fc.maxSafeInteger()), (numbers) => {
      t.same([...int64Of(Float64Array.from(numbers))], numbers.map(BigInt));
    }),
  );
  t.same([...int64Of(Float64Array.of(Number.NaN, 1.5, -1.5))], [0n, 1n, -2n]);
});

t.test('Arrow keeps every bit, every time and what has no value', async (t) => {
  const table = tableFromIPC(await written('arrow', exampleTable()));
  t.equal(table.numRows, 2 * ODD_TIMES.length);
  t.same(
    table.schema.fields.map(({ name, type, nullable }) => [name, String(type), nullable]),
    [
      ['channel', 'Dictionary<Int16, Utf8>', false],
      ['time', 'Timestamp<MICROSECOND, UTC>', false],
      ['value', 'Float64', true],
      ['count', 'Int64', true],
      ['text', 'Utf8', true],
      ['blob', 'Binary', true],
      ['late', 'Bool', false],
    ],
  );
  t.equal(table.schema.metadata.get('caisson.version'), 'newest');
  const [numbers, texts] = table.batches;
  t.same(bitsOf(numbers?.getChild('value')?.toArray()), ODD_BITS);
  t.same([...(numbers?.getChild('time')?.data[0]?.values ?? [])], [...int64Of(ODD_TIMES)]);
  t.equal(numbers?.getChild('count')?.get(0), -(2n ** 63n));
  t.ok([...(numbers?.getChild('channel') ?? [])].every((name) => name === 'car7/engine, "rpm"'));
  t.same([...(numbers?.getChild('text') ?? [])], new Array(ODD_TIMES.length).fill(null));
  t.same(
    [...(texts?.getChild('text') ?? [])],
    ODD_TEXTS.map((text, i) => (i % 4 === 1 ? null : text)),
  );
  t.same([...(texts?.getChild('late') ?? [])].slice(0, 4), [false, true, false, false]);
  t.equal(numbers?.getChild('blob')?.get(3)?.length, 3);
});

t.test('a table without rows is a table in every format', async (t) => {
  const empty = { columns: exampleTable().columns, about: {}, batches: [] };
  t.equal(tableFromIPC(await written('arrow', empty)).schema.fields.length, 7);
  t.equal((await written('csv', empty)).toString(), 'channel,time,value,count,text,blob,late\n');
  t.same(await duckdb('parquet', await written('parquet', empty), 'select count(*)::int as n from FILE'), [{ n: 0 }]);
});

t.test('DuckDB reads from Parquet what was written, and finds it by what the file says of its values', async (t) => {
  // DuckDB's own arithmetic with times ends before float64 does.
  const times = Float64Array.from(ODD_TIMES, (_, i) => 1_748_779_200_000_001 + i);
  const bytes = await written('parquet', exampleTable(times));
  const rows = await duckdb('parquet', bytes, 'select *, epoch_us(time) as us from FILE');
  t.equal(rows.length, 2 * times.length);
  const [numbers, texts] = [rows.slice(0, times.length), rows.slice(times.length)];
  t.same(bitsOf(numbers.map(({ value }) => Number(value))), ODD_BITS);
  t.same(
    rows.map(({ us }) => us),
    [...int64Of(times), ...int64Of(times)],
  );
  t.equal(numbers[0]?.count, -(2n ** 63n));
  t.same(
    texts.map(({ text }) => text),
    ODD_TEXTS.map((text, i) => (i % 4 === 1 ? null : text)),
  );
  t.ok(texts.every(({ value, blob }) => value === null && blob === null));
  const [types] = await duckdb('parquet', bytes, 'select typeof(time) as time, typeof(channel) as channel from FILE');
  t.same(types, { time: 'TIMESTAMP WITH TIME ZONE', channel: 'VARCHAR' });
  for (const [condition, count] of [
    ['isnan(value)', 3],
    ['value = 0', 2],
    ['value > 1e308', 5],
    ["value = 'infinity'", 1],
    ['value < 0', 1],
    ["text = 'line' || chr(10) || 'line'", 1],
    ["channel = 'note'", 10],
    ['time = make_timestamptz(1748779200000001)', 2],
    ['late', 6],
    ['count is null', 3],
  ] as const) {
    t.same(
      await duckdb('parquet', bytes, `select count(*)::int as n from FILE where ${condition}`),
      [{ n: count }],
      condition,
    );
  }
});

t.test('Parquet is written row group by row group, whatever the size of batches', async (t) => {
  const table = { columns: MANY, about: {}, batches: manyBatches(50, 5000) };
  const pieces: Uint8Array[] = [];
  for await (const piece of writtenTable(table, await TABLE_FORMATS.parquet.open(table))) {
    pieces.push(piece);
  }
  t.ok(pieces.length >= 4, 'it comes in pieces');
  const bytes = Buffer.concat(pieces);
  const [sums] = await duckdb(
    'parquet',
    bytes,
    'select count(*)::int as n, sum(value)::double as sum, count(distinct time)::int as times, max(epoch_us(time))::double as last from FILE',
  );
  const sum = Array.from({ length: 250_000 }, (_, i) => i % 7).reduce((a, b) => a + b);
  t.same(sums, { n: 250_000, sum, times: 250_000, last: 249_999 });
  const groups = await duckdb('parquet', bytes, 'select distinct row_group_num_rows as n from parquet_metadata(FILE)');
  t.ok(groups.every(({ n }) => Number(n) <= 70_000));
});

t.test('DuckDB reads from CSV what was written', async (t) => {
  const times = Float64Array.from(ODD_TIMES, (_, i) => 1_748_779_200_000_001 + i);
  const bytes = await written('csv', exampleTable(times));
  t.match(bytes.toString(), '"car7/engine, ""rpm""",2025-06-01T12:00:00.000001Z,NaN,-9223372036854775808,,"",0\n');
  const rows = await duckdb(
    'csv',
    bytes,
    `select *, epoch_us(time::timestamptz) as us from read_csv(FILE, all_varchar = true, header = true, allow_quoted_nulls = false, quote = '"', escape = '"')`,
  );
  t.equal(rows.length, 2 * times.length);
  const parsed = rows.slice(0, times.length).map(({ value }) => Number(value));
  // Text has one NaN only.
  t.same(bitsOf(parsed).slice(3), ODD_BITS.slice(3));
  t.ok(parsed.slice(0, 3).every(Number.isNaN));
  t.same(
    rows.slice(times.length).map(({ text }) => text),
    ODD_TEXTS.map((text, i) => (i % 4 === 1 ? null : text)),
  );
  t.same(rows[3]?.us, 1_748_779_200_000_004n);
});
