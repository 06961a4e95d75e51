import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Acknowledgements } from '../../../../gateway/store/retention/acknowledgements.ts';
import { Ballast } from '../../../../gateway/store/retention/ballast.ts';
import { Retention, type RetentionParts } from '../../../../gateway/store/retention/retention.ts';
import { StoreRig } from '../store-rig.ts';

const GIB = 2 ** 30;
/** Of noise, so that a pack has some 28 kB. */
const PACK_SAMPLES = 4000;
const CLASSES = ['critical', 'standard', 'bulk'] as const;

/** A store whose disk is as large and as full as a test says. */
class Box {
  readonly rig = new StoreRig(['a critical', 'b standard', 'c bulk']);
  readonly problems: string[] = [];
  readonly criticalOnly: boolean[] = [];
  readonly acknowledgements: Acknowledgements;
  totalBytes = GIB;
  /** Bytes that others have on the disk. */
  others = 0;
  retention: Retention;
  #now = 0;
  #packs = 0;

  constructor(t: Test, settings: Partial<RetentionParts['settings']> = {}) {
    t.teardown(() => this.rig.dispose());
    const full = { diskShare: 0.8, centrals: [], ...settings };
    this.acknowledgements = new Acknowledgements(full.centrals);
    this.retention = new Retention({
      store: this.rig.blocks,
      disk: () => ({ totalBytes: this.totalBytes, freeBytes: this.#free() }),
      settings: full,
      ballast: new Ballast(join(this.rig.dir, 'ballast'), 0),
      acknowledgements: this.acknowledgements,
      keepAcknowledged: () => {},
      onProblem: (text) => this.problems.push(text),
      onCriticalOnly: (isOn) => this.criticalOnly.push(isOn),
    });
  }

  /** Keeps packs of each class; a second passes with each. */
  fill(packs: number): void {
    for (let pack = 0; pack < packs; pack += 1, this.#packs += 1) {
      for (let i = 0; i < PACK_SAMPLES; i += 1) {
        const time = 1e6 * this.#packs + 250 * i;
        for (const channel of [1, 2, 3]) this.rig.ring.writeSample(channel, time, Math.random());
        if (i % 1000 === 999) this.rig.commit();
      }
      this.rig.sealAll();
    }
  }

  /** Looks and steps until nothing is left to do. */
  settle(): void {
    for (let quiet = 0; quiet < 3; quiet += 1) {
      this.#now += 1000;
      this.retention.look(this.#now);
      for (let i = 0; i < 20; i += 1) {
        const before = this.bytes();
        // Steps have their own pace; here the clock is ahead of it.
        this.retention.step(Number.MAX_SAFE_INTEGER);
        if (this.bytes() !== before) quiet = 0;
      }
    }
  }

  bytes(): number {
    const { critical, standard, bulk } = this.rig.blocks.classBytes();
    return critical + standard + bulk;
  }

  /** Per class: samples that can be read, and samples of which only envelopes are left. */
  kept(): Record<(typeof CLASSES)[number], { raw: number; thinned: number }> {
    const of = (channel: number) => {
      const extents = this.rig.blocks.overlapping(channel, 0, 1e15);
      const count = (list: typeof extents) => list.reduce((sum, extent) => sum + extent.count, 0);
      return {
        raw: count(extents.filter(({ thinned }) => thinned === undefined)),
        thinned: count(extents.filter(({ thinned }) => thinned !== undefined)),
      };
    };
    return { critical: of(1), standard: of(2), bulk: of(3) };
  }

  #free(): number {
    const { used, free } = this.rig.blocks.pageBytes();
    return Math.max(0, this.totalBytes - this.others - used - free);
  }
}

/** Taken in = kept + lost, of every channel. */
function balances(t: Test, { rig }: Box): void {
  for (const { kept, lost, next } of rig.blocks.accounts()) t.equal(kept + lost, next);
}

t.test('a store that is within its limits is left alone', async (t) => {
  const box = new Box(t);
  box.fill(10);
  box.settle();
  for (const name of CLASSES) t.same(box.kept()[name], { raw: 10 * PACK_SAMPLES, thinned: 0 });
  t.match(box.retention.status(), { rung: 'none', limitBytes: 0.8 * GIB });
  t.same(box.criticalOnly, [false]);
});

t.test('a quota takes the oldest samples of its class and leaves their envelopes', async (t) => {
  const box = new Box(t, { bulk: { maxGigabytes: 0.0002 } });
  box.fill(20);
  box.settle();
  const { critical, standard, bulk } = box.kept();
  t.same([critical.raw, standard.raw], [20 * PACK_SAMPLES, 20 * PACK_SAMPLES]);
  t.ok(bulk.raw > 0 && bulk.raw < 10 * PACK_SAMPLES, `${bulk.raw}`);
  t.equal(bulk.raw + bulk.thinned, 20 * PACK_SAMPLES);
  t.ok(box.rig.blocks.classBytes().bulk <= 200_000);
  balances(t, box);
});

t.test('samples go at one age, envelopes at another', async (t) => {
  const day = 86_400;
  const box = new Box(t, { standard: { rawDays: 5 / day, maxDays: 12 / day } });
  box.fill(20);
  box.settle();
  const { bulk, standard } = box.kept();
  t.equal(bulk.raw, 20 * PACK_SAMPLES);
  t.ok(Math.abs(standard.raw / PACK_SAMPLES - 5) <= 1, `${standard.raw}`);
  t.ok(Math.abs((standard.raw + standard.thinned) / PACK_SAMPLES - 12) <= 1, `${standard.thinned}`);
  t.match(box.rig.blocks.gaps(2, 0, 1e15), [{ cause: 'retention', firstSequence: 0, from: 0 }]);
  balances(t, box);
});

t.test('limits wait for the centrals that are named', async (t) => {
  const box = new Box(t, { centrals: ['team'], bulk: { maxGigabytes: 0.00001 } });
  box.fill(20);
  box.settle();
  t.equal(box.kept().bulk.raw, 20 * PACK_SAMPLES);
  box.acknowledgements.take('team', {
    position: box.rig.blocks.overlapping(3, 0, 1e15)[9]?.lastPosition ?? 0,
    stores: [],
  });
  box.settle();
  t.same(box.kept().bulk, { raw: 10 * PACK_SAMPLES, thinned: 10 * PACK_SAMPLES });
  t.equal(box.retention.status().rung, 'none', 'the disk has room');
  balances(t, box);
});

t.test('on a disk that others fill, critical samples stay to the last, and the rungs are told', async (t) => {
  const box = new Box(t);
  box.totalBytes = 64 << 20;
  box.fill(40);
  const { used, free } = box.rig.blocks.pageBytes();
  box.others = box.totalBytes - used - free;
  box.settle();
  t.same(box.kept().critical, { raw: 40 * PACK_SAMPLES, thinned: 0 });
  t.equal(box.kept().bulk.raw + box.kept().standard.raw, 0);
  t.same(box.kept().bulk.thinned + box.kept().standard.thinned, 0);
  t.equal(box.retention.status().rung, 'critical-only');
  t.equal(box.criticalOnly.at(-1), true);
  t.equal(new Set(box.problems).size, box.problems.length);
  t.match(box.problems.at(-1), 'only critical samples are taken in');
  t.match(box.rig.blocks.gaps(3, 0, 1e15), [{ cause: 'disk-full', count: 40 * PACK_SAMPLES }]);
  balances(t, box);
  box.fill(10);
  t.equal(box.kept().critical.raw, 50 * PACK_SAMPLES, 'room of what was given up is used again');
  box.others = 0;
  box.settle();
  t.equal(box.criticalOnly.at(-1), false);
});

t.test('what central has goes first when the disk runs short, and it is the same past', async (t) => {
  const box = new Box(t, { centrals: ['team'] });
  box.totalBytes = 64 << 20;
  box.fill(20);
  box.acknowledgements.take('team', {
    position: box.rig.blocks.overlapping(3, 0, 1e15)[14]?.lastPosition ?? 0,
    stores: [],
  });
  const { used, free } = box.rig.blocks.pageBytes();
  // Room for what is wanted but for a few packs.
  box.others = box.totalBytes - used - free - (0.05 * box.totalBytes - 600_000);
  box.settle();
  const { critical, standard, bulk } = box.kept();
  t.equal(critical.raw, 20 * PACK_SAMPLES);
  t.equal(bulk.raw, 5 * PACK_SAMPLES, 'bulk of which central has all');
  t.ok(standard.raw > 5 * PACK_SAMPLES && standard.raw < 20 * PACK_SAMPLES, `${standard.raw}`);
  t.equal(box.retention.status().rung, 'synced-standard');
  balances(t, box);
});

t.test('a lower limit gives pages back to the disk', async (t) => {
  const box = new Box(t, { maxGigabytes: 0.001 });
  box.fill(40);
  const { used, free } = box.rig.blocks.pageBytes();
  t.ok(used + free > 3e6);
  box.settle();
  for (let i = 0; i < 200; i += 1) box.retention.step(Number.MAX_SAFE_INTEGER);
  const after = box.rig.blocks.pageBytes();
  t.ok(after.used + after.free <= 1e6 + 256 * 4096, `${after.used} used, ${after.free} free`);
  balances(t, box);
});

t.test('nothing is sealed where there is no room for it, and it is tried again', async (t) => {
  const box = new Box(t);
  let sealed = 0;
  box.retention.seal(() => {
    sealed += 1;
  });
  t.equal(sealed, 1);
  box.others = box.totalBytes;
  box.retention.seal(() => t.fail('there is no room'));
  t.equal(box.retention.holdsSeals, true);
});

t.test('a seal that finds the disk full is put off; any other failure is not caught', async (t) => {
  const box = new Box(t);
  box.retention.seal(() => {
    throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
  });
  t.equal(box.retention.holdsSeals, true);
  const other = new Box(t);
  t.throws(() =>
    other.retention.seal(() => {
      throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_FSYNC' });
    }),
  );
});
