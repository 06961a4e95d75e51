import t from 'tap';
import { requireTools } from '../../debian.ts';
import { CaissonProcess } from '../../sync/caisson-process.ts';
import { PostgresServer } from '../../sync/central/postgres-server.ts';

t.test('a central whose database is away says so, and starts when it is there', async (t) => {
  if (!requireTools(t, 'postgresql')) return;
  const postgres = await PostgresServer.start();
  t.teardown(() => postgres.dispose());
  const url = await postgres.database();
  await postgres.kill();
  const central = new CaissonProcess(['central', '--store', url, '--name', 'hq', '--listen', '127.0.0.1:0']);
  t.teardown(() => central.kill('SIGKILL'));
  t.match(await central.said('the store is away: '), /ECONNREFUSED.*; trying again in [\d.]+ s/);
  await postgres.startAgain();
  t.match(await central.said('central answers on '), /127\.0\.0\.1:\d+/);
});

t.test('a central that waits for its database ends when it is told to', async (t) => {
  const url = 'postgres://caisson@127.0.0.1:9/none';
  const central = new CaissonProcess(['central', '--store', url, '--name', 'hq', '--listen', '127.0.0.1:0']);
  await central.said('the store is away: ');
  t.equal((await central.kill('SIGTERM')).code, 0);
});

t.test('a central whose database refuses it says so, and ends', async (t) => {
  if (!requireTools(t, 'postgresql')) return;
  const postgres = await PostgresServer.start();
  t.teardown(() => postgres.dispose());
  const url = (await postgres.database()).replace(/[^/]+$/, 'unheard-of');
  const central = new CaissonProcess(['central', '--store', url, '--name', 'hq', '--listen', '127.0.0.1:0']);
  const { code, stderr } = await central.ended;
  t.equal(code, 1);
  t.match(stderr, /database "unheard-of" does not exist/);
});
