import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { openDatabase } from '../../../gateway/store/database.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { SqliteStore } from '../../../sync/central/sqlite-store.ts';
import { FilledStore } from '../../sync/filled-store.ts';
import { feedOf } from '../../sync/same-feed.ts';

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-totals-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
}

/** A store with packs of some gateways. */
async function storeOf(t: Test, gateways: readonly string[]) {
  const dir = folder(t);
  const db = BlockDb.open(storePaths(dir).blocks);
  const keeper = new Keeper(new SqliteStore(db));
  for (const gateway of gateways) {
    const source = new FilledStore(folder(t), gateway, new Random(gateway.length));
    for (let i = 0; i < 10; i += 1) source.seal('speed', 'number', 5 * gateway.length);
    await keeper.keep({ role: 'gateway', gateway }, { feed: 'f', items: feedOf(source.db, gateway), complete: true });
    source.close();
  }
  return { dir, db };
}

/** By the packs themselves. */
function summedUp(dir: string): Record<string, number> {
  const db = openDatabase(storePaths(dir).blocks, { cacheKiB: 64 });
  const rows = db
    .prepare('SELECT gateway, SUM(size) FROM packs JOIN boots ON boots.id = packs.boot GROUP BY gateway')
    .raw()
    .all();
  db.close();
  return Object.fromEntries(rows as [string, number][]);
}

t.test(
  'the bytes of each gateway are those of its packs, through giving up, a step that fails and a restart',
  async (t) => {
    const { dir, db } = await storeOf(t, ['box', 'another']);
    const told = () => Object.fromEntries(db.gatewayBytes());
    const full = summedUp(dir);
    t.ok(Object.values(full).every((bytes) => bytes > 0));
    t.same(told(), full);
    t.throws(() =>
      db.transaction(() => {
        db.giveUp('standard', 'thin', 'retention', (_, { packs }) => packs < 3);
        throw new Error('cut');
      }),
    );
    db.transaction(() => db.giveUp('standard', 'thin', 'retention', (_, { packs }) => packs < 12));
    t.same(told(), summedUp(dir));
    t.equal(told().box, 0);
    t.ok((told().another ?? 0) < (full.another ?? 0));
    db.transaction(() => db.giveUp('standard', 'drop', 'retention', (_, { packs }) => packs < 2));
    t.same(told(), summedUp(dir));
    db.close();
    const again = BlockDb.open(storePaths(dir).blocks);
    t.same(Object.fromEntries(again.gatewayBytes()), summedUp(dir));
    again.close();
  },
);

for (const gateways of [['box'], ['box', 'another']]) {
  t.test(`a store of ${gateways.length} that was begun before they were counted is counted once`, async (t) => {
    const { dir, db } = await storeOf(t, gateways);
    const full = Object.fromEntries(db.gatewayBytes());
    db.transaction(() => db.giveUp('standard', 'thin', 'retention', (_, { packs }) => packs < 2));
    db.close();
    const bare = openDatabase(storePaths(dir).blocks, { cacheKiB: 64 });
    bare.prepare("DELETE FROM meta WHERE key LIKE 'bytes of %'").run();
    bare.close();
    const again = BlockDb.open(storePaths(dir).blocks);
    t.notSame(Object.fromEntries(again.gatewayBytes()), full);
    t.same(Object.fromEntries(again.gatewayBytes()), summedUp(dir));
    again.close();
  });
}
