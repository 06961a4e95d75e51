import { cpSync } from 'node:fs';
import t, { type Test } from 'tap';
import { Random } from '../../../hardware/simulated/random.ts';
import { startCentral } from '../../../sync/central/central.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { PostgresDatabase } from '../../../sync/central/postgres/database.ts';
import { PostgresAnswers } from '../../../sync/central/postgres/postgres-answers.ts';
import { PostgresStore } from '../../../sync/central/postgres/postgres-store.ts';
import { openSchema } from '../../../sync/central/postgres/schema.ts';
import { requireTools } from '../../debian.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { PostgresServer } from '../central/postgres-server.ts';
import { FilledStore } from '../filled-store.ts';
import { feedOf } from '../same-feed.ts';
import { boxOf, HOST, tempDir } from './fleet-contract.ts';
import { namesakeBox } from './namesake-box.ts';

/** Two processes of a central that know `car1`, and what each heard from the other. */
async function processes(t: Test, url: string) {
  const db = new PostgresDatabase(url);
  t.teardown(() => db.close());
  await openSchema(db);
  const store = new PostgresStore(db, { name: 'hq' });
  const source = new FilledStore(tempDir(t), 'car1', new Random(1));
  source.seal('a');
  const batch = { feed: 'f', items: feedOf(source.db, 'car1'), complete: true };
  await new Keeper(store).keep({ role: 'gateway', gateway: 'car1' }, batch);
  source.close();
  await store.close();
  return ['one', 'other'].map((holder) => {
    const answers = new PostgresAnswers({ db, holder });
    t.teardown(() => answers.stop());
    const note = (boot: string) => answers.note('car1', boot, performance.now());
    const heard = async () => {
      const boots: string[] = [];
      await answers.exchange((gateway, boot) => boots.push(`${gateway} ${boot}`));
      return boots;
    };
    return { note, heard };
  });
}

type Process = Awaited<ReturnType<typeof processes>>[number];

/**
 * What `hearer` hears of a boot that answers `teller`, who hears nothing new itself. An answer is told as earlier than it was by as long as
 * the database takes to tell the time: one that seems to be from before the hearer's own is followed by another.
 */
function heardOf(t: Test, hearer: Process, teller: Process, boot: string): Promise<string[]> {
  return eventually('the answer is heard of', async () => {
    teller.note(boot);
    t.same(await teller.heard(), [], 'what answered before its own is no sign of two');
    const heard = await hearer.heard();
    return heard.length > 0 && heard;
  });
}

if (requireTools(t, 'postgresql')) {
  const server = await PostgresServer.start();
  t.teardown(() => server.dispose());

  await t.test('a process hears of a boot that answered another after its own had, once an answer', async (t) => {
    const [one, other] = await processes(t, await server.database());
    if (one === undefined || other === undefined) throw new Error('no processes');
    one.note('a');
    t.same(await one.heard(), []);
    t.same(await heardOf(t, one, other, 'b'), ['car1 b']);
    t.same(await one.heard(), [], 'the same answer is told once');
    t.same(await heardOf(t, other, one, 'a'), ['car1 a'], 'the first one answers still');
  });

  await t.test('of a box that started anew and has its line to another process nobody hears as of two', async (t) => {
    const [one, other] = await processes(t, await server.database());
    if (one === undefined || other === undefined) throw new Error('no processes');
    one.note('a');
    await one.heard();
    other.note('b');
    // Before the first process, whose lease is good still, noticed that its line is dead, and told of its last answer.
    t.same(await other.heard(), []);
    t.same(await other.heard(), []);
    other.note('b');
    t.same(await other.heard(), []);
    one.note('c');
    t.same(await one.heard(), [], 'it started once more, and came back to the first');
    t.same(await one.heard(), []);
  });

  await t.test('an answer that is told of late is placed where it was asked', async (t) => {
    const [one, other] = await processes(t, await server.database());
    if (one === undefined || other === undefined) throw new Error('no processes');
    one.note('a');
    other.note('b');
    await other.heard();
    await one.heard();
    t.same(await other.heard(), []);
  });

  await t.test('two boxes with one name are told where each has its line to another process', async (t) => {
    const url = await server.database();
    const [dir, copyDir] = [tempDir(t), tempDir(t)];
    const before = new FilledStore(dir, 'car1', new Random(1));
    before.seal('car/a', 'number', 10);
    before.close();
    cpSync(dir, copyDir, { recursive: true });
    const boxes = [await namesakeBox(t, dir, 2), await namesakeBox(t, copyDir, 3)];
    const centrals = [];
    for (const { serve } of boxes) {
      const box = await serve(0);
      t.teardown(() => box.stop());
      const pull = [{ host: HOST, port: box.port }];
      const central = await startCentral({ url, host: HOST, port: 0, name: 'hq', version: '1', pull });
      t.teardown(() => central.stop());
      centrals.push(central);
      // The first one holds the box.
      await eventually('it was heard', async () => boxOf(await central.fleet(), 'car1') !== undefined);
    }
    for (const central of centrals) {
      const box = await eventually('it is told', async () => {
        const found = boxOf(await central.fleet(), 'car1');
        return found?.namesake !== undefined && found;
      });
      t.equal(box.attention, 'act');
      t.ok(box.reasons.some((reason) => reason.startsWith('two boxes have the name car1')));
      t.ok(central.status().problems.some(({ text }) => text.startsWith('two boxes have the name car1')));
    }
  });
}
