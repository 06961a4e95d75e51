import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import t from 'tap';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { SET_ASIDE_MAX } from '../../gateway/store/mending/set-aside.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { Random } from '../../hardware/simulated/random.ts';
import { freePort } from '../free-port.ts';
import { overwritePages } from '../gateway/store/mending/damaged-stores.ts';
import { CaissonProcess } from '../sync/caisson-process.ts';
import { ask, ledgerDifferences, valuesOf } from './both-ends.ts';
import { eventually } from './eventually.ts';
import { GatewayChild } from './gateway-child.ts';
import { Qos1Publisher } from './qos1-publisher.ts';

const SEED = Number(process.env.CAISSON_SEED ?? Date.now() % 1e9);
const GATEWAY = 'damaged';
const HOST = '127.0.0.1';

/** Kills while a store is made anew. */
const KILLS = Number(process.env.CAISSON_KILL_ROUNDS ?? 2);

/** Messages that are acknowledged before the store is damaged: several packs of them. */
const BEFORE = 6000;

/** Overwrites pages of a store at which a table or its index begins. */
function damage(dir: string, tables: readonly string[]): void {
  const { blocks } = storePaths(dir);
  const db = new Database(blocks);
  // What stands in the log as well would be read there.
  db.pragma('wal_checkpoint(TRUNCATE)');
  const roots = tables.map((table) => {
    return Number(db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(table)) - 1;
  });
  db.close();
  overwritePages(blocks, roots, new Random(SEED));
}

/** Starts the gateway and kills it a moment after it said that it makes its store anew; false where that was done already. */
async function killWhileMending(folder: string, afterMs: number): Promise<boolean> {
  const child = new CaissonProcess(['run', join(folder, 'caisson.yaml')]);
  await eventually('it says that the store is damaged, or was', () => / (is|was) damaged \(/.test(child.stderr));
  await delay(afterMs);
  const { stderr } = await child.kill('SIGKILL');
  return !stderr.includes('was damaged (');
}

t.test(
  'a box whose store is damaged takes in again, killed as it may be, and central has each sample once',
  async (t) => {
    t.comment(`seed ${SEED}, ${KILLS} kills`);
    const random = new Random(SEED);
    const folder = mkdtempSync(join(tmpdir(), 'caisson-damaged-'));
    const [mqttPort, grpcPort, centralPort] = [await freePort(), await freePort(), await freePort()];
    const dir = join(folder, 'data');
    const config = {
      gateway: { id: GATEWAY },
      store: { dir, blockAgeSeconds: 1 },
      dashboard: { port: 0 },
      grpc: { port: grpcPort },
      sources: { load: { type: 'mqtt', port: mqttPort } },
    };
    const publisher = new Qos1Publisher(mqttPort, 'client');
    const central = new CaissonProcess([
      ...['central', '--data', join(folder, 'central'), '--listen', `${HOST}:${centralPort}`],
      ...['--pull', `${HOST}:${grpcPort}`],
    ]);
    t.teardown(async () => {
      await publisher.abandon();
      await central.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    });

    let gateway = await GatewayChild.start({ config, folder });
    await eventually('enough is taken in', () => publisher.acknowledged.size >= BEFORE);
    await eventually('central has some of it', async () => {
      const values = await ask(centralPort, (client) => valuesOf(client, GATEWAY, publisher.topic)).catch(() => []);
      return values.length > 0;
    });
    await gateway.kill();
    damage(dir, ['recent_index', 'boots', 'gaps']);
    let interrupted = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      if (await killWhileMending(folder, random.below(40))) interrupted += 1;
      else if (kill + 1 < SET_ASIDE_MAX) damage(dir, ['recent_index']);
      else break;
    }
    t.comment(`${interrupted} kills came before it was done`);

    const from = publisher.acknowledged.size;
    gateway = await GatewayChild.start({ config, folder });
    await eventually('new samples are taken in', () => publisher.acknowledged.size > from + 100);
    await publisher.finish();
    const { grpcPort: here } = gateway;
    const behind = await eventually('central has caught up', async () => {
      const differences = await ledgerDifferences({ here, there: centralPort }, GATEWAY, [publisher.topic]);
      return differences.every(({ verdict }) => verdict !== 'waiting') && differences;
    });
    t.same(
      behind.filter(({ here: state, verdict }) => state !== 'block-damaged' || verdict !== 'given-up'),
      [],
      'the ends differ only in what the disk of the box damaged',
    );
    // What the thread that stores tells of itself comes from time to time.
    const mended = await eventually('it says what was done to its store', () =>
      ask(here, (client) => client.status()).then(({ store }) => store.mended),
    );
    t.match(mended, { folder: /^damaged-\d$/, left: 0 });
    const kept = await ask(centralPort, (client) => valuesOf(client, GATEWAY, publisher.topic));
    t.same(
      [...publisher.acknowledged].filter((value) => !new Set(kept).has(value)),
      [],
      `of ${publisher.acknowledged.size} that were acknowledged central lacks none`,
    );
    t.equal(new Set(kept).size, kept.length, 'and has none twice');
    await gateway.stop();
    const telemetry = StoreTelemetry.open(dir);
    const { id } = telemetry.channel(publisher.topic);
    const line = telemetry.ledger().find(({ channel }) => channel === id);
    t.equal(line?.taken, (line?.kept ?? 0) + (line?.lost ?? 0), 'at the box: taken in = kept + lost');
    telemetry.close();
  },
);

t.test('a box whose store turns out to be damaged while it runs makes it anew by itself', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-damaged-'));
  const dir = join(folder, 'data');
  const config = {
    gateway: { id: GATEWAY },
    store: { dir, blockAgeSeconds: 1 },
    dashboard: { port: 0 },
    grpc: { port: await freePort() },
    sources: { load: { type: 'mqtt', port: await freePort() } },
  };
  const publisher = new Qos1Publisher(config.sources.load.port, 'client');
  t.teardown(async () => {
    await publisher.abandon();
    rmSync(folder, { recursive: true, force: true });
  });
  let gateway = await GatewayChild.start({ config, folder });
  await eventually('enough is taken in', () => publisher.acknowledged.size >= BEFORE);
  await gateway.stop();
  // A start does not look there; the next block does.
  damage(dir, ['packs']);
  gateway = await GatewayChild.start({ config, folder });
  const { pid } = gateway;
  await eventually('it is set aside', () => readdirSync(dir).includes('damaged-1') || undefined);
  const status = await eventually('it runs again', () =>
    ask(config.grpc.port, (client) => client.status())
      .then(({ store }) => store.mended)
      .catch(() => undefined),
  );
  t.match(status, { why: /malformed/ });
  t.equal(gateway.pid, pid);
  t.equal(gateway.exitCode, null, 'in the same process');
  const from = publisher.acknowledged.size;
  await eventually('new samples are taken in', () => publisher.acknowledged.size > from + 100);
  await publisher.finish();
  await gateway.stop();
});
