import Database from 'better-sqlite3';
import fc from 'fast-check';
import t from 'tap';
import type { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { checkStore } from '../../../gateway/store/check/store-check.ts';
import { RECENT_MAX, type RecentMax } from '../../../gateway/store/row-placement.ts';
import { StoreRig } from './store-rig.ts';

const NAMES = ['a', 'b', 'c bulk', 'd bulk', 'e critical'];
const CLASSES = ['standard', 'bulk', 'critical'] as const;

/** From rows that are placed at once to rows that never are. */
const MAXIMA: readonly RecentMax[] = [
  { rows: 0, bytes: 1 << 20 },
  { rows: 5, bytes: 1 << 20 },
  { rows: 600, bytes: 200 },
  { rows: 40, bytes: 1 << 20 },
  RECENT_MAX,
];

/** What is done to a store. */
type Step =
  | { readonly kind: 'fill'; readonly channels: readonly number[]; readonly packs: number }
  | {
      readonly kind: 'thin' | 'drop';
      readonly of: (typeof CLASSES)[number];
      readonly packs: number;
      readonly fails: boolean;
    }
  | { readonly kind: 'restart' | 'look' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('fill' as const),
    channels: fc.subarray([1, 2, 3, 4, 5], { minLength: 1 }),
    packs: fc.integer({ min: 1, max: 24 }),
  }),
  fc.record({
    kind: fc.constantFrom('thin' as const, 'drop' as const),
    of: fc.constantFrom(...CLASSES),
    packs: fc.integer({ min: 1, max: 10 }),
    fails: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom('restart' as const, 'look' as const) }),
);

function take(rig: StoreRig, steps: readonly Step[], look: () => void): void {
  let time = 1000;
  for (const each of steps) {
    if (each.kind === 'fill') {
      for (let pack = 0; pack < each.packs; pack += 1) {
        for (const id of each.channels) rig.ring.writeSample(id, time + id, id * 1e6 + time);
        time += 10;
        rig.commit();
        rig.sealAll();
      }
    } else if (each.kind === 'restart') rig.restartThread();
    else if (each.kind === 'thin' || each.kind === 'drop') giveUp(rig, each);
    else look();
  }
}

function giveUp(rig: StoreRig, { kind, of, packs, fails }: Extract<Step, { kind: 'thin' | 'drop' }>): void {
  try {
    rig.blocks.transaction(() => {
      rig.blocks.giveUp(of, kind, 'test', (_, done) => done.packs < packs);
      if (fails) throw new Error('the transaction fails');
    });
  } catch (error) {
    if (!fails) throw error;
  }
}

/** All that a reader is told. */
function toldBy(telemetry: StoreTelemetry): unknown {
  return NAMES.map((_, index) => {
    const id = index + 1;
    const samples = [...telemetry.raw(id, 0, 1e9)].flatMap(({ times, values }) => [...times, ...values]);
    return { samples, gaps: telemetry.gaps(id, 0, 1e9), envelope: telemetry.envelope(id, 900, 4000, 7) };
  }).concat(telemetry.ledger() as never);
}

function findingsIn(dir: string): unknown {
  const steps = checkStore(dir);
  for (let next = steps.next(); ; next = steps.next()) if (next.done === true) return next.value.findings;
}

t.test('a reader is told the same whether rows of the index are in their place or not', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 4, maxLength: 14 }), (steps) => {
      const told = MAXIMA.map((max) => {
        const rig = new StoreRig(NAMES, 4096, undefined, max);
        const readers = [rig.telemetry()];
        try {
          take(rig, steps, () => readers.map(toldBy));
          readers.push(rig.telemetry());
          const [old, fresh] = readers.map((each) => JSON.stringify(toldBy(each)));
          return { old, fresh, blocks: rig.blocks.blocksAfter(0), findings: findingsIn(rig.dir) };
        } finally {
          for (const each of readers) each.close();
          rig.dispose();
        }
      });
      const [first] = told;
      for (const { old, fresh, blocks, findings } of told) {
        t.equal(old, first?.fresh, 'by one that looked before');
        t.equal(fresh, first?.fresh, 'by one that looks for the first time');
        t.same(blocks, first?.blocks);
        t.same(findings, []);
      }
      return t.passing();
    }),
    { numRuns: 25, endOnFailure: true },
  );
});

t.test('rows of a roster are placed many at a time, and few wait', async (t) => {
  const rows = 64;
  const rig = new StoreRig(NAMES, 4096, undefined, { rows, bytes: 1 << 20 });
  const db = new Database(`${rig.dir}/blocks.db`, { readonly: true });
  const count = (table: string) => Number(db.prepare(`SELECT COUNT(*) FROM ${table}`).pluck().get());
  let placings = 0;
  let placed = 0;
  for (let pack = 0; pack < 400; pack += 1) {
    for (const id of [1, 3, 5]) rig.ring.writeSample(id, 1000 + pack, pack);
    rig.commit();
    rig.sealAll();
    t.ok(count('recent_index') <= rows);
    if (count('pack_index') > placed) placings += 1;
    placed = count('pack_index');
  }
  t.equal(count('packs'), 1200, 'three classes, so three packs a seal');
  t.ok(placed >= 1200 - rows);
  t.ok(placings <= (3 * 1200) / rows + 3, `${placings} times for ${placed} rows`);
  db.close();
  rig.dispose();
});
