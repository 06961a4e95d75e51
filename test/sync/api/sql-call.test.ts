import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { CaissonError } from '../../../gateway/errors.ts';
import { SQL_STATEMENTS_MAX } from '../../../gateway/limits.ts';
import type { SqlRun } from '../../../gateway/query/sql/run-sql.ts';
import type { SqlCell } from '../../../gateway/query/sql/sql-value.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';

const HOST = '127.0.0.1';
const RETRY_MS = 20;
const ENDLESS = 'with recursive n(x) as (values (1) union all select x + 1 from n)';

/** A server over a store of two channels, and one who asks it. */
async function serve(t: Test): Promise<TelemetryClient> {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-sql-call-'));
  const store = new FilledStore(dir, 'box', new Random(3));
  store.seal('car7/speed', 'number', 300);
  store.seal('car7/words', 'text', 5);
  const server = await startTelemetryServer({
    host: HOST,
    port: 0,
    telemetry: new MemoryTelemetry(),
    feed: store.db,
    status: () => exampleStatus(),
    storeDir: dir,
  });
  const client = new TelemetryClient({ host: HOST, port: server.port });
  t.teardown(async () => {
    client.close();
    await server.stop();
    store.close();
    rmSync(dir, { recursive: true });
  });
  return client;
}

async function rowsOf(run: SqlRun): Promise<SqlCell[][]> {
  const rows: SqlCell[][] = [];
  for await (const batch of run.batches) rows.push(...batch);
  return rows;
}

t.test('a server answers a statement as the store does, and says what was read', async (t) => {
  const client = await serve(t);
  const run = await client.sql({ sql: 'select channel, count(*) as n from samples group by channel' });
  t.same(run.columns, [
    { name: 'channel', isTime: false },
    { name: 'n', isTime: false },
  ]);
  t.same(await rowsOf(run), [
    ['car7/speed', 300],
    ['car7/words', 5],
  ]);
  t.same(run.read(), { samples: 305, channels: 2 });
  const times = await client.sql({ sql: 'select time from samples limit 1' });
  t.equal(times.columns[0]?.isTime, true);
  t.equal((await rowsOf(times)).length, 1);
});

t.test('every kind of value arrives as it is, parameters go the same way', async (t) => {
  const client = await serve(t);
  const cells: [sql: string, value: SqlCell][] = [
    ['null', null],
    ['0', 0],
    ['-1.5', -1.5],
    ['9e999', Number.POSITIVE_INFINITY],
    ['9223372036854775807', 2n ** 63n - 1n],
    ["''", ''],
    ["'ü\n'", 'ü\n'],
    ["x'00ff'", Uint8Array.of(0, 255)],
    [':number', 2.5],
    [':text', 'a'],
    [':nothing', null],
  ];
  const run = await client.sql({
    sql: `select ${cells.map(([sql], i) => `${sql} as c${i}`).join(', ')}`,
    parameters: { number: 2.5, text: 'a', nothing: null },
  });
  const [row = []] = await rowsOf(run);
  for (const [i, [sql, value]] of cells.entries()) {
    const met = row[i] ?? null;
    t.same(met instanceof Uint8Array ? [...met] : met, value instanceof Uint8Array ? [...value] : value, sql);
  }
});

t.test('what is wrong with a statement is said with place and hint, what would write is refused', async (t) => {
  const client = await serve(t);
  await t.rejects(client.sql({ sql: 'select * from sampels' }), {
    code: 'query-invalid',
    message: /1:15: no such table/,
    hint: 'did you mean samples?',
  });
  await t.rejects(client.sql({ sql: 'create table x (y)' }), { code: 'query-invalid' });
});

t.test('a limit is named, and asking again would not help', async (t) => {
  const client = await serve(t);
  const run = await client.sql({ sql: `${ENDLESS} select x from n` }, { rows: 10 });
  await t.rejects(rowsOf(run), { code: 'query-limit', message: /limit of 10 rows/, retryable: false });
  // On a slow machine the time is over before the columns are known.
  const endless = client.sql({ sql: `${ENDLESS} select max(x) from n` }, { seconds: 0.5 }).then(rowsOf);
  await t.rejects(endless, {
    code: 'query-limit',
    message: /limit of 0.5 s/,
  });
});

t.test('so many statements run at a time, and when whoever asked leaves there is room again', async (t) => {
  const client = await serve(t);
  const running = await Promise.all(
    Array.from({ length: SQL_STATEMENTS_MAX }, () => client.sql({ sql: `${ENDLESS} select x from n` })),
  );
  const one = { sql: 'select 1' };
  await t.rejects(client.sql(one), { code: 'query-limit', message: /no more may/, retryable: true });
  for (const run of running) run.stop();
  t.same(await retried(async () => rowsOf(await client.sql(one))), [[1]]);
});

/** What `ask` answers once it is no longer refused for the number of statements. */
async function retried<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof CaissonError && error.retryable)) throw error;
      await wait(RETRY_MS);
    }
  }
}
