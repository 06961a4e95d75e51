import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { planText, readRetentionFile } from '../../../../gateway/commands/central-retention.ts';
import { ArrivalDays } from '../../../../sync/central/retention/arrival-days.ts';
import { CentralRetention } from '../../../../sync/central/retention/central-retention.ts';
import { retentionPlan } from '../../../../sync/central/retention/retention-plan.ts';
import { dayOf, retentionDays } from '../../../../sync/central/retention/retention-rules.ts';
import { openSqliteCentral } from '../../../../sync/central/sqlite-central.ts';
import { eventually } from '../../../scenarios/eventually.ts';
import { CaissonProcess } from '../../caisson-process.ts';
import { Days, RULES, Source } from './retention-contract.ts';

const DAY_MS = 86_400_000;

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-retention-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function fileOf(t: Test, text: string): string {
  const path = join(folder(t), 'retention.yaml');
  writeFileSync(path, text);
  return path;
}

t.test('the first rule that fits a channel counts, and what none fits is kept', async (t) => {
  const config = readRetentionFile(
    fileOf(
      t,
      `rules:
  - { channels: ['car7/brake/**'] }
  - { gateways: ['car*'], class: bulk, days: 90 }
  - { gateways: ['car*'], days: 400 }
`,
    ),
  );
  const daysOf = retentionDays(config);
  const cases = [
    { gateway: 'car7', name: 'car7/brake/front', class: 'bulk', days: Number.POSITIVE_INFINITY },
    { gateway: 'car7', name: 'car7/engine', class: 'bulk', days: 90 },
    { gateway: 'car8', name: 'car8/engine', class: 'critical', days: 400 },
    { gateway: 'pump', name: 'pump/flow', class: 'bulk', days: Number.POSITIVE_INFINITY },
  ] as const;
  for (const { days, ...channel } of cases) t.equal(daysOf(channel), days, channel.name);
});

t.test('rules that mean nothing are refused with their place', async (t) => {
  const cases = [
    ["rules: [{ channels: ['a//b'], days: 3 }]", /channels/],
    ['rules: [{ days: 0 }]', /days/],
    ['rules: [{ day: 3 }]', /days/],
  ] as const;
  for (const [text, message] of cases)
    t.throws(() => readRetentionFile(fileOf(t, text)), { code: 'config-invalid', message });
});

t.test('what came on days that nobody noted counts as late as it may have come', async (t) => {
  const marks = (list: readonly (readonly [number, number])[]) => new ArrivalDays({ meta: () => JSON.stringify(list) });
  const days = marks([
    [100, 50],
    [103, 70],
    [110, 90],
  ]);
  t.same(
    [99, 100, 101, 103, 104, 110, 111].map((day) => days.before(day)),
    [...[0, 50, 70, 70, 90, 90, Number.MAX_SAFE_INTEGER]],
  );
  t.same(
    [1, 50, 51, 70, 71, 91].map((position) => days.dayOf(position)),
    [99, 99, 100, 100, 103, 110],
  );
  t.equal(marks([]).before(1e6), 0, 'of nothing it is known');
});

t.test('a plan shows what is due while a central runs, and the central does it by itself', async (t) => {
  const [dir, days, source] = [folder(t), new Days(), new Source(t, 4)];
  days.ms = Date.now() - 10 * DAY_MS;
  const central = openSqliteCentral(dir, 'hq', undefined, undefined, () => days.ms);
  t.teardown(() => central.close());
  source.fill(30);
  await source.send(central);
  const rules = fileOf(t, 'rules: [{ channels: [held/**] }, { days: 5 }]');
  const args = ['central', '--data', dir, '--retention', rules, '--retention-plan'];
  const { code, stdout } = await new CaissonProcess(args).ended;
  t.equal(code, 0);
  t.match(stdout, /^box {2}30 packs, .* [km]?B, 1[01] to 1[01] days old, kept 5 days: a, b\n.*: text\nin all 60 packs/);
  t.equal(planText({ due: [], unmet: [] }), 'nothing is due\n');
  const config = { rules: [{ channels: ['held/**'] }, { days: 5 }] };
  const plan = () => retentionPlan({ dir }, config, dayOf(Date.now()));
  t.equal((await plan()).due.length, 2, 'nothing was changed');

  const onProblem = (text: string) => t.fail(text);
  const retention = new CentralRetention({
    ...{ store: central.retiring, daysOf: RULES, now: Date.now, onProblem, firstLookMs: 0 },
  });
  retention.start();
  await eventually('all that is due went', () => retention.status().packs === 60);
  await retention.stop();
  t.match(retention.status(), { samples: 30 * 50 });
  t.same((await plan()).due, []);
});
