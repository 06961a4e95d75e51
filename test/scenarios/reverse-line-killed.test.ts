import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { Random } from '../../hardware/simulated/random.ts';
import { startTelemetryServer } from '../../sync/api/server.ts';
import { sleep } from '../../sync/line/sleep.ts';
import { LineDialer } from '../../sync/reverse/line-dialer.ts';
import { inviteTo } from '../../sync/trust/authority.ts';
import { IdentityFolder, keepIdentity } from '../../sync/trust/identity-folder.ts';
import { parseToken } from '../../sync/trust/token.ts';
import { enroll } from '../../sync/trust/trust-client.ts';
import { freePort } from '../free-port.ts';
import { BlockCount } from '../sync/block-count.ts';
import { CaissonProcess } from '../sync/caisson-process.ts';
import { CutProxy } from '../sync/cut-proxy.ts';
import { FilledStore } from '../sync/filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../sync/memory-telemetry.ts';
import { blocksOf, definitionsOf, gapsOf } from '../sync/same-feed.ts';
import { waitFor } from '../wait-for.ts';

const HOST = '127.0.0.1';
const ROUNDS = 4;

/** How long central may take to come as far as something is to be killed, milliseconds; on a quiet machine it is there at once. */
const ROUND_MS_MAX = 30_000;
const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

t.test('a box that dials out has every block at central once, whatever is killed or cut', async (t) => {
  t.comment(`CAISSON_TEST_SEED=${SEED}`);
  const random = new Random(SEED);
  const dir = mkdtempSync(join(tmpdir(), 'caisson-reverse-'));
  const [boxDir, centralDir, authority, folder, passphrase] = ['box', 'central', 'authority', 'identity', 'word'].map(
    (name) => join(dir, name),
  ) as [string, string, string, string, string];
  mkdirSync(boxDir);
  writeFileSync(passphrase, 'correct horse battery');
  const store = new FilledStore(boxDir, 'car', random.fork('car'));
  const centralPort = await freePort();
  const startCentral = async () => {
    const known = ['--authority', authority, '--passphrase-file', passphrase, '--name', 'hub'];
    const at = `${HOST}:${centralPort}`;
    const started = new CaissonProcess(['central', '--data', centralDir, '--listen', at, ...known]);
    await started.said('central answers on ');
    return started;
  };
  let central = await startCentral();
  const proxy = await CutProxy.start(centralPort);
  const now = { nowMs: Date.now(), lifeMs: 600_000 };
  const address = { host: HOST, port: proxy.port };
  const token = inviteTo(authority, { peer: { role: 'gateway', name: 'car' }, hosts: [], central: address, ...now });
  const { issued, key } = await enroll(parseToken(token));
  keepIdentity(folder, issued, { key, central: address });

  /** A box that nobody can dial: its own port is known to none. */
  const startBox = async () => {
    const identity = IdentityFolder.open(folder);
    const server = await startTelemetryServer({
      ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), feed: store.db, storeDir: boxDir },
      status: () => exampleStatus('car'),
      secure: { identity },
    });
    const dialer = new LineDialer({
      ...{ address, identity, utcNow: () => Date.now() * 1e3 },
      serve: (line, caller) => server.secure?.take(line, caller),
      sleep: (_ms, signal) => sleep(50, signal),
    });
    dialer.start();
    return {
      dialer,
      stop: async () => {
        await dialer.stop();
        await server.stop();
        identity.close();
      },
    };
  };
  let box = await startBox();
  t.teardown(async () => {
    await box.stop();
    await central.kill('SIGKILL');
    await proxy.stop();
    store.close();
    rmSync(dir, { recursive: true });
  });

  const kept: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    store.steps(60 + random.below(60));
    await waitFor('the line is taken', () => box.dialer.status().state === 'connected');
    // What is killed falls anywhere between where central stands and where it could be.
    const watch = new BlockCount(centralDir);
    const from = watch.now();
    const goal = from + 1 + random.below(store.db.totals.blocks - from);
    const killAt = performance.now() + ROUND_MS_MAX;
    while (performance.now() < killAt && watch.now() < goal) {
      store.step();
      await delay(2);
    }
    watch.close();
    const what = (['cut', 'kill central', 'kill box'] as const)[round % 3];
    if (what === 'cut') {
      proxy.goDown();
      await waitFor('the box sees it', () => box.dialer.status().state !== 'connected');
      proxy.goUp();
    } else if (what === 'kill central') {
      await central.kill('SIGKILL');
      central = await startCentral();
    } else {
      await box.stop();
      box = await startBox();
    }
    const db = BlockReader.openReadonly(storePaths(centralDir).blocks);
    const blocks = blocksOf(db, 'car');
    db.close();
    t.same(blocks, blocksOf(store.db, 'car').slice(0, blocks.length), `a true beginning after ${what}`);
    kept.push(blocks.length);
  }
  t.comment(`blocks after each round: ${kept.join(' ')}`);
  t.ok(new Set(kept).size > ROUNDS / 2, 'they fell at different places');
  store.finish();
  const db = BlockReader.openReadonly(storePaths(centralDir).blocks);
  t.teardown(() => db.close());
  const arrived = new BlockCount(centralDir);
  await waitFor('everything arrived', () => arrived.now() >= store.db.totals.blocks);
  arrived.close();
  t.same(blocksOf(db, 'car'), blocksOf(store.db, 'car'), 'every block, once, in order, byte for byte');
  t.same(gapsOf(db, 'car'), gapsOf(store.db, 'car'));
  t.same(definitionsOf(db, 'car'), definitionsOf(store.db, 'car'));
  t.equal((await central.kill('SIGTERM')).code, 0);
});
