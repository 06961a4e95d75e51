import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { statusText } from '../../../../gateway/commands/status.ts';
import { TelemetryClient } from '../../../../sync/api/client.ts';
import { startCentral } from '../../../../sync/central/central.ts';
import type { CentralStore } from '../../../../sync/central/central-store.ts';
import { PostgresDatabase, type Statements } from '../../../../sync/central/postgres/database.ts';
import { MovedSweep } from '../../../../sync/central/postgres/moved-sweep.ts';
import { openPostgresCentral } from '../../../../sync/central/postgres/postgres-central.ts';
import { PostgresTelemetry } from '../../../../sync/central/postgres/postgres-telemetry.ts';
import { retentionDays } from '../../../../sync/central/retention/retention-rules.ts';
import { requireTools } from '../../../debian.ts';
import { eventually } from '../../../scenarios/eventually.ts';
import { waitFor } from '../../../wait-for.ts';
import { PostgresLook } from '../postgres-rig.ts';
import { PostgresServer } from '../postgres-server.ts';
import { Days, retireAll } from '../retention/retention-contract.ts';
import { bring, MERGED_MS, type MergingRig, mergingContract, SlowBox, threeDays, toldBy } from './merging-contract.ts';
import { postgresFindings } from './postgres-findings.ts';

const CHILD = fileURLToPath(new URL('merge-child.js', import.meta.url));

/** As the child has it. */
const CHILD_LEASE_MS = 300;

/** A database of which a read waits for something, once. */
class HeldUpDatabase extends PostgresDatabase {
  #before: (() => Promise<void>) | undefined;
  #reads = 0;

  /** Before so many more reads `before` happens. */
  holdUp(reads: number, before: () => Promise<void>): void {
    this.#reads = reads;
    this.#before = before;
  }

  /** True once it has happened. */
  get wasHeldUp(): boolean {
    return this.#before === undefined;
  }

  override async read<Result>(read: (statements: Statements) => Promise<Result>): Promise<Result> {
    this.#reads -= 1;
    const before = this.#reads === 0 ? this.#before : undefined;
    if (before !== undefined) {
      this.#before = undefined;
      await before();
    }
    return super.read(read);
  }
}

