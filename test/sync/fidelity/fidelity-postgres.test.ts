import t from 'tap';
import { PostgresDatabase } from '../../../sync/central/postgres/database.ts';
import { PostgresStore } from '../../../sync/central/postgres/postgres-store.ts';
import { PostgresTelemetry } from '../../../sync/central/postgres/postgres-telemetry.ts';
import { openSchema } from '../../../sync/central/postgres/schema.ts';
import { requireTools } from '../../debian.ts';
import { PostgresLook } from '../central/postgres-rig.ts';
import { PostgresServer } from '../central/postgres-server.ts';
import { fidelityContract } from './fidelity-contract.ts';

if (requireTools(t, 'postgresql')) {
  const server = await PostgresServer.start();
  t.teardown(() => server.dispose());

  await t.test('central over PostgreSQL', (t) =>
    fidelityContract(t, 2, async (t) => {
      const url = await server.database();
      const db = new PostgresDatabase(url);
      await openSchema(db);
      const store = new PostgresStore(db, { name: 'hq' });
      const telemetry = new PostgresTelemetry(db, (text) => {
        throw new Error(text);
      });
      const look = new PostgresLook(url);
      t.teardown(async () => {
        telemetry.close();
        await store.close();
        await db.close();
        await look.close();
      });
      return {
        store,
        feed: (gateway) => look.feed(gateway),
        accounts: () => look.accounts(),
        channels: () => look.channels(),
        fail: async () => () => {},
        charts: async (channel, from, to, pixels) =>
          telemetry.envelope((await telemetry.channel(channel)).id, from, to, pixels),
        coverage: async (channel, from, to) => telemetry.coverage((await telemetry.channel(channel)).id, from, to),
        count: async (channel, from, to) => {
          let count = 0;
          const { id } = await telemetry.channel(channel);
          for await (const { times } of telemetry.raw(id, from, to, 0)) count += times.length;
          return count;
        },
        latest: async (channel) => (await telemetry.latest((await telemetry.channel(channel)).id))?.time,
      };
    }),
  );
}
