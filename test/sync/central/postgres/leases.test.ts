import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Random } from '../../../../hardware/simulated/random.ts';
import { Keeper } from '../../../../sync/central/keeper.ts';
import { PostgresDatabase } from '../../../../sync/central/postgres/database.ts';
import { PostgresStore } from '../../../../sync/central/postgres/postgres-store.ts';
import { openSchema } from '../../../../sync/central/postgres/schema.ts';
import { requireTools } from '../../../debian.ts';
import { FilledStore } from '../../filled-store.ts';
import { blocksIn, blocksOf, feedOf, gapsIn, gapsOf } from '../../same-feed.ts';
import { PostgresLook } from '../postgres-rig.ts';
import { PostgresServer } from '../postgres-server.ts';

const BOX = { role: 'gateway', gateway: 'box' } as const;

/** So long that no lease runs out, and none is renewed, while a test lasts. */
const LEASE_MS = 3_600_000;

/** One database, so many processes of central over it, and a gateway. */
async function rig(t: Test, server: PostgresServer, processes: number) {
  const url = await server.database();
  const look = new PostgresLook(url);
  const dir = mkdtempSync(join(tmpdir(), 'caisson-box-'));
  const source = new FilledStore(dir, 'box', new Random(5));
  const dbs = Array.from({ length: processes }, () => new PostgresDatabase(url));
  await Promise.all(dbs.map(openSchema));
  const stores = dbs.map((db) => new PostgresStore(db, { name: 'hq', leaseMs: LEASE_MS }));
  t.teardown(async () => {
    for (const store of stores) await store.close();
    for (const db of dbs) await db.close();
    await look.close();
    source.close();
    rmSync(dir, { recursive: true });
  });
  const items = () => feedOf(source.db, 'box');
  const keepers = stores.map((store) => new Keeper(store));
  const keep = (process: number) => keepers[process]?.keep(BOX, { feed: 'f', items: items(), complete: true });
  /** The lease runs out, as if its holder had been stopped. */
  const expire = () => look.run("UPDATE gateways SET expires = now() - interval '1 second'");
  return { look, source, stores, keep, expire };
}

if (requireTools(t, 'postgresql')) {
  const server = await PostgresServer.start();
  t.teardown(() => server.dispose());

  await t.test('of several processes one pulls from a gateway, and another goes on where it ended', async (t) => {
    const { look, source, stores, keep } = await rig(t, server, 2);
    source.seal('a');
    await keep(0);
    await t.rejects(async () => keep(1), {
      code: 'gateway-held',
      retryable: true,
      message: /hq-\w+ pulls from box, until/,
    });
    await stores[0]?.close();
    source.seal('a');
    t.match(await keep(1), { refusal: undefined });
    t.same(blocksIn(await look.feed('box')), blocksOf(source.db, 'box'));
  });

  await t.test('whoever goes on misses nothing of what stands in one pack', async (t) => {
    const { look, source, stores, keep } = await rig(t, server, 2);
    source.sealPack(['a', 'b', 'c']);
    await keep(0);
    await stores[0]?.close();
    for (const name of ['a', 'b', 'c']) source.lose(name, 3);
    await keep(1);
    t.same(gapsIn(await look.feed('box')), gapsOf(source.db, 'box'), 'only what the gateway lost is lost');
  });

  await t.test('a process whose lease was taken commits nothing more', async (t) => {
    const { look, source, keep, expire } = await rig(t, server, 2);
    source.seal('a');
    await keep(0);
    await expire();
    source.seal('a');
    await keep(1);
    const before = await look.feed('box');
    source.seal('a');
    await t.rejects(async () => keep(0), { code: 'gateway-held' });
    t.same(await look.feed('box'), before);
    await keep(1);
    t.same(blocksIn(await look.feed('box')), blocksOf(source.db, 'box'));
  });

  await t.test('processes that race for a gateway keep everything once', async (t) => {
    const { look, source, keep, expire } = await rig(t, server, 3);
    for (let round = 0; round < 10; round += 1) {
      for (let step = 0; step < 10; step += 1) source.step();
      await expire();
      const kept = await Promise.allSettled([0, 1, 2].map((process) => keep(process)));
      t.ok(
        kept.some(({ status }) => status === 'fulfilled'),
        'one of them got through',
      );
    }
    t.same(blocksIn(await look.feed('box')), blocksOf(source.db, 'box'));
  });

  await t.test('goes on after PostgreSQL was killed, with nothing lost and nothing twice', async (t) => {
    const { look, source, keep } = await rig(t, server, 1);
    for (let step = 0; step < 20; step += 1) source.step();
    await keep(0);
    const kept = await look.feed('box');
    source.seal('a');
    const during = Promise.allSettled([keep(0)]);
    await server.kill();
    await during;
    // What was under way may have got through.
    source.seal('a');
    await t.rejects(async () => keep(0), { code: 'store-failed', retryable: true });
    await server.startAgain();
    t.same((await look.feed('box')).slice(0, kept.length), kept, 'what was acknowledged is there');
    await keep(0);
    t.same(blocksIn(await look.feed('box')), blocksOf(source.db, 'box'));
  });
}
