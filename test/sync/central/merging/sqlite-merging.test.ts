import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { statusText } from '../../../../gateway/commands/status.ts';
import { TelemetryClient } from '../../../../sync/api/client.ts';
import { startCentral } from '../../../../sync/central/central.ts';
import { CentralMerging } from '../../../../sync/central/central-merging.ts';
import { openSqliteCentral } from '../../../../sync/central/sqlite-central.ts';
import { findingsIn } from '../../../gateway/store/merge/merge-look.ts';
import { waitFor } from '../../../wait-for.ts';
import { Days } from '../retention/retention-contract.ts';
import { bring, MERGED_MS, type MergingRig, mergingContract, SlowBox, threeDays, toldBy } from './merging-contract.ts';

const CHILD = fileURLToPath(new URL('merge-child.js', import.meta.url));

function tempDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-central-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
}

function openCentral(dir: string, days: Days) {
  return openSqliteCentral(dir, 'hq', undefined, undefined, () => days.ms);
}

async function openRig(t: Test, days: Days): Promise<MergingRig> {
  const dir = tempDir(t);
  const central = openCentral(dir, days);
  t.teardown(() => central.close());
  return {
    central,
    merge: async () => {
      while (!(await central.merger.step()));
      return central.merger.status().into;
    },
    findings: () => findingsIn(dir),
  };
}

t.test('merging at a central over SQLite', (t) => mergingContract(t, openRig));

t.test('a central that is killed while it merges has either the packs or what is made of them', async (t) => {
  const [dir, days, box] = [tempDir(t), new Days(), new SlowBox(t, 9)];
  const before = openCentral(dir, days);
  await threeDays(box, days, [before]);
  const told = await toldBy(before.telemetry);
  await before.close();
  let [kills, merged] = [0, 0];
  for (let isKilled = true; isKilled; ) {
    const child = spawn(process.execPath, [CHILD, dir], { stdio: ['pipe', 'pipe', 'inherit'] });
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
    t.same(findingsIn(dir), []);
  }
  t.ok(kills >= 2 && merged > 4, `killed ${kills} times, ${merged} packs were made of others`);
  const central = openCentral(dir, days);
  t.teardown(() => central.close());
  t.equal(await toldBy(central.telemetry), told);
  const keeper = await bring(central, box.items, 'g');
  t.match(keeper.counters, { blocks: 0, conflicts: 0, holes: 0, lost: 0 });
});

t.test('a central merges by itself and says so, but not where it was told not to', async (t) => {
  const [dir, days, box] = [tempDir(t), new Days(), new SlowBox(t, 10)];
  const store = openCentral(dir, days);
  await threeDays(box, days, [store]);
  await store.close();
  const start = (mergesBlocks: boolean) =>
    startCentral({ dir, name: 'hq', host: '127.0.0.1', port: 0, pull: [], version: '1', mergesBlocks });
  const left = await start(false);
  t.notOk('merge' in left.status().store);
  await left.stop();
  const central = await start(true);
  t.teardown(() => central.stop());
  await waitFor('packs were merged', () => (central.status().store.merge?.into ?? 0) >= 4, MERGED_MS);
  const client = new TelemetryClient({ host: '127.0.0.1', port: central.port });
  t.teardown(() => client.close());
  const status = await client.status();
  t.match(status.store.merge, { into: Number, packs: Number, samples: Number, bytes: Number });
  t.match(statusText(status), /^merged {3}\d+ small packs into \d+; /m);
});

t.test('a step that fails is told, and merging waits; it stops when it is told to', async (t) => {
  const problems: string[] = [];
  let steps = 0;
  const merging = new CentralMerging(
    {
      dueMs: () => 0,
      step: () => {
        steps += 1;
        if (steps === 3) throw new Error('disk I/O error');
        return false;
      },
    },
    (text) => problems.push(text),
  );
  merging.start();
  await waitFor('it failed', () => problems.length > 0);
  t.same(problems, ['merging of packs waits: disk I/O error']);
  await merging.stop();
  t.equal(steps, 3);
});
