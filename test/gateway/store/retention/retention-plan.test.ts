import fc from 'fast-check';
import t from 'tap';
import type { ChannelClass } from '../../../../gateway/channel.ts';
import { type RetentionLimits, retentionLimits } from '../../../../gateway/store/retention/retention-limits.ts';
import {
  type ClassStock,
  planRetention,
  type RetentionStep,
  type RetentionStock,
  RUNGS,
} from '../../../../gateway/store/retention/retention-plan.ts';

const CLASSES: readonly ChannelClass[] = ['critical', 'standard', 'bulk'];
const INDEX_BYTES = 50;
const NO_LIMIT = {
  bytesMax: Number.POSITIVE_INFINITY,
  rawAgeUs: Number.POSITIVE_INFINITY,
  ageUs: Number.POSITIVE_INFINITY,
};

interface Pack {
  readonly class: ChannelClass;
  readonly ageUs: number;
  readonly isSynced: boolean;
  /** 0: thinned. */
  bytes: number;
}

/** A store of packs, oldest first, on a disk of its own size. */
class Model {
  packs: Pack[];
  readonly #diskBytes: number;
  readonly done: { step: RetentionStep; pack: Pack }[] = [];

  constructor(packs: readonly Pack[], diskBytes: number) {
    this.packs = packs.map((pack) => ({ ...pack }));
    this.#diskBytes = diskBytes;
  }

  stock(): RetentionStock {
    const ofClass = (name: ChannelClass): ClassStock => {
      const mine = this.packs.filter((pack) => pack.class === name);
      return {
        bytes: mine.reduce((sum, pack) => sum + pack.bytes, 0),
        oldest: mine.find((pack) => pack.bytes > 0),
        oldestThinned: mine.find((pack) => pack.bytes === 0),
      };
    };
    const usedBytes = this.packs.reduce((sum, pack) => sum + pack.bytes + INDEX_BYTES, 0);
    return {
      classes: { critical: ofClass('critical'), standard: ofClass('standard'), bulk: ofClass('bulk') },
      usedBytes,
      roomBytes: this.#diskBytes - usedBytes,
    };
  }

  /** One pack at a time, as the smallest step there can be. */
  apply(step: RetentionStep): void {
    const pack = this.packs.find((each) => each.class === step.class && each.bytes > 0 === (step.act === 'thin'));
    if (pack === undefined) throw new Error(`a step for which there is no pack: ${JSON.stringify(step)}`);
    if (step.onlySynced && !pack.isSynced) throw new Error('a step that must not be taken');
    if (pack.ageUs < step.minAgeUs) throw new Error('a pack that is too young');
    this.done.push({ step, pack: { ...pack } });
    if (step.act === 'thin') pack.bytes = 0;
    else this.packs = this.packs.filter((each) => each !== pack);
  }

  /** Steps until nothing is to be done. */
  run(limits: RetentionLimits): void {
    for (let steps = 0; ; steps += 1) {
      if (steps > 10_000) throw new Error('it does not end');
      const { step } = planRetention(this.stock(), limits);
      if (step === undefined) return;
      this.apply(step);
    }
  }
}

const sizes = fc.record({
  class: fc.constantFrom(...CLASSES),
  bytes: fc.integer({ min: 100, max: 5000 }),
});

/** Packs, oldest first; the first of them synced. */
const packs = fc
  .tuple(fc.array(sizes, { maxLength: 60 }), fc.nat({ max: 60 }))
  .map(([list, synced]) =>
    list.map((pack, index): Pack => ({ ...pack, ageUs: 1e6 * (list.length - index), isSynced: index < synced })),
  );

const limit = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 0, max: 60_000 }));
const age = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 0, max: 60e6 }));
const classLimits = fc.record({ bytesMax: limit, rawAgeUs: age, ageUs: age });
const limits: fc.Arbitrary<RetentionLimits> = fc.record({
  bytesMax: limit,
  reserveBytes: fc.integer({ min: 0, max: 20_000 }),
  classes: fc.record({ critical: classLimits, standard: classLimits, bulk: classLimits }),
  waitsForCentrals: fc.boolean(),
});

const disk = fc.integer({ min: 0, max: 200_000 });

t.test('whatever is stored and configured, steps come to an end, each of them possible', async () => {
  fc.assert(
    fc.property(packs, disk, limits, (list, diskBytes, config) => {
      new Model(list, diskBytes).run(config);
    }),
  );
});

t.test('in the end every limit is obeyed, as far as what is in its way may go', async () => {
  fc.assert(
    fc.property(packs, disk, limits, (list, diskBytes, config) => {
      const model = new Model(list, diskBytes);
      model.run(config);
      const { classes, usedBytes, roomBytes } = model.stock();
      const stuck = (name: ChannelClass) =>
        classes[name].oldest === undefined || (config.waitsForCentrals && !classes[name].oldest?.isSynced);
      for (const name of CLASSES) {
        if (stuck(name)) continue;
        const { bytesMax, rawAgeUs, ageUs } = config.classes[name];
        if (classes[name].bytes > bytesMax) throw new Error(`${name} is over its quota`);
        if ((classes[name].oldest?.ageUs ?? 0) > Math.min(rawAgeUs, ageUs)) throw new Error(`${name} is too old`);
      }
      if (!config.waitsForCentrals && model.packs.length > 0 && usedBytes > config.bytesMax)
        throw new Error('too large');
      if (roomBytes < config.reserveBytes) {
        const left = model.packs.filter((pack) => pack.class !== 'critical' || (pack.isSynced && pack.bytes > 0));
        if (left.length > 0) throw new Error('the disk runs short although there is something to give up');
      }
    }),
  );
});

