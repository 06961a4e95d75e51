import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { BlockReader } from '../../../gateway/store/block-reader.ts';
import type { FeedItem } from '../../../gateway/store/block-rows.ts';
import { gatewayIdOf } from '../../../gateway/store/gateway-id.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { claimStore } from '../../../gateway/store/store-role.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { startCentral } from '../../../sync/central/central.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { SqliteStore } from '../../../sync/central/sqlite-store.ts';
import { PullLine } from '../../../sync/line/pull-line.ts';
import { sleep } from '../../../sync/line/sleep.ts';
import { waitFor } from '../../wait-for.ts';
import { CutProxy } from '../cut-proxy.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';
import { blocksOf, definitionsOf, gapsOf } from '../same-feed.ts';

const HOST = '127.0.0.1';
const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

/** Rounds in which the gateways go on while their lines are cut. */
const ROUNDS = 60;

function tempDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-sync-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A gateway as far as sync sees it; `feed` may be put in front of the store's own. */
async function startGateway(
  t: Test,
  name: string,
  random: Random,
  wrap: (items: FeedItem[]) => FeedItem[] = (items) => items,
) {
  const dir = tempDir(t);
  const store = new FilledStore(dir, name, random);
  const server = await startTelemetryServer({
    host: HOST,
    port: 0,
    telemetry: new MemoryTelemetry(),
    feed: { feed: (after, itemsMax, bytesMax) => wrap(store.db.feed(after, itemsMax, bytesMax)) },
    status: () => exampleStatus(name),
    storeDir: dir,
  });
  t.teardown(async () => {
    await server.stop();
    store.close();
  });
  return { store, server, dir };
}

function isComplete({ line }: { readonly line: PullLine }): boolean {
  return line.health().complete;
}

function same(t: Test, central: BlockReader, gateway: FilledStore): void {
  const name = gateway.gateway;
  t.same(blocksOf(central, name), blocksOf(gateway.db, name), `the same blocks of ${name}, in order, none twice`);
  t.same(gapsOf(central, name), gapsOf(gateway.db, name), `the same gaps of ${name}`);
  t.same(definitionsOf(central, name), definitionsOf(gateway.db, name), `the same channels of ${name}`);
}

t.test('has what the gateways have, whenever and wherever the lines are cut', async (t) => {
  t.comment(`CAISSON_TEST_SEED=${SEED}`);
  const random = new Random(SEED);
  const dir = tempDir(t);
  const db = BlockDb.open(storePaths(dir).blocks);
  const keeper = new Keeper(new SqliteStore(db));
  const ends: { store: FilledStore; proxy: CutProxy; line: PullLine; chance: Random }[] = [];
  for (const name of ['car1', 'car2']) {
    const gateway = await startGateway(t, name, random.fork(name));
    const proxy = await CutProxy.start(gateway.server.port);
    const line = new PullLine({
      follower: 'hq',
      ways: [{ name: '', connect: () => new TelemetryClient({ host: HOST, port: proxy.port }) }],
      sink: keeper,
      // Waits as the back-off says, but much faster.
      sleep: (ms, signal) => sleep(Math.min(10, ms / 500), signal),
    });
    ends.push({ ...gateway, proxy, line, chance: random.fork(`${name} cuts`) });
    line.start();
  }
  for (let round = 0; round < ROUNDS || ends.some(({ proxy }) => proxy.connections <= 20); round += 1) {
    for (const { store, proxy, chance } of ends) {
      for (let steps = round < ROUNDS ? chance.below(12) : 0; steps > 0; steps -= 1) store.step();
      const kind = chance.unit();
      if (kind < 0.5) proxy.cutAfter(1 + chance.below(20_000));
      else if (kind < 0.6) proxy.goDown();
      else proxy.goUp();
    }
    await new Promise((resolve) => setTimeout(resolve, random.below(20)));
  }
  for (const { proxy } of ends) {
    proxy.cutAfter(Number.POSITIVE_INFINITY);
    proxy.goUp();
  }
  for (const { store } of ends) store.finish();
  const total = ends.reduce((sum, { store }) => sum + store.db.totals.blocks, 0);
  await waitFor('both are complete', () => db.totals.blocks >= total && ends.every(isComplete));
  for (const { store, proxy, line } of ends) {
    await line.stop();
    await proxy.stop();
    same(t, db, store);
  }
  t.match(keeper.counters, { conflicts: 0, holes: 0 });
  db.close();
});

