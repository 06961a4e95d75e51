import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Random } from '../../hardware/simulated/random.ts';
import { startTelemetryServer } from '../../sync/api/server.ts';
import { requireTools } from '../debian.ts';
import { CaissonProcess } from '../sync/caisson-process.ts';
import { PostgresLook } from '../sync/central/postgres-rig.ts';
import { PostgresServer } from '../sync/central/postgres-server.ts';
import { FilledStore } from '../sync/filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../sync/memory-telemetry.ts';
import { blocksIn, blocksOf, definitionsIn, definitionsOf, gapsIn, gapsOf } from '../sync/same-feed.ts';
import { eventually } from './eventually.ts';

const HOST = '127.0.0.1';
const ROUNDS = 4;
const PROCESSES = 2;

const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

if (requireTools(t, 'postgresql')) {
  await t.test('whichever is killed, of two centrals and their PostgreSQL, every block is kept once', async (t) => {
    t.comment(`CAISSON_TEST_SEED=${SEED}`);
    const random = new Random(SEED);
    const dir = mkdtempSync(join(tmpdir(), 'caisson-car-'));
    const source = new FilledStore(dir, 'car', random.fork('car'));
    const box = await startTelemetryServer({
      host: HOST,
      port: 0,
      telemetry: new MemoryTelemetry(),
      feed: source.db,
      status: () => exampleStatus('car'),
      storeDir: dir,
    });
    const postgres = await PostgresServer.start();
    const url = await postgres.database();
    const look = new PostgresLook(url);
    const pull = `${HOST}:${box.port}`;
    const start = () =>
      new CaissonProcess([
        'central',
        '--store',
        url,
        '--name',
        'hq',
        '--lease',
        '1',
        '--listen',
        `${HOST}:0`,
        '--pull',
        pull,
      ]);
    const centrals = Array.from({ length: PROCESSES }, start);
    t.teardown(async () => {
      for (const central of centrals) await central.kill('SIGKILL');
      await look.close();
      await postgres.dispose();
      await box.stop();
      source.close();
      rmSync(dir, { recursive: true });
    });
    const kept = async () => Number((await look.run('SELECT COUNT(*) AS count FROM packs'))[0]?.count);
    const answers = () => Promise.all(centrals.map((central) => central.said('central answers on ')));

    await answers();
    const victims: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = await kept();
      for (let steps = 40 + random.below(80); steps > 0; steps -= 1) source.step();
      await eventually('some of it arrived', async () => (await kept()) > before);
      const victim = round < 3 ? round : random.below(PROCESSES + 1);
      victims.push(victim < PROCESSES ? `central ${victim}` : 'PostgreSQL');
      if (victim < PROCESSES) {
        await centrals[victim]?.kill('SIGKILL');
        centrals[victim] = start();
      } else {
        await postgres.kill();
        await postgres.startAgain();
      }
      await answers();
    }
    t.comment(`killed: ${victims.join(', ')}`);
    const whole = blocksOf(source.db, 'car');
    await eventually('everything arrived', async () => blocksIn(await look.feed('car')).length >= whole.length);
    const feed = await look.feed('car');
    t.same(blocksIn(feed), whole, 'every block, once, in order, byte for byte');
    t.same(gapsIn(feed), gapsOf(source.db, 'car'));
    t.same(definitionsIn(feed), definitionsOf(source.db, 'car'));
    const sums = (accounts: readonly { kept: number; lost: number; next: number }[]) =>
      accounts.map(({ kept, lost, next }) => `${kept} ${lost} ${next}`).sort();
    t.same(sums(await look.accounts()), sums(source.db.accounts()), 'the ledger is the same at both ends');

    const ends = await Promise.all(centrals.map((central) => central.kill('SIGTERM')));
    t.same(
      ends.map(({ code }) => code),
      [0, 0],
      'both end in good order when asked to',
    );
  });
}
