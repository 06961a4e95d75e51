import { existsSync } from 'node:fs';
import t from 'tap';
import { runSql, type SqlLimits } from '../../../../gateway/query/sql/run-sql.ts';
import type { SqlCell } from '../../../../gateway/query/sql/sql-value.ts';
import { StoreRig } from '../../store/store-rig.ts';

const LIMITS: SqlLimits = { seconds: 600, rows: 1e6, memoryMib: 512 };

/** Numbers without end, made by SQLite alone. */
const ENDLESS = 'with recursive n(x) as (select 1 union all select x + 1 from n)';

async function run(dir: string, sql: string, limits: Partial<SqlLimits> = {}): Promise<SqlCell[][]> {
  const statement = await runSql({ place: dir, sql, parameters: {}, now: 0 }, { ...LIMITS, ...limits });
  const rows: SqlCell[][] = [];
  for await (const batch of statement.batches) rows.push(...batch);
  return rows;
}

t.test('a statement sees what is committed while the store is written to, sealed or not', async (t) => {
  const store = new StoreRig(['a']);
  t.teardown(() => store.dispose());
  for (let i = 0; i < 2500; i += 1) store.ring.writeSample(1, i, i);
  store.commit();
  store.sealAll();
  store.ring.writeSample(1, 2500, 2500);
  store.commit();
  const rows = await run(store.dir, 'select time, value from samples order by time');
  t.same(
    rows.map(([time]) => time),
    Array.from({ length: 2501 }, (_, i) => i),
    'more than one batch, in order',
  );
});

t.test('what there is of a channel is told stretch by stretch', async (t) => {
  const store = new StoreRig(['a']);
  t.teardown(() => store.dispose());
  for (let i = 0; i < 100; i += 1) store.ring.writeSample(1, i, i);
  store.commit();
  t.same(await run(store.dir, `select * from coverage('a', 10, 500)`), [[10, 500, 'full', '', 0]]);
});

t.test('a limit that is reached ends the statement and is named', async (t) => {
  const store = new StoreRig(['a']);
  t.teardown(() => store.dispose());
  const cases: { sql: string; limits: Partial<SqlLimits>; message: RegExp }[] = [
    { sql: `${ENDLESS} select count(*) from n`, limits: { seconds: 0.5 }, message: /limit of 0\.5 s,/ },
    { sql: `${ENDLESS} select * from n`, limits: { rows: 1500 }, message: /limit of 1500 rows,/ },
    {
      sql: `${ENDLESS} select group_concat(x || hex(zeroblob(1000))) from n`,
      limits: { memoryMib: 200 },
      message: /limit of 200 MiB of memory,/,
    },
    {
      sql: `${ENDLESS} select x from n limit 100000000 order by -x`,
      limits: { memoryMib: 200 },
      message: /syntax error/,
    },
    {
      sql: `${ENDLESS} select x from (select x from n limit 100000000) order by -x`,
      limits: { memoryMib: 200 },
      message: /limit of 200 MiB of memory,/,
    },
  ];
  for (const { sql, limits, message } of cases) await t.rejects(run(store.dir, sql, limits), { message });
});

t.test('the time that a slow reader takes is not the time of the statement', async (t) => {
  const store = new StoreRig(['a']);
  t.teardown(() => store.dispose());
  const request = { place: store.dir, sql: `${ENDLESS} select x from n limit 20000`, parameters: {}, now: 0 };
  const rowsOf = async (limits: SqlLimits, pauseMs: number) => {
    const statement = await runSql(request, limits);
    let rows = 0;
    for await (const batch of statement.batches) {
      if (rows === 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      rows += batch.length;
    }
    return rows;
  };
  const began = performance.now();
  t.equal(await rowsOf(LIMITS, 0), 20_000);
  // What it needs on this machine, as busy as it is, and room to spare; more of it where the machine stood still meanwhile.
  for (let seconds = Math.max(1, (4 * (performance.now() - began)) / 1e3); ; seconds *= 3) {
    const rows = await rowsOf({ ...LIMITS, seconds }, seconds * 1e3 + 500).catch((error: unknown) => {
      if (seconds > 8) throw error;
    });
    if (rows === undefined) continue;
    t.equal(rows, 20_000);
    break;
  }
});

t.test('whoever has seen enough ends the process', async (t) => {
  const store = new StoreRig(['a']);
  t.teardown(() => store.dispose());
  const statement = await runSql(
    { place: store.dir, sql: `${ENDLESS} select x from n`, parameters: {}, now: 0 },
    LIMITS,
  );
  for await (const batch of statement.batches) {
    t.same(batch[0], [1]);
    break;
  }
  t.same(await statement.batches.next(), { value: undefined, done: true });
});

t.test('a store that is not there is said', async (t) => {
  const dir = t.testdir();
  await t.rejects(run(dir, 'select 1'), { code: 'store-unusable' });
  t.notOk(existsSync(`${dir}/blocks.db`));
});
