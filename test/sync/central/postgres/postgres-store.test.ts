import t from 'tap';
import { PostgresDatabase } from '../../../../sync/central/postgres/database.ts';
import { openPostgresCentral } from '../../../../sync/central/postgres/postgres-central.ts';
import { PostgresStore } from '../../../../sync/central/postgres/postgres-store.ts';
import { openSchema } from '../../../../sync/central/postgres/schema.ts';
import { requireTools } from '../../../debian.ts';
import { keeperContract } from '../keeper-contract.ts';
import { PostgresLook } from '../postgres-rig.ts';
import { PostgresServer } from '../postgres-server.ts';

if (requireTools(t, 'postgresql')) {
  const server = await PostgresServer.start();
  t.teardown(() => server.dispose());

  await t.test('central over PostgreSQL', (t) =>
    keeperContract(t, async (t) => {
      const url = await server.database();
      const db = new PostgresDatabase(url);
      await openSchema(db);
      const store = new PostgresStore(db, { name: 'hq' });
      const look = new PostgresLook(url);
      t.teardown(async () => {
        await store.close();
        await db.close();
        await look.close();
      });
      return {
        store,
        feed: (gateway) => look.feed(gateway),
        accounts: () => look.accounts(),
        channels: () => look.channels(),
        fail: async () => {
          await look.run(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'disk full'; END $$`);
          await look.run('CREATE TRIGGER failing BEFORE INSERT ON pack_index EXECUTE FUNCTION fail()');
          return () => look.run('DROP TRIGGER failing ON pack_index');
        },
      };
    }),
  );

  t.test('a database that is of one central is refused to another, whichever came first', async (t) => {
    const url = await server.database();
    const onProblem = (text: string) => t.fail(text);
    const named = (name: string) => openPostgresCentral({ url, name, onProblem });
    const opened = await Promise.allSettled([named('hq'), named('team')]);
    const stores = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    for (const store of stores) await store.close();
    const [{ name } = { name: '' }] = stores;
    t.equal(stores.length, 1);
    const other = name === 'hq' ? 'team' : 'hq';
    await t.rejects(named(other), {
      code: 'store-unusable',
      message: `the database belongs to central ${name}, expected that of ${other}`,
    });
    await (await named(name ?? '')).close();
  });
}
