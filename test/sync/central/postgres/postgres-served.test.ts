import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startDashboard } from '../../../../dashboards/server/dashboard.ts';
import { NumberedTelemetry } from '../../../../gateway/query/numbered-telemetry.ts';
import { SQL_TABLES, type SqlTable } from '../../../../gateway/query/sql/store-tables.ts';
import { TelemetryClient } from '../../../../sync/api/client.ts';
import { startTelemetryServer } from '../../../../sync/api/server.ts';
import type { CentralStore } from '../../../../sync/central/central-store.ts';
import { databasePlace } from '../../../../sync/central/postgres/sql-place.ts';
import type { FlightInfoMessage } from '../../../../sync/flight/flight-messages.ts';
import { fakeStatus } from '../../../dashboards/fake-telemetry.ts';
import { SocketClient } from '../../../dashboards/socket-client.ts';
import { requireTools } from '../../../debian.ts';
import { waitFor } from '../../../wait-for.ts';
import { FlightProbe } from '../../flight/flight-probe.ts';
import { exampleStatus } from '../../memory-telemetry.ts';
import { type BothCentrals, openBothCentrals, openSources } from '../both-centrals.ts';
import { PostgresServer } from '../postgres-server.ts';

const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));
const HOST = '127.0.0.1';
/** Behind everything that the sources hold, so that charts are the same whenever they are asked for. */
const NOW = 4e15;

/** A central as it is served over gRPC, and over HTTP. */
interface Served {
  readonly client: TelemetryClient;
  readonly probe: FlightProbe;
  readonly http: number;
}

async function serve(t: Test, central: CentralStore, now = NOW): Promise<Served> {
  const { telemetry, statements } = central;
  const files = central.files ?? { telemetry, statements };
  const grpc = await startTelemetryServer({ ...files, host: HOST, port: 0, status: () => exampleStatus() });
  const client = new TelemetryClient({ host: HOST, port: grpc.port });
  const probe = new FlightProbe(grpc.port);
  const webRoot = mkdtempSync(join(tmpdir(), 'caisson-web-'));
  writeFileSync(join(webRoot, 'index.html'), '<!doctype html>');
  const utcNow = () => now;
  const dashboard = await startDashboard({
    ...{ host: HOST, port: 0, webRoot, utcNow, isStale: () => false, status: () => fakeStatus(now) },
    telemetry: central.files?.telemetry ?? new NumberedTelemetry(telemetry),
  });
  t.teardown(async () => {
    dashboard.stop();
    probe.close();
    client.close();
    await grpc.stop();
    rmSync(webRoot, { recursive: true });
  });
  return { client, probe, http: dashboard.port };
}

/** What each of both answers. */
function asked<Answer>(servers: readonly Served[], ask: (server: Served) => Promise<Answer>): Promise<Answer[]> {
  return Promise.all(servers.map(ask));
}

async function rowsOf({ client }: Served, sql: string): Promise<unknown[]> {
  const run = await client.sql({ sql });
  const rows: unknown[] = [];
  for await (const batch of run.batches) rows.push(...batch);
  return rows;
}

async function fetchText({ http }: Served, path: string): Promise<string> {
  const response = await fetch(`http://${HOST}:${http}${path}`);
  return Buffer.from(await response.arrayBuffer()).toString('latin1');
}

const SPAN = 'from=0&to=4000000000000000';

/** All rows of the tables that take no arguments, as one statement. */
const TABLES = Object.entries<SqlTable>(SQL_TABLES)
  .flatMap(([table, { columns, parameters }]) => {
    return parameters === undefined ? [`select '${table}' as t, json_array(${columns.join()}) as r from ${table}`] : [];
  })
  .join(' union all ');

const STATEMENTS = [
  `select * from (${TABLES}) order by t, r`,
  "select c.gateway, s.* from channels c, stats(c.channel, 0, 4e15, 1e5, c.gateway) s where c.type <> 'text' order by 1, 2, 3",
  "select c.gateway, e.* from channels c, envelope(c.channel, 0, 4e15, 50, c.gateway) e where c.type <> 'text' order by 1, 2, 3",
  "select time, value from past('same/a', 0, 4e15, 0, 'box') limit 3",
];

