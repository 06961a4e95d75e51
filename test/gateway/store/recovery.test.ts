import { readdirSync } from 'node:fs';
import t from 'tap';
import type { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { damagePage } from './damage-page.ts';
import { StoreRig } from './store-rig.ts';

function valuesOf(telemetry: StoreTelemetry, channel: number): unknown[] {
  return [...telemetry.raw(channel, -1, 1e6)].flatMap(({ values }) => [...values]);
}

/** What a reader sees that opens the store now. */
function look(rig: StoreRig, channel: number) {
  const telemetry = rig.telemetry();
  const values = valuesOf(telemetry, channel);
  const gaps = telemetry
    .gaps(channel, 0, 1e6)
    .map(({ firstSequence, count, cause }) => ({ firstSequence, count, cause }));
  const line = telemetry.ledger().find((each) => each.channel === channel);
  telemetry.close();
  return { values, gaps, taken: line?.taken, kept: line?.kept, lost: line?.lost };
}

/** Files that keep what could not be read of the journal. */
function setAside(dir: string): string[] {
  return readdirSync(`${dir}/journal`).filter((name) => /^(damaged|foreign)-/.test(name));
}

/** Seals all there is and empties the journal of it, so that only blocks can tell. */
function sealAndTrim(rig: StoreRig): void {
  rig.sealAll();
  rig.commitNothing();
  rig.writer.trim();
}

t.test('a sample survives two crashes without a seal between them', async (t) => {
  const rig = new StoreRig(['a']);
  for (let i = 0; i < 3; i += 1) rig.ring.writeSample(1, i, i);
  rig.commit();
  for (let crash = 1; crash <= 3; crash += 1) {
    rig.restartProcess();
    t.same(look(rig, 1).values, [0, 1, 2], `after crash ${crash}`);
  }
  sealAndTrim(rig);
  t.match(look(rig, 1), { values: [0, 1, 2], gaps: [{ firstSequence: 3, count: 0, cause: 'unclean-stop' }] });
  rig.dispose();
});

t.test('a gap that was kept before the samples in front of it does not hide them from recovery', async (t) => {
  const names = Array.from({ length: 40 }, (_, i) => `c${i}`);
  const rig = new StoreRig(names);
  for (let id = 1; id <= names.length; id += 1) {
    rig.ring.writeSample(id, 1, id);
    rig.ring.writeLoss(id, 2, 3, 2, 'ring-full');
  }
  rig.commit();
  // One pass seals some of the chunks, and keeps every gap.
  rig.writer.seal();
  for (const restart of [() => rig.restartThread(), () => rig.restartProcess()]) {
    restart();
    sealAndTrim(rig);
    for (let id = 1; id <= names.length; id += 1) t.match(look(rig, id), { values: [id], taken: 3, kept: 1, lost: 2 });
  }
  rig.dispose();
});

t.test('sequence numbers of a loss that is only in the journal are not given out again', async (t) => {
  const rig = new StoreRig(['a']);
  rig.ring.writeSample(1, 1, 1);
  rig.ring.writeLoss(1, 2, 3, 5, 'ring-full');
  rig.commit();
  rig.restartThread();
  rig.ring.writeSample(1, 4, 2);
  rig.commit();
  const expected = { values: [1, 2], taken: 7, kept: 2, lost: 5 };
  t.match(look(rig, 1), expected);
  rig.sealAll();
  t.match(look(rig, 1), expected, 'and none of it conflicts with the block');
  rig.dispose();
});

t.test('samples of a damaged journal row are a gap in the ledger', async (t) => {
  const rig = new StoreRig(['a']);
  for (const row of [1, 2, 3]) {
    rig.ring.writeSample(1, row * 10, row);
    rig.ring.writeSample(1, row * 10 + 1, -row);
    rig.commit();
  }
  damagePage(rig.dir, 1);
  rig.restartProcess();
  rig.restartProcess();
  sealAndTrim(rig);
  t.match(look(rig, 1), {
    values: [1, -1, 3, -3],
    gaps: [
      { firstSequence: 2, count: 2, cause: 'journal-damaged' },
      { firstSequence: 6, count: 0, cause: 'unclean-stop' },
    ],
    taken: 6,
    kept: 4,
    lost: 2,
  });
  t.same(setAside(rig.dir), ['damaged-2']);
  rig.dispose();
});

t.test('samples of a damaged journal row are a gap, also behind samples that are in blocks', async (t) => {
  const rig = new StoreRig(['a']);
  const commit = (row: number) => {
    rig.ring.writeSample(1, row * 10, row);
    rig.ring.writeSample(1, row * 10 + 1, -row);
    rig.commit();
  };
  commit(1);
  rig.sealAll();
  commit(2);
  commit(3);
  damagePage(rig.dir, 1);
  rig.restartProcess();
  sealAndTrim(rig);
  t.match(look(rig, 1), {
    values: [1, -1, 3, -3],
    gaps: [
      { firstSequence: 2, count: 2, cause: 'journal-damaged' },
      { firstSequence: 6, count: 0, cause: 'unclean-stop' },
    ],
  });
  rig.dispose();
});

t.test('what blocks hold of all channels of a boot at once is what they hold of each', async (t) => {
  const names = ['a', 'b', 'c', 'bulk'];
  const rig = new StoreRig(names);
  for (let pass = 0; pass < 120; pass += 1) {
    for (let id = 1; id <= names.length; id += 1) {
      if (pass % id === 0) rig.ring.writeSample(id, pass, pass);
      if (pass % 7 === id) rig.ring.writeLoss(id, pass, pass, 2, 'ring-full');
    }
    rig.commit();
    rig.sealAll();
    if (pass % 25 === 24) rig.restartProcess();
  }
  const ids = names.map((_, index) => index + 1);
  for (const [act, packs] of [
    ['keep', 0],
    ['thin', 80],
    ['drop', 70],
  ] as const) {
    if (act !== 'keep') {
      rig.blocks.transaction(() => rig.blocks.giveUp('standard', act, 'retention', (_, done) => done.packs < packs));
    }
    for (const { id: boot } of rig.blocks.boots()) {
      const spans = new Map(rig.blocks.spansOfBoot(boot).map((span) => [span.channel, span]));
      const gaps = rig.blocks.gapEndsOfBoot(boot);
      for (const id of ids) {
        const held = rig.blocks.blocksHolding(id, boot, 0, Number.MAX_SAFE_INTEGER);
        const span = spans.get(id);
        const of = `channel ${id} of boot ${boot}: ${act}`;
        t.equal(span?.next ?? 0, rig.blocks.sealedEnd(id, boot), of);
        t.equal(Math.max(span?.next ?? 0, gaps.get(id) ?? 0), rig.blocks.nextSequence(id, boot), of);
        t.equal(
          span?.count ?? 0,
          held.reduce((sum, { count }) => sum + count, 0),
          of,
        );
        if (held.length > 0) t.equal(span?.first, Math.min(...held.map(({ firstSequence }) => firstSequence)), of);
      }
    }
  }
  rig.dispose();
});

t.test('a journal without the blocks.db it belongs to is set aside and stops nothing', async (t) => {
  const rig = new StoreRig(['a']);
  rig.ring.writeSample(1, 1, 1);
  rig.commit();
  rig.loseBlocks();
  rig.ring.writeSample(1, 2, 2);
  rig.commit();
  t.match(look(rig, 1), { values: [2], taken: 1, kept: 1 });
  t.same(setAside(rig.dir), ['foreign-1']);
  rig.dispose();
});

t.test('says why nothing was taken in between two boots, once, whatever the ledger ended with', async (t) => {
  const rig = new StoreRig(['a']);
  rig.ring.writeSample(1, 1, 1);
  rig.ring.writeLoss(1, 2, 3, 5, 'ring-full');
  rig.commit();
  rig.sealAll();
  rig.restartProcess();
  rig.restartThread();
  t.same(look(rig, 1).gaps, [
    { firstSequence: 6, count: 0, cause: 'unclean-stop' },
    { firstSequence: 1, count: 5, cause: 'ring-full' },
  ]);
  rig.dispose();
});

t.test('what a boot left in the journal may still come until it is sealed, and who follows is told so', async (t) => {
  const rig = new StoreRig(['speed', 'load']);
  t.teardown(() => rig.dispose());
  t.ok(rig.blocks.isSettled());
  rig.ring.writeSample(1, 1000, 1);
  rig.commit();
  t.ok(rig.blocks.isSettled(), 'what is of the boot that runs has no end that is told');
  rig.restartProcess();
  t.match(rig.blocks.gaps(1, 0, Number.MAX_SAFE_INTEGER), [{ cause: 'unclean-stop', count: 0, firstSequence: 1 }]);
  t.notOk(rig.blocks.isSettled(), 'its end is told, and its sample is in no block');
  rig.restartProcess();
  t.notOk(rig.blocks.isSettled(), 'nor when that process died as well');
  rig.ring.writeSample(2, 5000, 1);
  rig.commit();
  rig.sealAll();
  t.ok(rig.blocks.isSettled());
  rig.restartProcess();
  t.ok(rig.blocks.isSettled(), 'nothing was left');
});
