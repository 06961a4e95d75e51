import t from 'tap';
import { openPostgresCentral } from '../../../../sync/central/postgres/postgres-central.ts';
import { compareLedgers } from '../../../../sync/ledger/compare-ledgers.ts';
import { requireTools } from '../../../debian.ts';
import { eventually } from '../../../scenarios/eventually.ts';
import { PostgresLook } from '../postgres-rig.ts';
import { PostgresServer } from '../postgres-server.ts';
import { Days, ledgerOf, RULES, retentionContract, retireAll, Source } from './retention-contract.ts';

if (requireTools(t, 'postgresql')) {
  const server = await PostgresServer.start();
  t.teardown(() => server.dispose());

  const openCentral = async (url: string, days: Days) => {
    const onProblem = (text: string) => t.fail(text);
    return openPostgresCentral({ url, name: 'hq', onProblem, now: () => days.ms, graceMs: 0 });
  };

  await t.test('retention of a central over PostgreSQL', (t) =>
    retentionContract(t, async (t, days) => {
      const central = await openCentral(await server.database(), days);
      t.teardown(() => central.close());
      return central;
    }),
  );

  await t.test('bytes go at the next look: months that are over as a whole, else packs', async (t) => {
    const [url, days, source] = [await server.database(), new Days(), new Source(t, 6)];
    const central = await openCentral(url, days);
    const look = new PostgresLook(url);
    t.teardown(async () => {
      await look.close();
      await central.close();
    });
    const rows = async () => Number((await look.run('SELECT count(*) AS n FROM packs'))[0]?.n);
    const months = async () => {
      const found = await look.run(
        "SELECT relname FROM pg_class WHERE relname ~ '^packs_[0-9]+_[0-9]+$' ORDER BY relname",
      );
      return found.map(({ relname }) => relname);
    };
    source.fill(30);
    await source.send(central);
    days.pass(6);
    await retireAll(central, days.today);
    t.equal(await rows(), 90, 'who reads them has time to end');
    await retireAll(central, days.today);
    t.equal(await rows(), 30, 'what is kept for ever stands in the same month');
    t.same(await months(), ['packs_2024_01', 'packs_2024_02']);

    days.pass(90);
    source.fill(10);
    await source.send(central);
    t.same(await months(), ['packs_2024_01', 'packs_2024_02', 'packs_2024_04', 'packs_2024_05']);
    const all = () => 5;
    t.match(await retireAll(central, days.today, all), { packs: 30 });
    const differences = compareLedgers(await source.ledger(), await ledgerOf(central.telemetry));
    t.ok(differences.every(({ verdict }) => verdict === 'given-up'));
    // A table that somebody has open, as PostgreSQL itself may that tidies it up, goes at a later look.
    await eventually('the months went with what was in them', async () => {
      await retireAll(central, days.today, all);
      return (await months()).length === 2;
    });
    t.same(await months(), ['packs_2024_04', 'packs_2024_05']);
    t.equal(await rows(), 30);
    t.same(compareLedgers(await source.ledger(), await ledgerOf(central.telemetry)), differences);
  });

  await t.test('a server that is killed while packs are retired has all of a step, or nothing', async (t) => {
    const [url, days, source] = [await server.database(), new Days(), new Source(t, 8)];
    source.fill(400);
    const central = await openCentral(url, days);
    t.teardown(() => central.close());
    await source.send(central);
    days.pass(6);
    let told = 0;
    await t.rejects(async () => {
      for await (const { samples } of central.retiring.retire({ daysOf: RULES, today: days.today })) {
        told += samples;
        if (told > 0) await server.kill();
      }
    });
    await server.startAgain();
    const lacking = async () => {
      const differences = compareLedgers(await source.ledger(), await ledgerOf(central.telemetry));
      t.ok(differences.every(({ verdict }) => verdict === 'given-up'));
      return differences.reduce((sum, { first, end }) => sum + end - first, 0);
    };
    t.equal(await lacking(), told, 'what was told of is durable, and no more is gone');
    const { samples } = await retireAll(central, days.today);
    t.equal(told + samples, 400 * 50);
    t.equal(await lacking(), 400 * 50);
  });

  await t.test('a gateway that another process pulls from is retired by that one', async (t) => {
    const [url, days, source] = [await server.database(), new Days(), new Source(t, 9)];
    const [puller, other] = [await openCentral(url, days), await openCentral(url, days)];
    t.teardown(async () => {
      await other.close();
      await puller.close();
    });
    source.fill(10);
    await source.send(puller);
    days.pass(6);
    t.match(await retireAll(other, days.today), { packs: 0 });
    t.equal((await other.retiring.due({ daysOf: RULES, today: days.today })).length, 2, 'it sees what is due');
    t.match(await retireAll(puller, days.today), { packs: 20 });
    const differences = compareLedgers(await source.ledger(), await ledgerOf(other.telemetry));
    t.equal(
      differences.reduce((sum, { first, end }) => sum + end - first, 0),
      500,
      'and what was retired',
    );
  });
}
