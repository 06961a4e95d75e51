import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Test } from 'tap';
import { StoreTelemetry } from '../../../../gateway/query/store-telemetry.ts';
import { storePaths } from '../../../../gateway/store/store-dir.ts';
import { StoreHost } from '../../../../gateway/store-host.ts';
import { waitFor } from '../../../wait-for.ts';

/** Bytes of a sample of noise in a pack, about. */
const SAMPLE_BYTES = 7;

/** What a store may have beside its budget: packs that were sealed since the last look, rows of the index. */
const SLACK = 1.25;

/** Until what came in faster than it was given up is gone, milliseconds. */
const SETTLE_MS = 240_000;

const CLASSES = ['critical', 'standard', 'bulk'] as const;

/**
 * Takes in `times` as much noise as a budget has room for. Afterwards the store must be within it, the newest samples must
 * be there, what is gone must be the oldest, and every sample accounted for.
 */
export async function runWithin(t: Test, budgetBytes: number, times: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-budget-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const host = await StoreHost.open({
    dir,
    gateway: undefined,
    commitFloorMs: 5,
    blockAgeSeconds: 1,
    retention: {
      diskShare: 0.8,
      centrals: [],
      maxGigabytes: budgetBytes / 1e9,
      // Critical samples would take all of it: they go when nothing else is left.
      critical: { maxGigabytes: budgetBytes / 4e9 },
    },
    onProblem: (text) => t.fail(text),
  });
  const ids = CLASSES.map((name) => host.intake.channel({ name, source: 'test', class: name }).id);
  const samples = Math.ceil((budgetBytes * times) / SAMPLE_BYTES / ids.length);
  for (let pushed = 0; pushed < samples; ) {
    while (!host.intake.hasRoom(3000)) await turn();
    for (let i = 0; i < 1000; i += 1, pushed += 1) {
      for (const id of ids) host.intake.push(id, host.clock.now(), pushed + Math.random());
    }
    host.intake.publish();
    if (pushed % 100_000 === 0) await turn();
  }
  const fileBytes = () => statSync(storePaths(dir).blocks).size;
  const isWithin = () => {
    const { unsealed, retention } = host.status;
    if (unsealed > 0 || retention === undefined) return false;
    return retention.usedBytes <= retention.limitBytes && fileBytes() <= budgetBytes * SLACK;
  };
  await waitFor('the store is within its budget', isWithin, SETTLE_MS);
  await host.stop();
  t.ok(fileBytes() <= budgetBytes * SLACK, `${(fileBytes() / 1e6).toFixed(1)} MB of ${(budgetBytes / 1e6).toFixed(1)}`);

  const telemetry = StoreTelemetry.open(dir);
  for (const { channel, taken, kept, lost } of telemetry.ledger()) {
    t.equal(taken, pushedOf(samples), 'every sample is accounted for');
    t.equal(kept + lost, taken);
    let next: number | undefined;
    let count = 0;
    for (const { values } of telemetry.raw(channel, 0, Number.MAX_SAFE_INTEGER)) {
      for (const value of values) {
        const sequence = Math.floor(Number(value));
        if (next !== undefined && sequence !== next) t.fail(`${sequence} follows ${next - 1}`);
        next = sequence + 1;
        count += 1;
      }
    }
    t.equal(next, taken, 'the newest samples are there');
    t.equal(count, kept);
    t.ok(kept < taken / (times / 4), 'and the oldest are not');
    const gaps = telemetry.gaps(channel, 0, Number.MAX_SAFE_INTEGER);
    t.same(new Set(gaps.map(({ cause }) => cause)), new Set(lost > 0 ? ['retention'] : []));
    t.equal(
      gaps.reduce((sum, gap) => sum + gap.count, 0),
      lost,
    );
  }
  telemetry.close();
}

/** Samples are pushed by the thousand. */
function pushedOf(samples: number): number {
  return Math.ceil(samples / 1000) * 1000;
}
