import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import type { StoreTelemetry } from '../../../../gateway/query/store-telemetry.ts';
import { BlockDb } from '../../../../gateway/store/block-db.ts';
import { storePaths } from '../../../../gateway/store/store-dir.ts';
import { Keeper } from '../../../../sync/central/keeper.ts';
import { SqliteStore } from '../../../../sync/central/sqlite-store.ts';
import { GATEWAY, StoreRig } from '../store-rig.ts';
import { bits, checked, columnsOf, FOREVER, samplesIn } from './merge-look.ts';
import { Filler, type FillStep, fillStep, mergerOf, NAMES } from './merge-steps.ts';

const RING_SLOTS = 1 << 14;

/** All that a reader is told. */
function toldBy(telemetry: StoreTelemetry): unknown {
  return NAMES.map((name, index) => {
    const id = index + 1;
    const envelopes = name.endsWith('text')
      ? []
      : [1, 7, 1000].flatMap((pixels) => [
          telemetry.envelope(id, 0, 20e6, pixels),
          telemetry.envelope(id, 1_012_345, 1_212_345, pixels),
        ]);
    return {
      raw: columnsOf(telemetry.raw(id, 0, FOREVER)),
      gaps: telemetry.gaps(id, 0, FOREVER),
      envelopes: envelopes.map(({ count, min, max, first, last }) =>
        [count, min, max, first, last].map((c) => [...c].map(bits)),
      ),
      latest: telemetry.latest(id),
    };
  }).concat(telemetry.ledger() as never);
}

/** A central that takes from the feed as much as it is given. */
class Central {
  readonly dir = mkdtempSync(join(tmpdir(), 'caisson-merge-central-'));
  readonly #db = BlockDb.open(storePaths(this.dir).blocks);
  readonly keeper = new Keeper(new SqliteStore(this.#db));

  async pull(rig: StoreRig, itemsMax: number): Promise<void> {
    const peer = { role: 'gateway', gateway: GATEWAY } as const;
    const { after } = await this.keeper.resume(peer);
    const items = rig.blocks.feed(after, itemsMax, 1e9);
    const complete = items.length < itemsMax;
    await this.keeper.keep(peer, { feed: 'f', items, complete });
  }

  /** Takes the whole feed once more, as after its store was restored: positions say nothing then. */
  async pullAnew(rig: StoreRig): Promise<void> {
    await this.keeper.keep(
      { role: 'gateway', gateway: GATEWAY },
      { feed: 'g', items: rig.blocks.feed(0, 1e6, 1e9), complete: true },
    );
  }

  samples(): string {
    return samplesIn(this.dir);
  }

  dispose(): void {
    this.#db.close();
    rmSync(this.dir, { recursive: true });
  }
}

type Step =
  | { readonly kind: 'fill'; readonly fill: FillStep }
  | { readonly kind: 'merge' | 'merge-steps' | 'pull' | 'look'; readonly count: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fillStep.map((fill) => ({ kind: 'fill' as const, fill })) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('merge' as const, 'merge-steps' as const, 'pull' as const, 'look' as const),
      count: fc.integer({ min: 1, max: 30 }),
    }),
  },
);

t.test('whatever is merged and whenever: readers are told the same, and a central has each sample once', async (t) => {
  let merged = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 20 }), async (steps) => {
      const rigs = [new StoreRig(NAMES, RING_SLOTS), new StoreRig(NAMES, RING_SLOTS)] as const;
      const [rig, plain] = rigs;
      const fillers = rigs.map((each) => new Filler(each));
      const centrals = [new Central(), new Central()] as const;
      const early = rig.telemetry();
      let merger = mergerOf(rig);
      const look = () => JSON.stringify(toldBy(early));
      try {
        for (const each of steps) {
          if (each.kind === 'merge') merger.runRound();
          else if (each.kind === 'merge-steps') for (let i = 0; i < each.count; i += 1) merger.step();
          else if (each.kind === 'pull') await centrals[0].pull(rig, each.count);
          else if (each.kind === 'look') look();
          else if (each.kind === 'fill') {
            for (const filler of fillers) filler.take(each.fill);
            if (!each.fill.kind.startsWith('restart')) continue;
            merged += merger.status().into;
            merger = mergerOf(rig);
          }
        }
        merger.runRound();
        merged += merger.status().into;
        const [fresh, other] = rigs.map((each) => each.telemetry());
        const expected = JSON.stringify(other && toldBy(other));
        t.equal(fresh && JSON.stringify(toldBy(fresh)), expected, 'by one that looks for the first time');
        t.equal(look(), expected, 'by one that looked before');
        fresh?.close();
        other?.close();
        t.same(checked(rig.dir).findings, []);
        for (const central of centrals) await central.pull(rig, 1e6);
        await centrals[0].pullAnew(rig);
        const late = new Central();
        await late.pull(plain, 1e6);
        for (const central of centrals) {
          t.same(central.samples(), late.samples());
          t.match(central.keeper.counters, {
            conflicts: 0,
            samples: late.keeper.counters.samples,
            lost: late.keeper.counters.lost,
          });
          t.same(checked(central.dir).findings, []);
        }
        late.dispose();
        t.same(rig.problems, []);
      } finally {
        early.close();
        for (const each of rigs) each.dispose();
        for (const each of centrals) each.dispose();
      }
      return t.passing();
    }),
    { numRuns: 8, endOnFailure: true },
  );
  t.ok(merged > 4, `${merged} packs were made of others`);
});