t.test(
  'the ladder never gives up a critical sample while another is there, and never one that no central has',
  async () => {
    fc.assert(
      fc.property(
        packs,
        disk,
        fc.integer({ min: 0, max: 100_000 }),
        fc.boolean(),
        (list, diskBytes, reserveBytes, waits) => {
          const model = new Model(list, diskBytes);
          const classes = { critical: NO_LIMIT, standard: NO_LIMIT, bulk: NO_LIMIT };
          model.run({ bytesMax: Number.POSITIVE_INFINITY, reserveBytes, classes, waitsForCentrals: waits });
          const gone = model.done.findIndex(({ step }) => step.class === 'critical');
          if (gone < 0) return;
          if (model.packs.some((pack) => pack.class !== 'critical')) throw new Error('critical before another');
          if (model.done.some(({ pack }) => pack.class === 'critical' && !pack.isSynced))
            throw new Error('unsynced critical');
        },
      ),
    );
  },
);

t.test('the limit of the whole store takes from critical channels only when nothing of others is left', async () => {
  fc.assert(
    fc.property(packs, fc.integer({ min: 0, max: 60_000 }), fc.boolean(), (list, bytesMax, waitsForCentrals) => {
      const model = new Model(list, 1e9);
      const classes = { critical: NO_LIMIT, standard: NO_LIMIT, bulk: NO_LIMIT };
      for (;;) {
        const { step } = planRetention(model.stock(), { bytesMax, reserveBytes: 0, classes, waitsForCentrals });
        if (step === undefined) return;
        const others = model.packs.filter((pack) => pack.class !== 'critical');
        if (step.class === 'critical' && others.length > 0) throw new Error('critical before another');
        model.apply(step);
      }
    }),
  );
});

t.test('of one class, what every central has goes before what one lacks, the oldest first', async () => {
  fc.assert(
    fc.property(packs, disk, limits, (list, diskBytes, config) => {
      const model = new Model(list, diskBytes);
      model.run(config);
      for (const name of CLASSES) {
        const thinned = model.done.filter(({ step, pack }) => pack.class === name && step.act === 'thin');
        for (const [index, { pack }] of thinned.entries()) {
          const before = thinned[index - 1]?.pack;
          if (before === undefined) continue;
          if (before.ageUs < pack.ageUs) throw new Error('the younger went first');
          if (!before.isSynced && pack.isSynced) throw new Error('unsynced went first');
        }
      }
    }),
  );
});

t.test('a limit waits for the centrals that are named', async () => {
  fc.assert(
    fc.property(packs, limits, (list, config) => {
      const model = new Model(list, 1e9);
      model.run({ ...config, reserveBytes: 0, waitsForCentrals: true });
      if (model.done.some(({ pack }) => !pack.isSynced)) throw new Error('it did not');
    }),
  );
});

t.test('the ladder is climbed rung by rung', async (t) => {
  const list = CLASSES.flatMap((name) =>
    [3, 2, 1].map((ageUs): Pack => ({ class: name, ageUs, isSynced: ageUs === 3, bytes: 1000 })),
  );
  const model = new Model(list, 0);
  const config = retentionLimits({ diskShare: 0.8, centrals: ['team'] }, 1e9);
  const rungs: string[] = [];
  for (;;) {
    const { rung, step } = planRetention({ ...model.stock(), roomBytes: 0 }, config);
    if (rungs.at(-1) !== rung) rungs.push(rung);
    if (step === undefined) break;
    model.apply(step);
  }
  t.same(rungs, RUNGS.slice(1));
  t.same(
    model.packs.map((pack) => [pack.class, pack.bytes]),
    [
      ['critical', 0],
      ['critical', 1000],
      ['critical', 1000],
    ],
  );
});

t.test('limits are the lesser of bytes and share, and a day has 86,400 seconds', async (t) => {
  const settings = { maxGigabytes: 2, diskShare: 0.5, centrals: [], bulk: { maxGigabytes: 1, rawDays: 1, maxDays: 2 } };
  t.match(retentionLimits(settings, 100e9), {
    bytesMax: 2e9,
    reserveBytes: 2 ** 30,
    classes: { bulk: { bytesMax: 1e9, rawAgeUs: 86_400e6, ageUs: 172_800e6 }, standard: NO_LIMIT },
    waitsForCentrals: false,
  });
  t.match(retentionLimits(settings, 2e9), { bytesMax: 1e9, reserveBytes: 1e8 });
});