t.test('notices a line that died without a word', async (t) => {
  const { store, server } = await startGateway(t, 'car', new Random(1));
  const proxy = await CutProxy.start(server.port);
  const db = BlockDb.open(storePaths(tempDir(t)).blocks);
  const line = new PullLine({
    follower: 'hq',
    ways: [
      {
        name: '',
        connect: () =>
          new TelemetryClient({ host: HOST, port: proxy.port }, { keepaliveMs: 100, keepaliveAnswerMs: 100 }),
      },
    ],
    sink: new Keeper(new SqliteStore(db)),
    sleep: async () => {},
  });
  line.start();
  store.seal('car/a');
  await waitFor('the first block came', () => line.health().complete && blocksOf(db, 'car').length === 1);
  proxy.freeze();
  store.seal('car/a');
  await waitFor('the second block came over another connection', () => blocksOf(db, 'car').length === 2);
  // On a busy machine an answer may come too late for a line that is well.
  t.ok(line.health().connections >= 2, `${line.health().connections} connections`);
  await line.stop();
  await proxy.stop();
  same(t, db, store);
  db.close();
});

t.test('asks again for a block that was damaged on the way, and leaves out one that is damaged for good', async (t) => {
  const damage = { position: 0, times: 0 };
  const { store, server } = await startGateway(t, 'car', new Random(2), (items) =>
    items.map((item) => {
      if (item.kind !== 'pack' || item.position !== damage.position || damage.times === 0) return item;
      damage.times -= 1;
      const bytes = Uint8Array.from(item.bytes);
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      return { ...item, bytes };
    }),
  );
  for (let i = 0; i < 6; i += 1) store.seal('car/a', 'number', 10);
  const positions = store.db.blocksAfter(0).map(({ position }) => position);
  const pull = async () => {
    const dir = tempDir(t);
    const db = BlockDb.open(storePaths(dir).blocks);
    const problems: string[] = [];
    const line = new PullLine({
      follower: 'hq',
      ways: [{ name: '', connect: () => new TelemetryClient({ host: HOST, port: server.port }) }],
      sink: new Keeper(new SqliteStore(db), { onProblem: (text) => problems.push(text) }),
      sleep: async () => {},
      onProblem: (text) => problems.push(text),
    });
    line.start();
    await waitFor('the line is complete', () => line.health().complete);
    await line.stop();
    return { db, line, problems };
  };
  damage.position = positions[2] ?? 0;
  damage.times = 1;
  const once = await pull();
  t.match(once.line.health(), { errors: { 'block-invalid': 1 }, skipped: 0 });
  same(t, once.db, store);
  once.db.close();

  damage.times = Number.POSITIVE_INFINITY;
  const always = await pull();
  t.match(always.line.health(), { errors: { 'block-invalid': 3 }, skipped: 1 });
  t.equal(blocksOf(always.db, 'car').length, 5);
  t.match(gapsOf(always.db, 'car'), [/ car\/a 20\+10 not-received$/]);
  t.match(always.problems, [/refused 3 times/, /never sent 10 samples/]);
  always.db.close();
});

