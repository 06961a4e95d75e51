import { FlightSQLClient } from '@firetiger-oss/flight-sql-client';
import { InfluxDBClient } from '@influxdata/influxdb3-client';
import { Client as LanceClient } from '@lancedb/arrow-flight-sql-client';
import { TimeUnit } from 'apache-arrow';
import t from 'tap';
import { SQL_TABLES } from '../../../gateway/query/sql/store-tables.ts';
import { bitsOf } from '../../gateway/table/example-table.ts';
import { HOST, SPEED, samplesOf, startFlightRig, WORDS } from './flight-rig.ts';

const STATEMENT = `select time, value from samples where channel = '${SPEED}' order by time`;

t.test("Firetiger's client reads a result of SQL, bit for bit, and lists the tables", async (t) => {
  const { port, telemetry } = await startFlightRig(t);
  const client = new FlightSQLClient({ host: HOST, port, plaintext: true });
  await client.connect();
  t.teardown(() => client.close());
  const { times, values } = samplesOf(telemetry, SPEED);
  const table = await client.execute(STATEMENT);
  t.equal(table.numRows, values.length);
  t.same(bitsOf(table.getChild('value')?.toArray()), bitsOf(values));
  t.match(table.schema.fields[0]?.type, { unit: TimeUnit.MICROSECOND, timezone: 'UTC' });
  const read = table.batches.flatMap((batch) => Array.from(batch.getChild('time')?.data[0]?.values ?? [], Number));
  t.same(read, times);
  const tables = await client.getTables();
  t.same(
    tables.map(({ tableName }) => tableName),
    Object.keys(SQL_TABLES),
  );
  t.same(
    (await client.getTables(undefined, undefined, 'samp%')).map(({ tableName }) => tableName),
    ['samples'],
  );
  t.same(
    (await client.getTables(undefined, 'main', undefined, ['TABLE FUNCTION'])).map(({ tableName }) => tableName),
    Object.entries(SQL_TABLES).flatMap(([name, table]) => ('parameters' in table ? [name] : [])),
  );
  await t.rejects(client.execute('select speed from samples'), /no such column: speed/);
  await t.rejects(client.execute('delete from samples'), /begins with DELETE/);
});

t.test("Firetiger's client logs in, where it is told to, with whatever it is given", async (t) => {
  const { port } = await startFlightRig(t, 1);
  const client = new FlightSQLClient({ host: HOST, port, plaintext: true, username: 'any', password: 'body' });
  await client.connect();
  t.teardown(() => client.close());
  t.equal((await client.execute('select 1 as one')).get(0)?.one, 1);
});

t.test("LanceDB's client logs in and reads a result of SQL, bit for bit", async (t) => {
  const { port, telemetry } = await startFlightRig(t);
  const client = await LanceClient.connect({ host: `${HOST}:${port}`, username: 'any', password: 'body' });
  const { values } = samplesOf(telemetry, SPEED);
  const rows = await (await client.query(STATEMENT)).collectToObjects();
  t.same(bitsOf(rows.map((row) => (row as { value: number }).value)), bitsOf(values));
  const words = await (await client.query(`select text from samples where channel = '${WORDS}'`)).collectToObjects();
  t.equal(words.length, 5);
  await t.rejects(client.query('select * from nowhere'), /no such table: nowhere/);
});

t.test("InfluxDB's client reads a result of SQL, with parameters", async (t) => {
  const { port, telemetry } = await startFlightRig(t);
  const client = new InfluxDBClient({ host: `http://${HOST}:${port}`, database: 'any', token: 'none' });
  t.teardown(() => client.close());
  const { values } = samplesOf(telemetry, SPEED);
  const read: number[] = [];
  for await (const row of client.query(STATEMENT)) read.push(row.value as number);
  t.same(bitsOf(read), bitsOf(values));
  const counts: unknown[] = [];
  const statement = 'select count(*) as n from samples where channel = $name';
  for await (const row of client.query(statement, 'any', { type: 'sql', params: { name: SPEED } })) counts.push(row.n);
  t.same(counts, [values.length]);
  await t.rejects(async () => {
    for await (const row of client.query('select speed from samples')) t.fail(String(row));
  }, /no such column: speed/);
});
