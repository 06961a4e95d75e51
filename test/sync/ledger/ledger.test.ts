import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import type { ChannelClass } from '../../../gateway/channel.ts';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import type { ChannelAccount } from '../../../sync/api/ledger-call.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import { SqliteStore } from '../../../sync/central/sqlite-store.ts';
import { compareLedgers } from '../../../sync/ledger/compare-ledgers.ts';
import { Filler, type FillStep, fillStep, mergerOf, NAMES } from '../../gateway/store/merge/merge-steps.ts';
import { GATEWAY, StoreRig } from '../../gateway/store/store-rig.ts';
import { exampleStatus } from '../memory-telemetry.ts';
import { bruteLedger } from './brute-ledger.ts';

const HOST = '127.0.0.1';
const PEER = { role: 'gateway', gateway: GATEWAY } as const;
const ALL = NAMES.map((_, index) => index + 1);

/** Half a second before a day ends, so that blocks lie on both sides. */
const DUSK = 19_000 * 86_400e6 - 500e3;

type Step =
  | FillStep
  | { readonly kind: 'pull' }
  | { readonly kind: 'merge' }
  | { readonly kind: 'thin' | 'drop'; readonly class: ChannelClass; readonly packs: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fillStep },
  { weight: 2, arbitrary: fc.constantFrom({ kind: 'pull' as const }, { kind: 'merge' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('thin', 'drop'),
      class: fc.constantFrom('standard', 'bulk'),
      packs: fc.integer({ min: 1, max: 40 }),
    }),
  },
);

/** A gateway's store and a central's, and what each answers over the line. */
class TwoEnds {
  readonly rig = new StoreRig(NAMES, 1 << 14);
  readonly dir = mkdtempSync(join(tmpdir(), 'caisson-ledger-'));
  readonly central = BlockDb.open(storePaths(this.dir).blocks);
  readonly #keeper = new Keeper(new SqliteStore(this.central));
  readonly #filler = new Filler(this.rig, DUSK);

  async take(step: Step): Promise<void> {
    if ('class' in step) {
      const { blocks } = this.rig;
      blocks.transaction(() => blocks.giveUp(step.class, step.kind, 'retention', (_, done) => done.packs < step.packs));
    } else if (step.kind === 'pull') await this.pull();
    else if (step.kind === 'merge') mergerOf(this.rig).runRound();
    else this.#filler.take(step);
  }

  async pull(): Promise<void> {
    const items = this.rig.blocks.feed(this.central.cursor(GATEWAY), 1e5, Number.MAX_SAFE_INTEGER);
    const kept = await this.#keeper.keep(PEER, { feed: 'f', items, complete: true });
    if (kept.refusal !== undefined) throw kept.refusal.error;
  }

  /** What both ends have: the gateway first. */
  accounts(): [ChannelAccount[], ChannelAccount[]] {
    return [accountsOf(this.rig.dir), accountsOf(this.dir)];
  }

  /** What both ends answer over the line: the gateway first. */
  async ledgers(): Promise<[ChannelAccount[], ChannelAccount[]]> {
    return [await ledgerOf(this.rig.dir, this.rig.blocks), await ledgerOf(this.dir, this.central)];
  }

  dispose(): void {
    this.central.close();
    this.rig.dispose();
    rmSync(this.dir, { recursive: true });
  }
}

function accountsOf(dir: string): ChannelAccount[] {
  const telemetry = StoreTelemetry.open(dir);
  const accounts = telemetry.channels().flatMap(({ id, name: channel, gateway }) => {
    return telemetry.accounts(id).map((account) => ({ ...account, gateway, channel }));
  });
  telemetry.close();
  return accounts;
}

async function ledgerOf(dir: string, feed: BlockDb): Promise<ChannelAccount[]> {
  const telemetry = StoreTelemetry.open(dir);
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry, feed },
    ...{ status: () => exampleStatus(), storeDir: dir },
  });
  const client = new TelemetryClient({ host: HOST, port: server.port });
  const accounts: ChannelAccount[] = [];
  for await (const account of client.ledger({ days: true })) accounts.push(account);
  client.close();
  await server.stop();
  telemetry.close();
  return accounts;
}

function sum<Element>(elements: readonly Element[], of: (element: Element) => number): number {
  return elements.reduce((total, element) => total + of(element), 0);
}

/** Fails unless accounts are what the packs hold, each number of them in one place. */
function requireTrue(accounts: readonly ChannelAccount[], db: BlockDb): void {
  const truth = bruteLedger(db, GATEWAY);
  for (const { boot, channel, held, missing, days, end } of accounts) {
    const { numbers, days: kept } = truth.get(`${boot} ${channel}`) ?? { numbers: new Set(), days: new Map() };
    const said = held.flatMap(({ first, end: to }) => Array.from({ length: to - first }, (_, i) => first + i));
    assert.deepEqual(
      said,
      [...numbers].sort((a, b) => Number(a) - Number(b)),
      `${channel}: numbers that are held`,
    );
    assert.deepEqual(
      days.filter((day) => day.kept > 0).map((day) => [day.day, day.kept]),
      [...kept].sort(([a], [b]) => a - b),
      `${channel}: samples of each day`,
    );
    assert.equal(said.length + sum(missing, (run) => run.count), end, `${channel}: every number is somewhere`);
    assert.equal(
      sum(days, (day) => day.lost),
      sum(missing, (run) => run.count),
    );
    assert.ok(
      missing.every(
        (run) =>
          !held.some(({ first, end: to }) => run.count === run.end - run.first && run.first < to && first < run.end),
      ),
    );
  }
  assert.equal(new Set(accounts.map(({ boot, channel }) => `${boot} ${channel}`)).size, accounts.length);
  assert.ok([...truth.keys()].every((key) => accounts.some(({ boot, channel }) => key === `${boot} ${channel}`)));
}

