import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import t, { type Test } from 'tap';
import { BlockDb } from '../../gateway/store/block-db.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { Random } from '../../hardware/simulated/random.ts';
import { startTelemetryServer, type TelemetryServerOptions } from '../../sync/api/server.ts';
import { startCentral } from '../../sync/central/central.ts';
import { Keeper } from '../../sync/central/keeper.ts';
import { SqliteStore } from '../../sync/central/sqlite-store.ts';
import { carry } from '../../sync/courier/bring-courier.ts';
import { filesOn } from '../../sync/courier/courier-files.ts';
import { courierKey } from '../../sync/courier/courier-key.ts';
import { readCourier } from '../../sync/courier/courier-reader.ts';
import { accountsOf } from '../../sync/drill/compare-copy.ts';
import { PullLine } from '../../sync/line/pull-line.ts';
import { sleep } from '../../sync/line/sleep.ts';
import { keyText } from '../../sync/receipts/kept-key.ts';
import { AcceptedLines } from '../../sync/reverse/accepted-lines.ts';
import { CutProxy } from '../sync/cut-proxy.ts';
import { FilledStore } from '../sync/filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../sync/memory-telemetry.ts';
import { startBox } from '../sync/reverse/dialled.ts';
import { blocksIn, definitionsIn, feedOf, gapsIn } from '../sync/same-feed.ts';
import { TrustedCentral } from '../sync/trust/trusted.ts';
import { waitFor } from '../wait-for.ts';

const HOST = '127.0.0.1';
const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

/** Steps of the box: blocks of one and of several channels, text, gaps, definitions that change, new boots. */
const STEPS = 250;

/** Bytes after which a line is cut, at most; each costs a back-off. */
const CUT_BYTES_MAX = 20_000;
const CUTS = 3;

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-lap-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** The box, and what all ways to a central need of it. */
class Lap {
  readonly dir: string;
  readonly box: FilledStore;
  readonly random: Random;

  constructor(t: Test, random: Random) {
    this.dir = folder(t);
    this.random = random;
    this.box = new FilledStore(this.dir, 'car', random.fork('car'));
    t.teardown(() => this.box.close());
    for (let i = 0; i < STEPS; i += 1) this.box.step();
    this.box.finish();
  }

  get blocks(): number {
    return blocksIn(feedOf(this.box.db, 'car')).length;
  }

  get served(): Pick<TelemetryServerOptions, 'feed' | 'storeDir'> {
    return { feed: this.box.db, storeDir: this.dir };
  }

  /** Lets the line break again and again, and live from then on. */
  async cut(proxy: CutProxy): Promise<void> {
    for (let cuts = 0; cuts < CUTS; cuts += 1) {
      const before = proxy.connections;
      proxy.cutAfter(1 + this.random.below(CUT_BYTES_MAX));
      await waitFor('the line is cut and comes back', () => proxy.connections > before);
    }
    proxy.cutAfter(Number.POSITIVE_INFINITY);
  }
}

/** What a store says of the car, in words that do not depend on the order in which it came: ids and positions are a store's own. */
function saysOf(dir: string): Record<string, unknown> {
  const db = BlockDb.open(storePaths(dir).blocks);
  try {
    const items = feedOf(db, 'car');
    const blocks = blocksIn(items).map(({ identity, bytes }) => {
      return `${identity} ${createHash('sha256').update(bytes).digest('hex')}`;
    });
    const others = items.flatMap((item) => wordsOf(item));
    const accounts = accountsOf(dir).map((account) => JSON.stringify(account));
    return {
      blocks: blocks.sort(),
      gaps: gapsIn(items),
      definitions: definitionsIn(items),
      others: others.sort(),
      accounts: accounts.sort(),
    };
  } finally {
    db.close();
  }
}

function wordsOf(item: FeedItem): string[] {
  if (item.kind !== 'boot' && item.kind !== 'clock' && item.kind !== 'derivation') return [];
  const { position: _, ...rest } = item;
  return [JSON.stringify(rest)];
}

