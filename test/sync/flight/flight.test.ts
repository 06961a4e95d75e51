import { status } from '@grpc/grpc-js';
import t, { type Test } from 'tap';
import { SQL_STATEMENTS_MAX } from '../../../gateway/limits.ts';
import { SQL_TABLES } from '../../../gateway/query/sql/store-tables.ts';
import type { Samples } from '../../../gateway/query/telemetry.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import type {
  FlightDataMessage,
  FlightInfoMessage,
  ResultMessage,
  SchemaResultMessage,
} from '../../../sync/flight/flight-messages.ts';
import { bitsOf } from '../../gateway/table/example-table.ts';
import { waitFor } from '../../wait-for.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';
import { codec, FlightProbe, schemaOf } from './flight-probe.ts';
import { HOST, SPEED, samplesOf, startFlightRig, WORDS } from './flight-rig.ts';

const json = (value: object) => Buffer.from(JSON.stringify(value));

async function rig(t: Test, blocks?: number) {
  const { port, telemetry } = await startFlightRig(t, blocks);
  const probe = new FlightProbe(port);
  t.teardown(() => probe.close());
  return { probe, telemetry };
}

t.test('samples fly by the name of their channel, and by a command that says which', async (t) => {
  const { probe, telemetry } = await rig(t);
  const { times, values } = samplesOf(telemetry, SPEED);
  for (const path of [[SPEED], ['box', SPEED]]) {
    const table = await probe.getAll(await probe.info({ type: 'PATH', path }));
    t.same(bitsOf(table.getChild('value')?.toArray()), bitsOf(values), path.join(' '));
  }
  const [from, to] = [times[100] ?? 0, times[200] ?? 0];
  const part = await probe.getAll(await probe.info({ type: 'CMD', cmd: json({ channels: [WORDS, SPEED], from, to }) }));
  t.equal(part.numRows, 100);
  t.same(
    part.schema.fields.map(({ name }) => name),
    ['gateway', 'channel', 'time', 'value', 'text', 'late'],
  );
  const chart = await probe.getAll(
    await probe.info({
      type: 'CMD',
      cmd: json({ channels: [SPEED], from: times[0], to: (times.at(-1) ?? 0) + 1, pixels: 7 }),
    }),
  );
  const counts = [...(chart.getChild('count') ?? [])].map(Number);
  t.equal(
    counts.reduce((a, b) => a + b, 0),
    values.length,
  );
  t.ok(counts.length <= 7);
  const direct = await probe.get(json({ channels: [WORDS] }));
  t.equal(direct.numRows, 5, 'a command is a ticket as well');
  const { schema } = await probe.ask<SchemaResultMessage>('GetSchema', { type: 'PATH', path: [WORDS] });
  t.same(
    schemaOf(schema).fields.map(({ name }) => name),
    ['gateway', 'channel', 'time', 'text', 'late'],
  );
});

t.test('every channel is listed as a flight, or those of a prefix', async (t) => {
  const { probe } = await rig(t, 1);
  const list = async (expression: string) => {
    const paths: string[] = [];
    for await (const info of probe.stream<FlightInfoMessage>('ListFlights', { expression: Buffer.from(expression) })) {
      paths.push(info.flightDescriptor.path.join(' '));
      t.ok((await probe.getAll(info)).numRows > 0);
    }
    return paths;
  };
  t.same(await list(''), [`box ${SPEED}`, `box ${WORDS}`]);
  t.same(await list('car7/w'), [`box ${WORDS}`]);
  t.same(await list('car8'), []);
});

t.test('a ticket of a statement may be used again, also when the run that waited for it is gone', async (t) => {
  const { probe } = await rig(t, 3);
  const query = `select time, value, text, max(time) over () as last, 'x' || late as word, null as blank from samples`;
  const info = await probe.command('CommandStatementQuery', { query });
  const ticket = info.endpoint[0]?.ticket.ticket ?? new Uint8Array(0);
  const first = await probe.getAll(info);
  t.equal(first.numRows, 905);
  t.same(
    first.schema.fields.map(({ name, type }) => `${name} ${type}`),
    [
      ...['time Timestamp<MICROSECOND, UTC>', 'value Float64', 'text Utf8'],
      ...['last Float64', 'word Utf8', 'blank Float64'],
    ],
  );
  const again = await probe.get(ticket);
  t.same(again.toArray().map(String), first.toArray().map(String));
  t.equal(String(again.schema), String(first.schema));
});

t.test('statements that wait for their ticket give way to others', async (t) => {
  const { probe } = await rig(t, 1);
  const infos: FlightInfoMessage[] = [];
  for (let i = 0; i < 2 * SQL_STATEMENTS_MAX; i += 1) {
    infos.push(await probe.command('CommandStatementQuery', { query: `select ${i} as i` }));
  }
  for (const [i, info] of infos.entries()) t.equal((await probe.getAll(info)).get(0)?.i, i);
});

