import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import type { PullBatch } from '../../../sync/api/pull-batch.ts';
import { feedIdOf } from '../../../sync/api/pull-call.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import type { BlockStore } from '../../../sync/central/block-store.ts';
import { type CentralOptions, startCentral } from '../../../sync/central/central.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { PostgresDatabase } from '../../../sync/central/postgres/database.ts';
import { PostgresStore } from '../../../sync/central/postgres/postgres-store.ts';
import { openSchema } from '../../../sync/central/postgres/schema.ts';
import { SqliteStore } from '../../../sync/central/sqlite-store.ts';
import { type RebuildParts, rebuildStore } from '../../../sync/drill/rebuild-store.ts';
import { requireTools } from '../../debian.ts';
import { caisson } from '../caisson-process.ts';
import { PostgresServer } from '../central/postgres-server.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';
import { blocksOf, definitionsOf, gapsOf } from '../same-feed.ts';

const HOST = '127.0.0.1';

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-rebuild-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A gateway's store with 120 random steps. */
function filled(t: Test, name: string, seed: number): FilledStore {
  const store = new FilledStore(folder(t), name, new Random(seed));
  t.teardown(() => store.close());
  store.steps(120);
  return store;
}

/** Brings what is new of gateways into a central's store. */
async function pull(keeper: Keeper, ...stores: readonly FilledStore[]): Promise<void> {
  for (const { gateway, db } of stores) {
    const peer = { role: 'gateway', gateway } as const;
    const feed = feedIdOf(db);
    const known = await keeper.resume(peer);
    const items = db.feed(known.feed === feed ? known.after : 0, 1e6, 1e9);
    const { refusal } = await keeper.keep(peer, { feed, items, complete: true });
    if (refusal !== undefined) throw refusal.error;
  }
}

/** The store in `dir` is that of the gateway: every block with its bytes, gaps, channels, boots, clock rows. */
function isSame(t: Test, dir: string, box: FilledStore): void {
  const db = BlockDb.open(storePaths(dir).blocks);
  t.same(blocksOf(db, box.gateway), blocksOf(box.db, box.gateway), 'every block, bit for bit, in its order');
  t.same(gapsOf(db, box.gateway), gapsOf(box.db, box.gateway));
  t.same(definitionsOf(db, box.gateway), definitionsOf(box.db, box.gateway));
  const bootsOf = (of: BlockDb) => of.boots().map(({ gateway, boot, started }) => ({ gateway, boot, started }));
  t.same(bootsOf(db), bootsOf(box.db));
  t.same(
    db.clockAfter(0).rows.map(({ reading }) => reading),
    box.db.clockAfter(0).rows.map(({ reading }) => reading),
  );
  t.equal(db.meta('gateway'), box.gateway);
  t.not(feedIdOf(db), feedIdOf(box.db), 'it begins a feed of its own');
  t.equal(db.cursor(box.gateway), 0, 'nothing is left of how it came');
  db.close();
}

/** Fills a central, serves it, gives the box back, and goes on with the box. */
async function scenario(
  t: Test,
  options: CentralOptions,
  openBlocks: () => Promise<{ blocks: BlockStore; close: () => unknown }>,
): Promise<void> {
  const [box, other] = [filled(t, 'box', 3), filled(t, 'other', 4)];
  const before = await openBlocks();
  await pull(new Keeper(before.blocks), box, other);
  await before.close();

  const dir = join(folder(t), 'store');
  const central = await startCentral(options);
  const server = `${HOST}:${central.port}`;
  const wrong = await caisson('restore', '--from', server, '--gateway', 'nobody', '--store', join(folder(t), 'none'));
  t.equal(wrong.code, 1);
  t.match(wrong.stderr, /nothing of a gateway nobody/);
  const restored = await caisson('restore', '--from', server, '--gateway', 'box', '--store', dir);
  t.equal(restored.code, 0, restored.stderr);
  t.match(restored.stdout, /has what the central at .* has of box\n/);
  await central.stop();
  isSame(t, dir, box);

  const again = new FilledStore(dir, 'box', new Random(9));
  for (let i = 0; i < 20; i += 1) again.step();
  const after = await openBlocks();
  const problems: string[] = [];
  const keeper = new Keeper(after.blocks, { onProblem: (text) => problems.push(text) });
  await pull(keeper, again);
  t.same(problems, []);
  t.match(keeper.counters, { conflicts: 0, holes: 0 });
  const total = blocksOf(again.db, 'box').length;
  t.equal(keeper.counters.known, blocksOf(box.db, 'box').length, 'what central had, it has once');
  t.equal(keeper.counters.blocks, total - keeper.counters.known, 'and the new boots come through');
  await after.close();
  again.close();
}

t.test('a box that was lost gets its store back from central and goes on, nothing twice', async (t) => {
  const dir = folder(t);
  await scenario(t, { dir, host: HOST, port: 0, pull: [], version: '1' }, async () => {
    const db = BlockDb.open(storePaths(dir).blocks);
    return { blocks: new SqliteStore(db), close: () => db.close() };
  });
});

t.test('the same from a central over PostgreSQL', async (t) => {
  if (!requireTools(t, 'postgresql')) return;
  const postgres = await PostgresServer.start();
  t.teardown(() => postgres.dispose());
  const url = await postgres.database();
  await scenario(t, { url, name: 'hq', host: HOST, port: 0, pull: [], version: '1' }, async () => {
    const db = new PostgresDatabase(url);
    await openSchema(db);
    const blocks = new PostgresStore(db, { name: 'hq' });
    return {
      blocks,
      close: async () => {
        await blocks.close();
        await db.close();
      },
    };
  });
});

t.test('goes on where it was interrupted, and is a store only when it is whole', async (t) => {
  const box = filled(t, 'box', 3);
  const dir = join(folder(t), 'store');
  const asked: number[] = [];
  let left = 40;
  const central: RebuildParts['central'] = {
    async *pullGateway({ feed, after }): AsyncGenerator<PullBatch> {
      const own = feedIdOf(box.db);
      asked.push(feed === own ? after : 0);
      for (let at = asked.at(-1) ?? 0; ; ) {
        const items = box.db.feed(at, 10, 1e6);
        at = items.at(-1)?.position ?? at;
        left -= items.length;
        if (left < 0) throw new TypeError('killed');
        yield { feed: own, items, complete: items.length < 10 };
      }
    },
  };
  const rebuild = (gateway = 'box') => rebuildStore({ dir, gateway, central, signal: new AbortController().signal });
  await t.rejects(rebuild(), { message: 'killed' });
  t.notOk(existsSync(storePaths(dir).blocks), 'nothing that looks like a store');
  left = 1e6;
  t.ok((await rebuild()).ok);
  const [first, second] = asked;
  t.equal(first, 0);
  t.ok((second ?? 0) > 20, `goes on behind ${second}`);
  isSame(t, dir, box);
  await t.rejects(rebuild(), { code: 'store-unusable', message: /is not empty/ });
});

t.test('a gateway gives no other back', async (t) => {
  const box = filled(t, 'box', 3);
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), feed: box.db, storeDir: '.' },
    status: () => exampleStatus('box'),
  });
  const client = new TelemetryClient({ host: HOST, port: server.port });
  await t.rejects(client.pullGateway({ gateway: 'box', feed: '', after: 0 }).next(), { code: 'not-served' });
  client.close();
  await server.stop();
});
