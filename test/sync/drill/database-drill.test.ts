import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { restoreStore } from '../../../gateway/store/backup/restore-store.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { encodePack } from '../../../gateway/store/pack/encode-pack.ts';
import { Pack } from '../../../gateway/store/pack/pack.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { openPostgresCentral } from '../../../sync/central/postgres/postgres-central.ts';
import { DatabaseStore } from '../../../sync/drill/database-store.ts';
import type { DrillRecord } from '../../../sync/drill/drill-record.ts';
import { runDrill } from '../../../sync/drill/run-drill.ts';
import { Vault } from '../../../sync/drill/vault.ts';
import { requireTools } from '../../debian.ts';
import { caisson } from '../caisson-process.ts';
import { PostgresLook } from '../central/postgres-rig.ts';
import { PostgresServer } from '../central/postgres-server.ts';
import { FilledStore } from '../filled-store.ts';
import { blocksOf, definitionsOf, feedOf, gapsOf } from '../same-feed.ts';

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-drill-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

t.test('what a central over PostgreSQL has of a gateway is backed up, restored and held against it', async (t) => {
  if (!requireTools(t, 'postgresql')) return;
  const postgres = await PostgresServer.start();
  t.teardown(() => postgres.dispose());
  const url = await postgres.database();
  const central = await openPostgresCentral({ url, name: 'hq', onProblem: (text) => t.fail(text) });
  const boxes = ['box', 'other'].map((name, i) => new FilledStore(folder(t), name, new Random(i)));
  const look = new PostgresLook(url);
  t.teardown(async () => {
    await look.close();
    await central.close();
    for (const box of boxes) box.close();
  });
  const pull = async (steps: number) => {
    for (const box of boxes) {
      for (let i = 0; i < steps; i += 1) box.step();
      const { gateway } = box;
      const items = feedOf(box.db, gateway);
      await new Keeper(central.blocks).keep({ role: 'gateway', gateway }, { feed: 'f', items, complete: true });
    }
  };
  const vaultDir = join(folder(t), 'vault');
  const vault = new Vault(vaultDir);
  const drill = (): Promise<DrillRecord> =>
    runDrill({
      ...{ vault, rule: { newest: 2, daily: 0, monthly: 0 }, version: '1', signal: new AbortController().signal },
      connect: () => new DatabaseStore(url, 'box'),
    });

  await pull(100);
  const first = await drill();
  t.match(first, { ok: true, gateway: 'box', differenceCount: 0, onlyHere: 0 });
  t.ok(first.samples > 3000 && first.compared === first.samples, `${first.compared} samples compared`);
  await pull(30);
  const second = await drill();
  t.match(second, { ok: true });
  t.ok(second.pulled > 0);
  t.equal(second.samples, first.samples + second.pulled, 'only what is new is pulled');
  t.notOk(existsSync(vault.scratch));

  const restored = join(folder(t), 'store');
  await restoreStore(vault.copies().at(-1)?.path ?? '', restored, { damaged: false }, () => {});
  const db = BlockDb.open(storePaths(restored).blocks);
  const [box] = boxes;
  t.same(blocksOf(db, 'box'), box && blocksOf(box.db, 'box'), 'bit for bit');
  t.same(gapsOf(db, 'box'), box && gapsOf(box.db, 'box'));
  t.same(definitionsOf(db, 'box'), box && definitionsOf(box.db, 'box'));
  t.same(blocksOf(db, 'other'), [], 'and nothing of another gateway');
  t.equal(db.meta('gateway'), 'box', 'a gateway of that name runs on it');
  db.close();

  // The same by name, and what the command refuses.
  const said = await caisson('drill', 'restore', vaultDir, '--store', url, '--gateway', 'box', '--json');
  t.equal(said.code, 0, said.stderr);
  t.match(JSON.parse(said.stdout), { ok: true, pulled: 0 });
  t.match(await caisson('drill', 'restore', vaultDir, '--store', url), { code: 2, stderr: /--store needs --gateway/ });
  t.match(await caisson('drill', 'restore', folder(t), '--store', url, '--gateway', 'nobody'), {
    code: 1,
    stdout: /WRONG: .*nothing of a gateway nobody/,
  });

  // Another value in one block of the database, under a pack that is whole.
  const [row] = await look.run(
    'SELECT gateway, month, position, bytes FROM packs WHERE position = (SELECT min(position) FROM packs)',
  );
  const pack = Pack.open(row?.bytes as Buffer);
  const blocks = pack.blocks.map((block, i) => {
    const { times, values } = pack.samples(i);
    const other =
      values instanceof Float64Array
        ? values.map((value, at) => (at === 0 ? value + 1 : value))
        : ['x', ...values.slice(1)];
    return { ...block, times: times.slice(), values: other };
  });
  await look.run('UPDATE packs SET bytes = $1 WHERE position = $2', [encodePack(pack.header, blocks), row?.position]);
  const third = await drill();
  t.match(third, { ok: false });
  t.match(third.differences, [{ what: 'other', gateway: 'box' }]);
});