t.test('a statement that is prepared is told its columns, and runs as any other', async (t) => {
  const { probe } = await rig(t, 1);
  const query = 'select channel, count(*) as n from samples group by channel';
  const body = codec.encode('ActionCreatePreparedStatementRequest', { query });
  const results: ResultMessage[] = [];
  for await (const result of probe.stream<ResultMessage>('DoAction', { type: 'CreatePreparedStatement', body }))
    results.push(result);
  const prepared = codec.decode(results[0]?.body ?? new Uint8Array(0));
  if (prepared.name !== 'ActionCreatePreparedStatementResult') throw new Error(prepared.name);
  const { preparedStatementHandle, datasetSchema } = prepared.value;
  t.same(
    schemaOf(datasetSchema).fields.map(({ name }) => name),
    ['channel', 'n'],
  );
  const info = await probe.command('CommandPreparedStatementQuery', { preparedStatementHandle });
  t.same([...((await probe.getAll(info)).getChild('n') ?? [])], [300, 5]);
  const closing = codec.encode('ActionClosePreparedStatementRequest', { preparedStatementHandle });
  for await (const _ of probe.stream('DoAction', { type: 'ClosePreparedStatement', body: closing }))
    t.fail('nothing comes');
  const actions: string[] = [];
  for await (const { type } of probe.stream<{ type: string }>('ListActions', {})) actions.push(type);
  t.same(actions, ['CreatePreparedStatement', 'ClosePreparedStatement']);
});

t.test('tools are told what there is', async (t) => {
  const { probe } = await rig(t, 1);
  t.equal((await probe.getAll(await probe.command('CommandGetCatalogs', {}))).numRows, 0);
  const schemas = await probe.getAll(await probe.command('CommandGetDbSchemas', {}));
  t.same(
    schemas.toArray().map((row) => row.toJSON()),
    [{ catalog_name: null, db_schema_name: 'main' }],
  );
  t.equal((await probe.getAll(await probe.command('CommandGetDbSchemas', { catalog: 'other' }))).numRows, 0);
  const types = await probe.getAll(await probe.command('CommandGetTableTypes', {}));
  t.same([...(types.getChild('table_type') ?? [])], ['TABLE', 'TABLE FUNCTION']);
  const tables = await probe.getAll(await probe.command('CommandGetTables', { tableTypes: [], includeSchema: true }));
  for (const { table_name, table_schema } of tables.toArray()) {
    const { columns } = SQL_TABLES[table_name as keyof typeof SQL_TABLES];
    t.same(
      schemaOf(table_schema).fields.map(({ name }) => name),
      [...columns],
      table_name,
    );
  }
  t.equal(tables.numRows, Object.keys(SQL_TABLES).length);
  t.equal((await probe.getAll(await probe.command('CommandGetPrimaryKeys', { table: 'samples' }))).numRows, 0);
  const all = await probe.getAll(await probe.command('CommandGetXdbcTypeInfo', {}));
  t.ok(all.numRows > 3);
  const real = await probe.getAll(await probe.command('CommandGetXdbcTypeInfo', { dataType: 8 }));
  t.same([...(real.getChild('type_name') ?? [])], ['REAL']);
  const some = await probe.getAll(await probe.command('CommandGetSqlInfo', { info: [0, 3, 8] }));
  t.same(
    some.toArray().map((row) => [row.info_name, row.value]),
    [
      [0, 'Caisson'],
      [3, true],
      [8, 0],
    ],
  );
  t.ok((await probe.getAll(await probe.command('CommandGetSqlInfo', { info: [] }))).numRows > 10);
});