if (requireTools(t, 'postgresql')) {
  const server = await PostgresServer.start();
  t.teardown(() => server.dispose());

  const openLook = async (t: Test, url: string) => {
    const look = new PostgresLook(url);
    t.teardown(() => look.close());
    return look;
  };

  const open = (url: string, days: Days, more: { leaseMs?: number; graceMs?: number } = {}) =>
    openPostgresCentral({
      url,
      name: 'hq',
      onProblem: (text) => t.fail(text),
      now: () => days.ms,
      graceMs: 0,
      ...more,
    });

  const openCentral = async (t: Test, ...as: Parameters<typeof open>) => {
    const central = await open(...as);
    t.teardown(() => central.close());
    return central;
  };

  /** Looks at all that may be merged; returns how many packs were made of others. */
  const mergeOnce = async ({ merger }: CentralStore) => {
    while (!(await merger.step()));
    return merger.status().into;
  };

  /** The same, and takes away what is left of it, which is the beginning of a look. */
  const mergeAll = async (central: CentralStore) => {
    await mergeOnce(central);
    return mergeOnce(central);
  };

  await t.test('merging at a central over PostgreSQL', (t) =>
    mergingContract(t, async (t, days): Promise<MergingRig> => {
      const url = await server.database();
      const [central, look] = [await openCentral(t, url, days), await openLook(t, url)];
      return { central, merge: () => mergeOnce(central), findings: () => postgresFindings(look) };
    }),
  );

  for (const isSwept of [false, true]) {
    const what = isSwept ? 'what they left is gone' : 'they were merged';
    await t.test(`whoever learned of packs before ${what} is answered as before`, async (t) => {
      const [url, days, box] = [await server.database(), new Days(), new SlowBox(t, 11)];
      const central = await openCentral(t, url, days, { graceMs: 60_000 });
      const { merger, telemetry } = central;
      await threeDays(box, days, [central]);
      const told = await toldBy(telemetry);
      const db = new HeldUpDatabase(url);
      t.teardown(() => db.close());
      // The first group is of the channel that is read first: rows of the index are read before its packs, each time after what is learned.
      for (const reads of [6, 7, 5, 4, 3]) {
        const knowsNothing = new PostgresTelemetry(db, (text) => t.fail(text));
        db.holdUp(reads, async () => {
          const { into } = merger.status();
          while (merger.status().into === into) await merger.step();
          if (isSwept) for await (const _ of new MovedSweep(db, 0).run());
        });
        t.equal(await toldBy(knowsNothing), told, `before read ${reads}`);
        t.ok(db.wasHeldUp);
        knowsNothing.close();
      }
    });
  }

  await t.test('packs that nothing is merged with go along with those behind, retired ones as such', async (t) => {
    const [days, box] = [new Days(), new SlowBox(t, 12)];
    const urls = [await server.database(), await server.database()];
    const [merging, plain] = await Promise.all(urls.map((url) => openCentral(t, url, days)));
    const look = await openLook(t, urls[0] ?? '');
    if (merging === undefined || plain === undefined) throw new Error('there is no central');
    let sent = 0;
    const day = async (fill: () => void) => {
      fill();
      const news = box.items.slice(sent);
      sent += news.length;
      for (const central of [merging, plain]) await bring(central, news);
      days.pass(1);
    };
    const short = () => {
      for (let boots = 0; boots < 20; boots += 1) {
        box.fill(2);
        box.store.startBoot();
      }
    };
    await day(short);
    t.equal(await mergeAll(merging), 0, 'two of each boot are too few');
    days.pass(8);
    const daysOf = retentionDays({ rules: [{ days: 7 }] });
    for (const central of [merging, plain]) await retireAll(central, days.today, daysOf);
    await day(short);
    await day(() => box.fill(50));
    const before = await toldBy(plain.telemetry);
    t.equal(await mergeAll(merging), 2, 'the last day of each series');
    t.equal(await toldBy(merging.telemetry), before);
    const sums =
      'SELECT sum(moved)::int AS moved, sum(CASE WHEN source IS NULL THEN packs ELSE 0 END)::int AS packs FROM rosters';
    t.same(await look.run(sums), [{ moved: 2 * (40 + 40 + 50), packs: 2 * (40 + 40 + 50) }], 'all moved');
    t.same(await look.run('SELECT DISTINCT retired FROM rosters WHERE source IS NOT NULL'), [{ retired: 40 }]);
    t.same(await look.run('SELECT * FROM moved_packs'), []);
    t.same(await postgresFindings(look), []);
    const lostOf = async ({ gatewayFeeds }: CentralStore) => {
      const items = await gatewayFeeds.feed('box', 0, 1e6, 1e9);
      return items.flatMap((item) => (item.kind === 'given-up' ? item.gaps : []));
    };
    t.same(await lostOf(merging), await lostOf(plain), 'a box that is rebuilt is told the same');

    days.pass(8);
    const due = await merging.retiring.due({ daysOf, today: days.today });
    t.same(
      due.map(({ channels, packs }) => [channels, packs]),
      [
        [['a', 'b'], 41],
        [['text'], 41],
      ],
    );
    await day(() => box.fill(1));
    for (const central of [merging, plain]) await retireAll(central, days.today, daysOf);
    t.equal(await toldBy(merging.telemetry), await toldBy(plain.telemetry));
    await retireAll(merging, days.today, daysOf);
    t.same(await look.run('SELECT count(*)::int AS packs FROM packs'), [{ packs: 2 }], 'bytes of all others are gone');
    const keeper = await bring(merging, box.items, 'g');
    t.match(keeper.counters, { blocks: 0, conflicts: 0, holes: 0, lost: 0 });
    t.same(await postgresFindings(look), []);
  });

  await t.test(
    'what came between with other channels cuts a merge, so that samples stay in the order in which they came',
    async (t) => {
      const [days, box] = [new Days(), new SlowBox(t, 14)];
      const urls = [await server.database(), await server.database()];
      const [merging, plain] = await Promise.all(urls.map((url) => openCentral(t, url, days)));
      if (merging === undefined || plain === undefined) throw new Error('there is no central');
      box.fill(30);
      box.store.sealPack(['a', 'c'], 'number', 3);
      box.fill(30);
      for (const central of [merging, plain]) await bring(central, box.items);
      days.pass(1);
      t.equal(await mergeAll(merging), 3, 'two of one series, one of the other');
      t.equal(await toldBy(merging.telemetry), await toldBy(plain.telemetry));
    },
  );

  await t.test(
    'of several processes the one that holds a gateway merges it; of one that nobody holds, any',
    async (t) => {
      // A lease that nothing of this lasts as long as: it is over when it is said to be.
      const [url, days, box, leaseMs] = [await server.database(), new Days(), new SlowBox(t, 13), 600_000];
      const puller = await open(url, days, { leaseMs });
      await threeDays(box, days, [puller]);
      const told = await toldBy(puller.telemetry);
      const others = await Promise.all([1, 2].map(() => openCentral(t, url, days, { leaseMs })));
      const [other] = others;
      const look = await openLook(t, url);
      t.equal(other && (await mergeAll(other)), 0, 'another one pulls from it');
      await puller.close();
      t.equal(other && (await mergeAll(other)), 0, 'it may come back');
      await look.run("UPDATE gateways SET expires = now() - interval '1 hour'");
      const merged = await Promise.all(others.map(mergeAll));
      t.ok(merged.reduce((sum, into) => sum + into, 0) >= 4, `${merged} packs were made of others`);
      for (const { telemetry } of others) t.equal(await toldBy(telemetry), told);
      t.same(await postgresFindings(look), []);
    },
  );

  await t.test('a process that is killed while it merges has either the packs or what is made of them', async (t) => {
    const [url, days, box] = [await server.database(), new Days(), new SlowBox(t, 9)];
    const before = await open(url, days);
    await threeDays(box, days, [before]);
    const told = await toldBy(before.telemetry);
    await before.close();
    const look = await openLook(t, url);
    let [kills, merged] = [0, 0];
    for (let isKilled = true; isKilled; ) {
      await leasesOver(look, CHILD_LEASE_MS);
      const child = spawn(process.execPath, [CHILD, url], { stdio: ['pipe', 'pipe', 'inherit'] });
      isKilled = false;
      for await (const line of createInterface({ input: child.stdout })) {
        merged += 1;
        // The next one it may tell of before it is killed, and is not there to be answered then.
        if (isKilled) continue;
        child.stdin.write('\n');
        // Somewhere in the next one.
        if (Number(line) === 2) isKilled = child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      if (!isKilled) t.equal(child.exitCode, 0);
      kills += isKilled ? 1 : 0;
      await connectionsOver(look);
      t.same(await postgresFindings(look), []);
    }
    t.ok(kills >= 2 && merged > 4, `killed ${kills} times, ${merged} packs were made of others`);
    const central = await openCentral(t, url, days);
    t.equal(await toldBy(central.telemetry), told);
    const keeper = await bring(central, box.items, 'g');
    t.match(keeper.counters, { blocks: 0, conflicts: 0, holes: 0, lost: 0 });
  });

  await t.test('what a merge has left goes, also where nothing is to be merged any more', async (t) => {
    const [url, days, box] = [await server.database(), new Days(), new SlowBox(t, 15)];
    const before = await open(url, days);
    await threeDays(box, days, [before]);
    await mergeOnce(before);
    const told = await toldBy(before.telemetry);
    await before.close();
    const look = await openLook(t, url);
    const left = 'SELECT count(*)::int AS left FROM moved_packs';
    t.not((await look.run(left))[0]?.left, 0);
    await look.run("UPDATE moved_packs SET moved_at = now() - interval '1 hour'");
    const place = { url, name: 'hq', host: '127.0.0.1', port: 0, pull: [], version: '1' };
    const central = await startCentral({ ...place, mergesBlocks: false });
    t.teardown(() => central.stop());
    await eventually('nothing is left', async () => (await look.run(left))[0]?.left === 0);
    t.same(await postgresFindings(look), []);
    t.equal(await toldBy((await openCentral(t, url, days)).telemetry), told);
  });

  await t.test('a central merges by itself and says so, but not where it was told not to', async (t) => {
    const [url, days, box, leaseMs] = [await server.database(), new Days(), new SlowBox(t, 10), 500];
    const before = await open(url, days);
    await threeDays(box, days, [before]);
    await before.close();
    await leasesOver(await openLook(t, url), leaseMs);
    const start = (mergesBlocks: boolean) =>
      startCentral({ url, leaseMs, name: 'hq', host: '127.0.0.1', port: 0, pull: [], version: '1', mergesBlocks });
    const left = await start(false);
    t.notOk('merge' in left.status().store);
    await left.stop();
    const look = await openLook(t, url);
    t.same(await look.run('SELECT DISTINCT moved FROM rosters'), [{ moved: 0 }]);
    const central = await start(true);
    t.teardown(() => central.stop());
    await waitFor('packs were merged', () => (central.status().store.merge?.into ?? 0) >= 4, MERGED_MS);
    const client = new TelemetryClient({ host: '127.0.0.1', port: central.port });
    t.teardown(() => client.close());
    t.match(statusText(await client.status()), /^merged {3}\d+ small packs into \d+; /m);
  });
}

/** Resolves when nobody has held a gateway for as long as a lease is good for. */
async function leasesOver(look: PostgresLook, leaseMs: number): Promise<void> {
  const sql = "SELECT count(*)::int AS held FROM gateways WHERE expires >= now() - $1 * interval '1 millisecond'";
  await eventually('all leases are over', async () => (await look.run(sql, [leaseMs]))[0]?.held === 0);
}

/** Resolves when what centrals that are gone had sent is done, or never will be: it is committed also after who sent it was killed. */
async function connectionsOver(look: PostgresLook): Promise<void> {
  const sql = `SELECT count(*)::int AS open FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'caisson central'`;
  await eventually('all connections are over', async () => (await look.run(sql))[0]?.open === 0);
}
