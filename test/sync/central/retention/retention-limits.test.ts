import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { ChannelClass } from '../../../../gateway/channel.ts';
import { readRetentionFile } from '../../../../gateway/commands/central-retention.ts';
import { CentralRetention } from '../../../../sync/central/retention/central-retention.ts';
import type { CentralRetentionConfig } from '../../../../sync/central/retention/central-retention-config.ts';
import { limitedDays, withinLimits } from '../../../../sync/central/retention/retention-limits.ts';
import { dayOf, longestDays, retentionDays } from '../../../../sync/central/retention/retention-rules.ts';
import type { HeldBytes } from '../../../../sync/central/retention/retiring-store.ts';
import { openSqliteCentral } from '../../../../sync/central/sqlite-central.ts';
import { eventually } from '../../../scenarios/eventually.ts';
import { CaissonProcess } from '../../caisson-process.ts';
import { Days, Source } from './retention-contract.ts';

const GB = 1e9;
const TODAY = 20_000;

/** A gigabyte a day of each of some series, for so many days up to today. */
function heldOf(
  series: readonly { readonly gateway: string; readonly name: string; readonly class: ChannelClass }[],
  days: number,
): HeldBytes[] {
  return series.flatMap((channel) => {
    const channels = [channel];
    return Array.from({ length: days }, (_, i) => ({ channels, day: TODAY - days + i, bytes: GB }));
  });
}

/** How many gigabytes of each channel stay, today's left out. */
function left(held: readonly HeldBytes[], config: CentralRetentionConfig) {
  const stored = new Map<string, number>();
  for (const { channels, bytes } of held) {
    const gateway = channels[0]?.gateway ?? '';
    stored.set(gateway, (stored.get(gateway) ?? 0) + bytes);
  }
  const { daysOf, unmet } = withinLimits(held, stored, config, TODAY);
  const stays: Record<string, number> = {};
  for (const { channels, day } of held) {
    const [channel] = channels;
    if (channel === undefined || day < TODAY - longestDays(daysOf, channels)) continue;
    const key = `${channel.gateway}/${channel.name}`;
    stays[key] = (stays[key] ?? 0) + 1;
  }
  return { stays, unmet: unmet.map(({ bytes }) => bytes / GB) };
}

const CARS = (['bulk', 'standard', 'critical'] as const).flatMap((each) =>
  ['car7', 'car8'].map((gateway) => ({ gateway, name: each, class: each })),
);

const CASES: readonly {
  readonly what: string;
  readonly config: CentralRetentionConfig;
  readonly stays: readonly number[];
  readonly unmet?: readonly number[];
}[] = [
  {
    what: 'a limit that is kept takes nothing',
    config: { limits: [{ maxGigabytes: 60 }] },
    stays: [10, 10, 10, 10, 10, 10],
  },
  {
    what: 'bulk and standard go alike, by whole days',
    config: { limits: [{ maxGigabytes: 55 }] },
    stays: [8, 8, 8, 8, 10, 10],
  },
  {
    what: 'critical goes when nothing else may, and what came yesterday stays',
    config: { limits: [{ maxGigabytes: 20 }] },
    stays: [1, 1, 1, 1, 8, 8],
  },
  {
    what: 'what cannot go is told',
    config: { limits: [{ maxGigabytes: 2 }] },
    stays: [1, 1, 1, 1, 1, 1],
    unmet: [4],
  },
  {
    what: 'a limit is for its gateways together',
    config: { limits: [{ gateways: ['car8'], maxGigabytes: 24 }] },
    stays: [10, 7, 10, 7, 10, 10],
  },
  {
    what: 'of several limits each is kept',
    config: { limits: [{ gateways: ['car8'], maxGigabytes: 24 }, { maxGigabytes: 46 }] },
    stays: [6, 6, 6, 6, 10, 10],
  },
  {
    what: 'what rules take counts first, and a hold is taken by none',
    config: {
      rules: [{ channels: ['bulk'] }, { channels: ['standard'], days: 5 }],
      limits: [{ maxGigabytes: 44 }],
    },
    stays: [10, 10, 2, 2, 10, 10],
  },
];

for (const { what, config, stays, unmet = [] } of CASES) {
  t.test(what, async (t) => {
    const found = left(heldOf(CARS, 10), config);
    t.same(
      CARS.map(({ gateway, name }) => found.stays[`${gateway}/${name}`] ?? 0),
      stays,
    );
    t.same(found.unmet, unmet);
  });
}

t.test('of a pack whose channels are of several classes now the most precious one counts', async (t) => {
  const channels = (['critical', 'bulk'] as const).map((each) => ({ gateway: 'box', name: each, class: each }));
  const held = Array.from({ length: 10 }, (_, i) => ({ channels, day: TODAY - 10 + i, bytes: GB }));
  const { daysOf } = withinLimits(held, new Map([['box', 10 * GB]]), { limits: [{ maxGigabytes: 6 }] }, TODAY);
  t.equal(longestDays(daysOf, channels), 6);
});

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-limits-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

t.test('a plan names what a limit takes, the central does it by itself, and says what it could not', async (t) => {
  const [dir, days, source] = [folder(t), new Days(), new Source(t, 4)];
  days.ms = Date.now() - 10 * 86_400_000;
  const central = openSqliteCentral(dir, 'hq', undefined, undefined, () => days.ms);
  t.teardown(() => central.close());
  source.fill(30);
  await source.send(central);
  const path = join(folder(t), 'retention.yaml');
  writeFileSync(path, 'rules: [{ channels: [held/**] }]\nlimits: [{ gateways: [box], maxGigabytes: 0.001 }]\n');
  const config = readRetentionFile(path);
  const small = { ...config, limits: [{ gateways: ['box'], maxGigabytes: 1e-6 }] };
  const plan = () => new CaissonProcess(['central', '--data', dir, '--retention', path, '--retention-plan']).ended;
  t.equal((await plan()).stdout, 'nothing is due\n', 'it fits');
  while ((await central.totals()).bytes <= 1e6) {
    source.fill(200);
    await source.send(central);
  }
  const { stdout } = await plan();
  t.match(stdout, /^box {2}\d+ packs, .* kept \d+ days because of a limit: a, b$/m);

  const problems: string[] = [];
  const store = { held: (today: number) => central.retiring.held(today), gatewayBytes: () => central.gatewayBytes() };
  const retention = new CentralRetention({
    ...{ store: central.retiring, daysOf: retentionDays(small), now: Date.now },
    ...{ onProblem: (text: string) => problems.push(text), firstLookMs: 0, lookIntervalMs: 1 },
    limited: (today, between) => limitedDays(store, small, today, between),
  });
  retention.start();
  await eventually('what may go went, and what may not is told', () => {
    return problems.length > 0 && retention.status().packs > 0 && dayOf(Date.now()) > 0;
  });
  await eventually('all of it', async () => (await held(central)) === 0);
  await retention.stop();
  const { packs, byLimit } = retention.status();
  t.equal(byLimit.packs, packs);
  t.equal(problems.length, 1, 'once');
  t.match(
    problems[0],
    /^the limit of 0\.000001 GB of box is passed by \d+.*: all that is left is on hold, or came today/,
  );
});

/** Packs of channels that are not on hold. */
async function held({ retiring }: ReturnType<typeof openSqliteCentral>): Promise<number> {
  let count = 0;
  for await (const some of retiring.held(dayOf(Date.now()))) {
    count += some.filter(({ channels }) => channels.every(({ name }) => !name.startsWith('held/'))).length;
  }
  return count;
}
