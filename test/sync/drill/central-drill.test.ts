import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { restoreStore } from '../../../gateway/store/backup/restore-store.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { type CentralOptions, type StorePlace, startCentral } from '../../../sync/central/central.ts';
import type { CentralStore } from '../../../sync/central/central-store.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { openPostgresCentral } from '../../../sync/central/postgres/postgres-central.ts';
import { openSqliteCentral } from '../../../sync/central/sqlite-central.ts';
import { Vault } from '../../../sync/drill/vault.ts';
import { requireTools } from '../../debian.ts';
import { caisson } from '../caisson-process.ts';
import { PostgresLook } from '../central/postgres-rig.ts';
import { PostgresServer } from '../central/postgres-server.ts';
import { FilledStore } from '../filled-store.ts';
import { blocksOf, definitionsOf, feedOf, gapsOf } from '../same-feed.ts';

const HOST = '127.0.0.1';

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-drill-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** What every central does that is drilled over the network, gateway by gateway. */
async function scenario(t: Test, place: StorePlace, open: () => CentralStore | Promise<CentralStore>): Promise<void> {
  const boxes = ['box', 'other'].map((name, i) => new FilledStore(folder(t), name, new Random(i)));
  t.teardown(() => {
    for (const box of boxes) box.close();
  });
  const [box] = boxes;
  if (box === undefined) throw new Error('no box');
  const fill = async (steps: number) => {
    const store = await open();
    for (const source of boxes) {
      for (let i = 0; i < steps; i += 1) source.step();
      const { db, gateway } = source;
      const items = feedOf(db, gateway);
      await new Keeper(store.blocks).keep({ role: 'gateway', gateway }, { feed: 'f', items, complete: true });
    }
    await store.close();
  };
  const vaultDir = join(folder(t), 'vault');
  const vault = new Vault(vaultDir);
  const options: CentralOptions = { ...place, name: 'hq', host: HOST, port: 0, pull: [], version: '1' };
  /** One drill of a central that runs, as somebody calls it. */
  const drill = async (...more: readonly string[]) => {
    const central = await startCentral(options);
    try {
      const server = `${HOST}:${central.port}`;
      return await caisson('drill', 'restore', vaultDir, '--server', server, '--json', ...more);
    } finally {
      await central.stop();
    }
  };

  await fill(100);
  const first = await drill('--gateway', 'box');
  t.equal(first.code, 0, first.stderr + first.stdout);
  const record = JSON.parse(first.stdout);
  t.match(record, { ok: true, gateway: 'box', differenceCount: 0, onlyHere: 0 });
  t.ok(record.samples > 3000 && record.compared === record.samples, `${record.compared} samples compared`);
  await fill(30);
  const second = JSON.parse((await drill('--gateway', 'box')).stdout);
  t.match(second, { ok: true });
  t.equal(second.samples, record.samples + second.pulled, 'only what is new is pulled');
  t.match(vault.status(), { gateway: 'box', copies: 2, restored: 2, ok: true });

  const restored = join(folder(t), 'store');
  await restoreStore(vault.copies().at(-1)?.path ?? '', restored, { damaged: false }, () => {});
  const db = BlockDb.open(storePaths(restored).blocks);
  t.same(blocksOf(db, 'box'), blocksOf(box.db, 'box'), 'bit for bit');
  t.same(gapsOf(db, 'box'), gapsOf(box.db, 'box'));
  t.same(definitionsOf(db, 'box'), definitionsOf(box.db, 'box'));
  t.same(blocksOf(db, 'other'), [], 'and nothing of another gateway');
  t.equal(db.meta('gateway'), 'box', 'a gateway of that name runs on it');
  db.close();

  t.match(JSON.parse((await drill('--gateway', 'nobody')).stdout), {
    ok: false,
    problem: /nothing of a gateway nobody/,
  });

  // From now on a channel stays where it is.
  box.db.transaction(() => {
    for (const { id, gateway, ...channel } of box.db.channelsAfter(0).channels) {
      const residency = channel.name.endsWith('channel1') ? 'local' : 'any';
      box.db.keepChannel(gateway, { ...channel, residency }, id);
    }
  });
  await fill(0);
  rmSync(vaultDir, { recursive: true });
  const scoped = JSON.parse((await drill('--gateway', 'box')).stdout);
  t.match(scoped, { ok: true, differenceCount: 0 });
  const mirror = BlockDb.open(storePaths(vault.mirror).blocks);
  const names = mirror.channelsAfter(0).channels.map(({ name }) => name);
  mirror.close();
  t.ok(names.includes('box/channel2'));
  t.notOk(names.includes('box/channel1'), 'what may not go to the backup is in no backup, and is not missed');
}

t.test('what a central over SQLite has of one gateway is drilled over the network', async (t) => {
  const dir = folder(t);
  await scenario(t, { dir }, () => openSqliteCentral(dir, 'hq'));
});

t.test(
  'the same of a central over PostgreSQL; a difference is told, and a drill without a gateway says what to do',
  async (t) => {
    if (!requireTools(t, 'postgresql')) return;
    const postgres = await PostgresServer.start();
    t.teardown(() => postgres.dispose());
    const url = await postgres.database();
    await scenario(t, { url }, () => openPostgresCentral({ url, name: 'hq', onProblem: (text) => t.fail(text) }));

    const central = await startCentral({ url, name: 'hq', host: HOST, port: 0, pull: [], version: '1' });
    const look = new PostgresLook(url);
    t.teardown(async () => {
      await look.close();
      await central.stop();
    });
    const vault = join(folder(t), 'vault');
    const drill = (...more: readonly string[]) =>
      caisson('drill', 'restore', vault, '--server', `${HOST}:${central.port}`, ...more);
    t.match(await drill(), { code: 1, stdout: /asks for one gateway of it with --gateway/ });
    t.match(await drill('--gateway', 'other'), { code: 0 }, 'the same vault will do');

    // One pack is not what it was since its ledger was written.
    await look.run(
      `UPDATE packs SET bytes = set_byte(bytes, length(bytes) / 2, 255 - get_byte(bytes, length(bytes) / 2))
     WHERE gateway = (SELECT number FROM gateway_numbers WHERE name = 'other')
       AND position = (SELECT min(position) FROM packs JOIN gateway_numbers ON number = gateway WHERE name = 'other')`,
    );
    const bad = await drill('--gateway', 'other');
    t.equal(bad.code, 1);
    t.match(bad.stdout, /WRONG/);
  },
);