t.test('what cannot be flown is refused with a status and a reason', async (t) => {
  const { probe } = await rig(t, 1);
  const refused = async (asking: Promise<unknown>, code: status, reason: RegExp) => {
    const error = await asking.then(
      () => undefined,
      (thrown: { code: status; details: string }) => thrown,
    );
    t.equal(error?.code, code, String(reason));
    t.match(error?.details, reason);
  };
  const command = (value: object) => probe.info({ type: 'CMD', cmd: json(value) });
  const invalid = status.INVALID_ARGUMENT;
  await refused(probe.info({ type: 'PATH', path: ['car7/sped'] }), status.NOT_FOUND, /no channel is named/);
  await refused(probe.info({ type: 'PATH', path: [] }), invalid, /a path of 0 parts/);
  await refused(probe.info({ type: 'CMD', cmd: Buffer.from('{broken') }), invalid, /no JSON/);
  await refused(probe.info({ type: 'CMD', cmd: Buffer.of(255, 255) }), invalid, /no command of Flight SQL/);
  await refused(probe.info({ type: 'CMD', cmd: Buffer.alloc(0) }), invalid, /the command "" is not answered here/);
  await refused(command({ chanels: [SPEED] }), invalid, /there is no key "chanels"/);
  await refused(command({ channels: SPEED }), invalid, /channels is "car7\/speed"/);
  await refused(command({ channels: [] }), invalid, /0 channels/);
  await refused(command({ channels: [SPEED], from: 'noon' }), invalid, /from is "noon"/);
  await refused(command({ channels: [SPEED], from: 5, to: 5 }), invalid, /is not before/);
  await refused(command({ channels: [SPEED], pixels: 3 }), invalid, /open range/);
  await refused(command({ channels: [WORDS], pixels: 3, from: 0, to: 9 }), invalid, /is text/);
  await refused(command({ channels: [SPEED], version: -1 }), invalid, /version is -1/);
  await refused(command({ channels: [SPEED], version: 99 }), invalid, /there is no version 99 of the past of/);
  await refused(command({ sql_query: 'select 1', query_type: 'influxql' }), invalid, /query_type is "influxql"/);
  await refused(command({ sql_query: 'select 1', params: { a: [1] } }), invalid, /params.a is \[1\]/);
  await refused(probe.command('CommandStatementQuery', { query: 'drop table samples' }), invalid, /begins with DROP/);
  const transactionId = Buffer.of(1);
  await refused(
    probe.command('CommandStatementQuery', { query: 'select 1', transactionId }),
    invalid,
    /no transactions/,
  );
  await refused(probe.messages(json({ sql_query: 'select nowhere' })), invalid, /no such column: nowhere/);
  const action = async () => {
    for await (const _ of probe.stream('DoAction', { type: 'CancelFlightInfo', body: Buffer.alloc(0) }))
      t.fail('nothing comes');
  };
  await refused(action(), invalid, /CancelFlightInfo/);
});

t.test('a column that changes its type on the way ends the flight, saying where', async (t) => {
  const { probe } = await rig(t, 1);
  const query =
    "with recursive n(x) as (values (1) union all select x + 1 from n where x < 5000) select iif(x = 4000, 'odd', x) as x from n";
  await t.rejects(
    probe.messages(json({ sql_query: query })),
    /column x has "odd", where the rows before it have number/,
  );
  const cast = query.replace('iif(', 'cast(iif(').replace(' as x from', ' as text) as x from');
  t.equal((await probe.get(json({ sql_query: cast }))).numRows, 5000);
  const big = await probe.get(
    json({ sql_query: 'select 9223372036854775807 as x union all select 1 union all select null' }),
  );
  t.same([...(big.getChild('x') ?? [])], [2n ** 63n - 1n, 1n, null]);
});

t.test('no message is larger than a client takes by default, whatever is asked', async (t) => {
  const { probe } = await rig(t, 1);
  const wide =
    "with recursive n(x) as (values (1) union all select x + 1 from n where x < 300) select printf('%.*c', 50000, 'x') as text from n";
  const messages = await probe.messages(json({ sql_query: wide }));
  t.ok(messages.length > 10);
  t.ok(messages.every(({ dataBody }) => dataBody.length < 1 << 20));
});

t.test('samples are read no faster than they are taken', async (t) => {
  const telemetry = new MemoryTelemetry();
  let made = 0;
  telemetry.add('endless', function* (): IterableIterator<Samples> {
    for (;;) {
      made += 1;
      const times = Float64Array.from({ length: 16_384 }, (_, i) => made * 16_384 + i);
      yield { times, values: times };
    }
  });
  const parts = { telemetry, feed: { feed: () => [] }, status: () => exampleStatus(), storeDir: '.' };
  const server = await startTelemetryServer({ ...parts, host: HOST, port: 0 });
  const probe = new FlightProbe(server.port);
  t.teardown(async () => {
    probe.close();
    await server.stop();
  });
  let taken = 0;
  for await (const _ of probe.stream<FlightDataMessage>('DoGet', { ticket: json({ channels: ['endless'] }) })) {
    taken += 1;
    if (taken < 10) continue;
    if (taken > 100) break;
    if (taken > 10) continue;
    await settled(() => made);
    t.ok(made < 50, `${made} pieces of 300 kB are made for ${taken} taken`);
  }
  t.ok(taken > 100, 'it goes on');
  await settled(() => made);
});

/** Resolves when a count has been the same for half a second. */
async function settled(count: () => number): Promise<void> {
  let seen = -1;
  let since = 0;
  await waitFor('a count stays as it is', () => {
    if (count() !== seen) [seen, since] = [count(), performance.now()];
    return performance.now() - since > 500;
  });
}
