import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { CyclesConfig } from '../../../../gateway/analysis/cycles/cycles-config.ts';
import { BlockReader } from '../../../../gateway/store/block-reader.ts';
import { storePaths } from '../../../../gateway/store/store-dir.ts';
import { TelemetryClient } from '../../../../sync/api/client.ts';
import type { ListedCycle } from '../../../../sync/api/list-cycles-call.ts';
import { startTelemetryServer } from '../../../../sync/api/server.ts';
import type { CentralStore } from '../../../../sync/central/central-store.ts';
import { requireTools } from '../../../debian.ts';
import { CycleRig } from '../../../gateway/query/cycle-rig.ts';
import { exampleStatus } from '../../memory-telemetry.ts';
import { openBothCentrals } from '../both-centrals.ts';
import { PostgresServer } from '../postgres-server.ts';

/** More than the sums of one answer are made of at a time. */
const LAPS = 150;
const CHANNELS = 80;

const CYCLES: CyclesConfig = {
  lap: { trigger: 'value', channel: 'car/lap', settleSeconds: 0 },
  haul: { trigger: 'sample', channel: 'car/beacon', summary: ['car/c1'], settleSeconds: 0 },
};

type Asked = Parameters<TelemetryClient['cycles']>[0];

async function listed(client: TelemetryClient, asked: Asked): Promise<ListedCycle[]> {
  const cycles: ListedCycle[] = [];
  for await (const cycle of client.cycles(asked)) cycles.push(cycle);
  return cycles;
}

/** A client of a server over a central's store. */
async function serve(t: Test, { telemetry, statements, files }: CentralStore): Promise<TelemetryClient> {
  const places = files ?? { telemetry, statements };
  const server = await startTelemetryServer({ ...places, host: '127.0.0.1', port: 0, status: () => exampleStatus() });
  const client = new TelemetryClient({ host: '127.0.0.1', port: server.port });
  t.teardown(async () => {
    client.close();
    await server.stop();
  });
  return client;
}

/** Drives some laps, every sample of which ends in a block. */
async function drive(rig: CycleRig): Promise<void> {
  const intake = rig.intake(CYCLES);
  const id = (name: string) => intake.channel({ name, source: 'x' }).id;
  const [lap, beacon] = [id('car/lap'), id('car/beacon')];
  const channels = Array.from({ length: CHANNELS }, (_, i) => id(`car/c${i}`));
  const start = rig.host.clock.origin.time;
  for (let number = 1; number <= LAPS; number += 1) {
    const time = start + number * 1000;
    intake.push(lap, time, number);
    if (number % 10 === 0) intake.push(beacon, time, 1);
    for (const [i, channel] of channels.entries()) {
      intake.push(channel, time + 1, number * i);
      intake.push(channel, time + 500, number);
    }
    intake.publish();
  }
  await rig.pass(intake, 1);
  await rig.sealed();
}

t.test('cycles at a central over PostgreSQL', async (t) => {
  if (!requireTools(t, 'postgresql')) return;
  const server = await PostgresServer.start();
  t.teardown(() => server.dispose());
  const dir = mkdtempSync(join(tmpdir(), 'caisson-cycles-'));
  const rig = await CycleRig.open(dir);
  await drive(rig);
  const db = BlockReader.openReadonly(storePaths(dir).blocks);
  t.teardown(async () => {
    db.close();
    await rig.close();
    rmSync(dir, { recursive: true });
  });
  const both = await openBothCentrals(t, await server.database(), [{ db, gateway: 'box' }]);
  const sqlite = await serve(t, both.sqlite);
  const postgres = await serve(t, both.postgres);
  const laps = await listed(sqlite, { name: 'lap' });
  const [third, fifth] = [laps[2]?.from ?? 0, laps[4]?.from ?? 0];

  const CASES: readonly (readonly [name: string, asked: Asked, count: number])[] = [
    ['every cycle of every kind', {}, LAPS + LAPS / 10],
    ['sums of more cycles and channels than are in memory at a time', { name: 'lap', sums: true }, LAPS],
    ['one kind', { name: 'haul', sums: true }, LAPS / 10],
    ['a range that begins and ends at a lap', { name: 'lap', from: third, to: fifth, sums: true }, 2],
    ['a range within a lap', { name: 'lap', from: third + 10, to: third + 20, sums: true }, 1],
    ['a range before all', { from: 0, to: 1000 }, 0],
    ['a gateway that is not there', { gateway: 'other' }, 0],
  ];
  for (const [name, asked, count] of CASES) {
    await t.test(`${name}, as over SQLite`, async (t) => {
      const [expected, met] = await Promise.all([listed(sqlite, asked), listed(postgres, asked)]);
      t.equal(met.length, count);
      t.same(met, expected);
      if (asked?.sums !== true) return;
      const summed = met.filter(({ state }) => state !== 'open');
      const wanted = asked.name === 'lap' ? CHANNELS + 2 : 1;
      t.ok(
        summed.every(({ sums }) => sums.length === wanted || sums.length === wanted - 1),
        'each with its sums',
      );
    });
  }

  await t.test('an empty range is refused, and who has enough may go', async (t) => {
    await t.rejects(listed(postgres, { from: 5, to: 5 }), { code: 'query-invalid' });
    const some: number[] = [];
    for await (const { number } of postgres.cycles({ name: 'lap', sums: true })) {
      some.push(number);
      if (some.length === 3) break;
    }
    t.same(some, [1, 2, 3]);
    t.equal((await listed(postgres, { name: 'haul' })).length, LAPS / 10, 'others are served as before');
  });

  await t.test('SQL has them, and their sums', async (t) => {
    const sql = `select count(*), min(number), max(ends - begins), sum(count), max(max) from cycle_sums('lap')
      where state = 'complete' and channel = 'car/c7'`;
    for (const client of [sqlite, postgres]) {
      const rows: unknown[] = [];
      for await (const batch of (await client.sql({ sql })).batches) rows.push(...batch);
      const whole = BigInt(LAPS - 2);
      t.same(rows, [[whole, 2, 1000n, 2n * whole, 7 * (LAPS - 1)]]);
    }
  });
});
