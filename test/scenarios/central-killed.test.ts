import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { Random } from '../../hardware/simulated/random.ts';
import { startTelemetryServer } from '../../sync/api/server.ts';
import { BlockCount } from '../sync/block-count.ts';
import { CaissonProcess } from '../sync/caisson-process.ts';
import { CutProxy } from '../sync/cut-proxy.ts';
import { FilledStore } from '../sync/filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../sync/memory-telemetry.ts';
import { blocksOf, definitionsOf, gapsOf } from '../sync/same-feed.ts';
import { waitFor } from '../wait-for.ts';

const HOST = '127.0.0.1';
const ROUNDS = 6;

/** How long central may take to come as far as it is to be killed, milliseconds; on a quiet machine it is there at once. */
const ROUND_MS_MAX = 30_000;

const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

t.test('a central that is killed again and again ends up with every block once', async (t) => {
  t.comment(`CAISSON_TEST_SEED=${SEED}`);
  const random = new Random(SEED);
  const [boxDir, centralDir] = ['box', 'central'].map((name) => mkdtempSync(join(tmpdir(), `caisson-${name}-`)));
  if (boxDir === undefined || centralDir === undefined) throw new Error('no directories');
  const store = new FilledStore(boxDir, 'car', random.fork('car'));
  const server = await startTelemetryServer({
    host: HOST,
    port: 0,
    telemetry: new MemoryTelemetry(),
    feed: store.db,
    status: () => exampleStatus('car'),
    storeDir: boxDir,
  });
  const proxy = await CutProxy.start(server.port);
  const start = () =>
    new CaissonProcess(['central', '--data', centralDir, '--listen', `${HOST}:0`, '--pull', `${HOST}:${proxy.port}`]);
  let central = start();
  t.teardown(async () => {
    await central.kill('SIGKILL');
    await proxy.stop();
    await server.stop();
    store.close();
    for (const dir of [boxDir, centralDir]) rmSync(dir, { recursive: true });
  });

  const kept: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    store.steps(100 + random.below(200));
    await central.said('central answers on ');
    if (random.unit() < 0.5) proxy.cutAfter(random.below(200_000));
    // The store grows while central pulls. The kill falls anywhere between where it stood and where it could be.
    const watch = new BlockCount(centralDir);
    const from = watch.now();
    const goal = from + 1 + random.below(store.db.totals.blocks - from);
    const killAt = performance.now() + ROUND_MS_MAX;
    while (performance.now() < killAt && watch.now() < goal) {
      store.step();
      await delay(10);
    }
    watch.close();
    await delay(random.below(10));
    await central.kill('SIGKILL');
    const db = BlockReader.openReadonly(storePaths(centralDir).blocks);
    const blocks = blocksOf(db, 'car');
    db.close();
    t.same(blocks, blocksOf(store.db, 'car').slice(0, blocks.length), `a true beginning after kill ${round + 1}`);
    t.ok(blocks.length >= (kept.at(-1) ?? 0), 'nothing that was kept is gone');
    kept.push(blocks.length);
    central = start();
  }
  t.comment(`blocks after each kill: ${kept.join(' ')}`);
  t.ok(new Set(kept).size > ROUNDS / 2, 'kills fell at different places');

  const db = BlockReader.openReadonly(storePaths(centralDir).blocks);
  store.finish();
  const total = store.db.totals.blocks;
  const arrived = new BlockCount(centralDir);
  await waitFor('everything arrived', () => arrived.now() >= total);
  arrived.close();
  const { code } = await central.kill('SIGTERM');
  t.equal(code, 0, 'ends in good order when asked to');
  t.same(blocksOf(db, 'car'), blocksOf(store.db, 'car'), 'every block, once, in order, byte for byte');
  t.same(gapsOf(db, 'car'), gapsOf(store.db, 'car'));
  t.same(definitionsOf(db, 'car'), definitionsOf(store.db, 'car'));
  db.close();
});
