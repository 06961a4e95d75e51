import t from 'tap';
import { PostgresDatabase } from '../../../../sync/central/postgres/database.ts';
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
}