async function compare(t: Test, { sqlite, postgres }: BothCentrals): Promise<void> {
  const both = [await serve(t, sqlite), await serve(t, postgres)];
  for (const statement of STATEMENTS) {
    const [expected, met] = await asked(both, (server) => rowsOf(server, statement));
    t.same(met, expected, statement);
    t.equal(met?.length === 0, expected?.length === 0);
  }
  const flights = await asked(both, async ({ probe }) => {
    const told: unknown[] = [];
    for await (const info of probe.stream<FlightInfoMessage>('ListFlights', { expression: Buffer.alloc(0) })) {
      told.push([info.flightDescriptor.path, (await probe.getAll(info)).toArray().map(String)]);
    }
    const query = 'select gateway, channel, count(*) as n from samples group by 1, 2 order by 1, 2';
    told.push((await probe.getAll(await probe.command('CommandStatementQuery', { query }))).toArray().map(String));
    return told.map((each) => JSON.stringify(each)).sort();
  });
  t.same(flights[1], flights[0], 'flights of samples and of statements');
  for (const search of [
    `channels=same/a,same/b&gateway=box&${SPAN}`,
    `channel=same/a&gateway=other&pixels=64&${SPAN}`,
  ]) {
    for (const format of ['csv', 'arrow', 'parquet']) {
      const [expected, met] = await asked(both, (server) =>
        fetchText(server, `/api/v1/data?format=${format}&${search}`),
      );
      t.ok(met === expected && (met?.length ?? 0) > 100, `${format} of ${search}`);
    }
    const [expected, met] = await asked(both, (server) => fetchText(server, `/api/v1/query?${search}`));
    t.equal(met, expected, `a query of ${search}`);
  }
  const lists = await asked(both, async (server) => {
    const { channels } = JSON.parse(await fetchText(server, '/api/v1/channels')) as { channels: { id: number }[] };
    return channels.map(({ id: _, ...channel }) => JSON.stringify(channel)).sort();
  });
  t.same(lists[1], lists[0], 'channels with their newest samples');
  t.match(await fetchText(both[1] as Served, '/api/v1/query?channels=same/x'), 'channel-unknown');
}

/** What a viewer is shown of a channel: its newest value, and the chart of the last seconds. */
async function chartOf({ http }: Served, name: string) {
  const viewer = await SocketClient.open(http);
  try {
    const wireChannel = () =>
      viewer.frames
        .flatMap((frame) => (frame.type === 'dictionary' ? frame.channels : []))
        .find((channel) => channel.name === name && channel.gateway === 'box');
    await waitFor('the dictionary', () => wireChannel() !== undefined);
    const id = wireChannel()?.id ?? 0;
    const wish = { frameRate: 30, rowRate: 4, historySeconds: 60, historyColumns: 600, rows: [] };
    viewer.send({ type: 'subscribe', ...wish, charts: [id] });
    const history = () => viewer.frames.find((frame) => frame.type === 'history');
    const tick = () => viewer.frames.find((frame) => frame.type === 'tick' && frame.charts.length > 0);
    await waitFor('history and tick', () => history() !== undefined && tick() !== undefined);
    const [told, ticked] = [history(), tick()];
    if (told?.type !== 'history' || ticked?.type !== 'tick') throw new Error('neither history nor tick');
    const { channel: _, ...chart } = told;
    return { chart, last: ticked.charts.map(({ time, last }) => ({ time, last })), newest: ticked.newest };
  } finally {
    viewer.socket.destroy();
  }
}

if (requireTools(t, 'postgresql')) {
  const server = await PostgresServer.start();
  t.teardown(() => server.dispose());

  await t.test('SQL, Flight, data over HTTP and dashboards answer over PostgreSQL as over SQLite', async (t) => {
    t.comment(`CAISSON_TEST_SEED=${SEED}`);
    const both = await openBothCentrals(t, await server.database(), openSources(t, SEED, 20, 40));
    await compare(t, both);
  });

  await t.test('a viewer of a central over PostgreSQL is shown its charts', async (t) => {
    const both = await openBothCentrals(t, await server.database(), openSources(t, SEED, 0, 0));
    const { id } = await both.postgres.telemetry.channel('same/a', 'box');
    const { time = 0 } = (await both.postgres.telemetry.latest(id)) ?? {};
    const servers = [await serve(t, both.sqlite, time + 1), await serve(t, both.postgres, time + 1)];
    const [expected, met] = await asked(servers, (served) => chartOf(served, 'same/a'));
    t.same(met, expected);
    t.ok((met?.chart.index.length ?? 0) > 0 && (met?.last.length ?? 0) > 0);
  });

  await t.test('a statement reads a database and makes nothing in one', async (t) => {
    const { runSql } = await import('../../../../gateway/query/sql/run-sql.ts');
    const url = await server.database();
    const request = { ...databasePlace(url), sql: 'select * from channels', parameters: {}, now: NOW };
    const limits = { seconds: 60, rows: 10, memoryMib: 512 };
    await t.rejects(runSql(request, limits), { code: 'store-unusable', message: /holds no blocks/ });
    await t.rejects(runSql(request, limits), { code: 'store-unusable' }, 'also the second time');
    await t.rejects(runSql({ ...request, place: 'postgres://caisson@127.0.0.1:1/none' }, limits), {
      code: 'store-failed',
    });
  });
}