t.test(
  'answers over several gateways as each of them would, and passes everything on to another central',
  async (t) => {
    const random = new Random(3);
    const gateways = [await startGateway(t, 'car1', random.fork('1')), await startGateway(t, 'car2', random.fork('2'))];
    for (const { store } of gateways) {
      store.steps(40);
      store.seal('speed');
    }
    const pull = gateways.map(({ server }) => ({ host: HOST, port: server.port }));
    const common = { host: HOST, port: 0, version: '1.2.3' };
    const central = await startCentral({ ...common, dir: tempDir(t), pull });
    t.teardown(() => central.stop());
    const secondDir = tempDir(t);
    const second = await startCentral({ ...common, dir: secondDir, pull: [{ host: HOST, port: central.port }] });
    t.teardown(() => second.stop());
    const blocks = gateways.reduce((sum, { store }) => sum + store.db.totals.blocks, 0);
    await waitFor('everything arrived at the second central', () => second.status().store.blocks === blocks);

    const client = new TelemetryClient({ host: HOST, port: second.port });
    t.teardown(() => client.close());
    t.match(await client.status(), { role: 'central', version: '1.2.3', store: { blocks } });
    t.equal((await client.listChannels({ names: ['speed'] })).length, 2);
    await t.rejects(client.query({ channels: ['speed'] }).next(), { code: 'query-invalid' });
    for (const { store, dir } of gateways) {
      const own = StoreTelemetry.open(dir);
      const { id } = own.channel('speed');
      const expected = [...own.raw(id, 0, Number.MAX_SAFE_INTEGER)].flatMap(({ times, values }) =>
        [...times].map((time, i) => [time, values[i]]),
      );
      const got: unknown[] = [];
      for await (const piece of client.query({ channels: ['speed'], gateway: store.gateway })) {
        if ('samples' in piece)
          for (const [i, time] of piece.samples.times.entries()) got.push([time, piece.samples.values[i]]);
      }
      t.same(got, expected);
      t.ok(expected.length > 0);
      own.close();
    }

    const live = client.subscribe({ channels: ['speed'], gateway: 'car1', rateMax: 60 });
    await live.next();
    const [car1] = gateways;
    car1?.store.seal('speed');
    const own = StoreTelemetry.open(car1?.dir ?? '');
    const latest = own.latest(own.channel('speed').id);
    own.close();
    t.same((await live.next()).value, [{ channel: 0, ...latest }]);
    await live.return();
    await second.stop();
    const db = BlockReader.openReadonly(storePaths(secondDir).blocks);
    for (const { store } of gateways) same(t, db, store);
    db.close();
  },
);

t.test('goes on after a restart where it was', async (t) => {
  const { store, server } = await startGateway(t, 'car', new Random(4));
  const dir = tempDir(t);
  const options = { dir, host: HOST, port: 0, version: '1', pull: [{ host: HOST, port: server.port }] };
  for (let round = 1; round <= 3; round += 1) {
    for (let i = 0; i < 10; i += 1) store.seal('car/a');
    const central = await startCentral(options);
    await waitFor('everything arrived', () => central.status().store.blocks === 10 * round);
    t.ok((central.status().sources[0]?.received ?? 0) <= 13, 'nothing is asked for again');
    await central.stop();
  }
  const db = BlockReader.openReadonly(storePaths(dir).blocks);
  same(t, db, store);
  db.close();
});

t.test('refuses the store of a gateway, which keeps its name', async (t) => {
  const dir = tempDir(t);
  const gateway = BlockDb.open(storePaths(dir).blocks);
  claimStore(gateway, 'gateway');
  gatewayIdOf(gateway, 'car7');
  gateway.close();
  await t.rejects(startCentral({ dir, name: 'hq', host: HOST, port: 0, version: '1', pull: [] }), {
    code: 'store-unusable',
    message: /belongs to a gateway/,
  });
  const kept = BlockDb.open(storePaths(dir).blocks);
  t.equal(gatewayIdOf(kept, 'car7'), 'car7');
  kept.close();
});

t.test('refuses a store that another process or central has open', async (t) => {
  const options = { dir: tempDir(t), host: HOST, port: 0, version: '1', pull: [] };
  const central = await startCentral(options);
  await t.rejects(startCentral(options), { code: 'store-unusable' });
  await central.stop();
  await (await startCentral(options)).stop();
});
