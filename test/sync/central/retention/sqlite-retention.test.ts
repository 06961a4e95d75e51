import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { openSqliteCentral } from '../../../../sync/central/sqlite-central.ts';
import { compareLedgers } from '../../../../sync/ledger/compare-ledgers.ts';
import { Days, ledgerOf, retentionContract, retireAll, Source } from './retention-contract.ts';

const CHILD = fileURLToPath(new URL('retire-child.js', import.meta.url));

function tempDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-central-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
}

function openCentral(dir: string, days: Days) {
  return openSqliteCentral(dir, 'hq', undefined, undefined, () => days.ms);
}

t.test('retention of a central over SQLite', (t) =>
  retentionContract(t, async (t, days) => {
    const central = openCentral(tempDir(t), days);
    t.teardown(() => central.close());
    return central;
  }),
);

t.test('a central that is killed while it retires goes on where it was', async (t) => {
  const [dir, days, source] = [tempDir(t), new Days(), new Source(t, 8)];
  const first = openCentral(dir, days);
  source.fill(300);
  await source.send(first);
  await first.close();
  days.pass(6);
  const child = spawn(process.execPath, [CHILD, dir, String(days.ms)], { stdio: ['pipe', 'pipe', 'inherit'] });
  let steps = 0;
  for await (const _ of createInterface({ input: child.stdout })) {
    steps += 1;
    // The fourth it may tell of before it is killed, and is not there to be answered then.
    if (steps <= 3) child.stdin.write('\n');
    // Somewhere in the next one.
    if (steps === 3) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  const central = openCentral(dir, days);
  t.teardown(() => central.close());
  const verdicts = async () => {
    const differences = compareLedgers(await source.ledger(), await ledgerOf(central.telemetry));
    t.ok(differences.every(({ verdict }) => verdict === 'given-up'));
    return differences.reduce((sum, { first, end }) => sum + end - first, 0);
  };
  const before = await verdicts();
  t.ok(before > 0 && before < 300 * 50, 'some of it went');
  const { samples } = await retireAll(central, days.today);
  t.equal(before + samples, 300 * 50);
  t.equal(await verdicts(), 300 * 50);
});