t.test(
  'both ends say of every number what is, whatever was lost, merged or given up before and after it was pulled',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const ends = new TwoEnds();
        try {
          for (const each of [
            { kind: 'fill', channels: ALL, packs: 9, samples: 40, isLate: true } as const,
            ...steps,
          ]) {
            await ends.take(each);
          }
          await ends.pull();
          const [here, there] = ends.accounts();
          requireTrue(here, ends.rig.blocks);
          requireTrue(there, ends.central);
          const held = new Set(
            here.flatMap(({ channel, boot, held: runs }) => (runs.length > 0 ? [`${boot} ${channel}`] : [])),
          );
          assert.ok([...held].every((key) => there.some(({ boot, channel }) => key === `${boot} ${channel}`)));
          // Only what was given up may differ: central has it, or it went before central came. And losses stay in the journal until
          // something is sealed behind them.
          for (const difference of compareLedgers(here, there)) {
            const isUntold = difference.here === 'ring-full' && difference.there === 'unknown';
            if (!isUntold) assert.equal(difference.here, 'retention');
            assert.equal(difference.verdict, difference.there === 'held' ? 'given-up' : isUntold ? 'waiting' : 'lost');
          }
          assert.deepEqual(
            compareLedgers(there, here).map(({ here: a, there: b, ...rest }) => ({ ...rest, here: b, there: a }))
              .length,
            compareLedgers(here, there).length,
            'either end may ask',
          );
        } finally {
          ends.dispose();
        }
      }),
      { numRuns: 12 },
    );
  },
);

t.test('what is not pulled yet waits, and what is in no block yet is told as such', async (t) => {
  const ends = new TwoEnds();
  t.teardown(() => ends.dispose());
  await ends.take({ kind: 'fill', channels: [1], packs: 2, samples: 10, isLate: false });
  await ends.pull();
  await ends.take({ kind: 'fill', channels: [1], packs: 1, samples: 10, isLate: false });
  for (let i = 0; i < 5; i += 1) ends.rig.ring.writeSample(1, DUSK + 1e6 + i, i);
  ends.rig.commit();
  const [here, there] = await ends.ledgers();
  t.match(here, [{ channel: 'a', end: 35, unsealed: 5, held: [{ first: 0, end: 35 }] }]);
  t.same([here, there], ends.accounts(), 'over the line as from the store');
  t.match(compareLedgers(here, there), [
    { first: 20, end: 30, here: 'held', there: 'unknown', verdict: 'waiting' },
    { first: 30, end: 35, here: 'unsealed', there: 'unknown', verdict: 'waiting' },
  ]);
});

const account = (more: Partial<ChannelAccount>): ChannelAccount => {
  const none = { held: [], missing: [], unsealed: 0, days: [] };
  return { gateway: 'g', boot: 'b', channel: 'c', origin: undefined, end: 0, ...none, ...more };
};
const lost = (first: number, end: number, cause: string, count = end - first) => {
  return { first, end, count, from: 0, to: 1, cause };
};

const COMPARED = [
  {
    name: 'one end counts as lost what the other has',
    here: account({ end: 10, held: [{ first: 0, end: 10 }] }),
    there: account({ end: 10, held: [{ first: 0, end: 4 }], missing: [lost(4, 10, 'not-received')] }),
    differences: [{ first: 4, end: 10, here: 'held', there: 'not-received', verdict: 'contradiction' }],
  },
  {
    name: 'bounds that hold more numbers than lack stand for what nothing else does',
    here: account({
      end: 10,
      held: [{ first: 8, end: 10 }],
      missing: [lost(0, 8, 'retention', 6), lost(3, 5, 'ring-full')],
    }),
    there: account({
      end: 10,
      held: [
        { first: 0, end: 3 },
        { first: 5, end: 10 },
      ],
      missing: [lost(3, 5, 'ring-full')],
    }),
    differences: [
      { first: 0, end: 3, here: 'retention', there: 'held', verdict: 'given-up' },
      { first: 5, end: 8, here: 'retention', there: 'held', verdict: 'given-up' },
    ],
  },
  {
    name: 'a gap that the other end has not heard of waits',
    here: account({ end: 3, missing: [lost(0, 3, 'ring-full')] }),
    there: undefined,
    differences: [{ first: 0, end: 3, here: 'ring-full', there: 'unknown', verdict: 'waiting' }],
  },
];

for (const { name, here, there, differences } of COMPARED) {
  t.test(name, async (t) => {
    const [a, b] = [[here], there === undefined ? [] : [there]];
    t.match(compareLedgers(a, b), differences);
    t.equal(compareLedgers(a, b).length, differences.length);
    t.same(
      compareLedgers(b, a).map((each) => ({ ...each, here: each.there, there: each.here })),
      compareLedgers(a, b),
      'the other way round',
    );
    t.same(compareLedgers(a, a), []);
  });
}
