import t from 'tap';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { requireTools } from '../../debian.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { openBothCentrals, openSources } from '../central/both-centrals.ts';
import { PostgresServer } from '../central/postgres-server.ts';
import { boxOf, central, fleetContract, fleetOnce, HOST, hasCome, startBox } from './fleet-contract.ts';

if (requireTools(t, 'postgresql')) {
  const server = await PostgresServer.start();
  t.teardown(() => server.dispose());

  await t.test('a central over PostgreSQL tells of every box what it has of it, and how the box does', (t) =>
    fleetContract(t, async () => ({ url: await server.database() })),
  );

  await t.test('sums over SQLite and over PostgreSQL are the same', async (t) => {
    const sources = openSources(t, 20, 3, 150);
    const { sqlite, postgres } = await openBothCentrals(t, await server.database(), sources);
    const since = 1_000_000;
    const [expected, sums] = [await sqlite.holdings(since), await postgres.holdings(since)];
    t.ok(expected.some(({ gaps, lost }) => gaps > 0 && lost > 0));
    t.ok(expected.every(({ newest }) => newest !== undefined));
    // Which process pulls is known only where there may be several.
    const comparable = (held: typeof sums) => held.map(({ elsewhere: _, ...more }) => more);
    t.same(comparable(sums), comparable(expected));
    t.ok(
      sums.every(({ elsewhere }) => elsewhere?.startsWith('hq-')),
      'the other process pulls',
    );
  });

  await t.test('a process that does not pull from a box says that it comes by way of another', async (t) => {
    const box = await startBox(t, 'car1');
    const place = { url: await server.database() };
    const one = await central(t, place, [box.port]);
    const client = new TelemetryClient({ host: HOST, port: one.port });
    t.teardown(() => client.close());
    await fleetOnce(client, ({ boxes }) => boxes.some((each) => each.gateway === 'car1' && hasCome(each)));
    const other = await central(t, place, [box.port]);
    const seen = await eventually('it is told', async () => {
      const found = boxOf(await other.fleet(), 'car1');
      return found?.line.state === 'beyond' && found;
    });
    t.match(seen, { line: { place: /^hq-/ }, gaps: 1, lost: 42, attention: 'good', reasons: [] });
    t.type(seen.newest, 'number');
  });
}