/** Over a line that central dials. */
async function byLine(t: Test, lap: Lap): Promise<string> {
  const dir = folder(t);
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), ...lap.served },
    status: () => exampleStatus('car'),
  });
  const proxy = await CutProxy.start(server.port);
  const pull = [{ host: HOST, port: proxy.port }];
  const central = await startCentral({ dir, name: 'hq', host: HOST, port: 0, pull, version: '1' });
  await lap.cut(proxy);
  await waitFor('all came over the line', () => (central.status().store.blocks ?? 0) >= lap.blocks);
  await central.stop();
  await proxy.stop();
  await server.stop();
  return dir;
}

/** Over a line that the box dials. */
async function byReverseLine(t: Test, lap: Lap): Promise<string> {
  const dir = folder(t);
  const db = BlockDb.open(storePaths(dir).blocks);
  const keeper = new Keeper(new SqliteStore(db));
  const lines = new AcceptedLines({
    name: 'hub',
    pull: (_gateway, way) =>
      new PullLine({ ways: [way], sink: keeper, follower: 'hub', sleep: (_ms, signal) => sleep(20, signal) }),
  });
  const central = await TrustedCentral.start(t, {}, (socket, caller, raw) => lines.take(socket, caller, raw));
  const identity = await central.enrolled(t, 'car');
  const { dialer } = await startBox(t, 'car', identity, central.server.port, lap.served);
  await waitFor('all came over the line', () => db.totals.blocks >= lap.blocks);
  await dialer.stop();
  await lines.stop();
  db.close();
  return dir;
}

/** On media: shuffled, some twice, some cut before their end; `before` takes what came another way meanwhile. */
async function byCourier(t: Test, lap: Lap, before: (keeper: Keeper) => Promise<void>): Promise<string> {
  const [dir, keys, medium] = [folder(t), folder(t), folder(t)];
  const key = courierKey(keys);
  const destinations = { hq: { courierKey: keyText(key, 'x25519') } };
  carry({ dir: lap.dir, destinations, central: 'hq', medium, fileBytes: 40_000, all: true });
  const paths = filesOn(medium);
  t.ok(paths.length > 8, `${paths.length} files`);
  const db = BlockDb.open(storePaths(dir).blocks);
  const keeper = new Keeper(new SqliteStore(db));
  const order = [...paths, ...paths.filter(() => lap.random.unit() < 0.5)]
    .map((path) => ({ path, at: lap.random.unit() }))
    .sort((a, b) => a.at - b.at);
  for (const [i, { path }] of order.entries()) {
    if (i === Math.floor(order.length / 2)) await before(keeper);
    const isCut = lap.random.unit() < 0.3;
    for (const part of isCut ? [0.6, 1] : [1]) {
      const alone = folder(t);
      const to = join(alone, path.slice(path.indexOf('caisson-courier')));
      mkdirSync(dirname(to), { recursive: true });
      const bytes = readFileSync(path);
      writeFileSync(to, bytes.subarray(0, Math.floor(bytes.length * part)));
      for await (const { outcome } of readCourier({ medium: alone, central: 'hq', key, sink: keeper })) {
        if (outcome !== (part === 1 ? 'kept' : 'damaged')) t.fail(`${outcome}: ${path}`);
      }
    }
  }
  t.match(keeper.counters, { conflicts: 0 });
  db.close();
  return dir;
}

t.test('the same lap by line, by reverse line, on media and mixed: central has the same, byte for byte', async (t) => {
  t.comment(`CAISSON_TEST_SEED=${SEED}`);
  const lap = new Lap(t, new Random(SEED));
  const box = saysOf(lap.dir);
  t.same(saysOf(await byLine(t, lap)), box, 'by a line that is cut');
  t.same(saysOf(await byReverseLine(t, lap)), box, 'by a reverse line');
  t.same(saysOf(await byCourier(t, lap, async () => {})), box, 'on media, shuffled, twice and cut');
  const half = async (keeper: Keeper) => {
    const items = lap.box.db.feed(0, STEPS / 2, Number.MAX_SAFE_INTEGER);
    await keeper.keep({ role: 'gateway', gateway: 'car' }, { feed: 'a line', items, complete: false });
  };
  t.same(saysOf(await byCourier(t, lap, half)), box, 'half of it over a line in between');
});
