import type { Buffer } from 'node:buffer';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { Pack } from '../../../../gateway/store/pack/pack.ts';
import { FeedBorders } from '../../../../gateway/store/passed-over.ts';
import { Acknowledgements } from '../../../../gateway/store/retention/acknowledgements.ts';
import { storePaths } from '../../../../gateway/store/store-dir.ts';
import { StoreRig } from '../store-rig.ts';
import { checked, columnsOf, FOREVER, findingsIn, samplesIn } from './merge-look.ts';
import { Filler, mergerOf, NAMES, WINDOWS } from './merge-steps.ts';

const ALL = NAMES.map((_, index) => index + 1);
const [WINDOW, LARGE_WINDOW] = WINDOWS;

/** A store with packs that have so many samples of each channel. */
function filled(t: Test, packs: number, samples = 10): StoreRig {
  const rig = new StoreRig(NAMES, 1 << 14);
  t.teardown(() => rig.dispose());
  new Filler(rig).take({ kind: 'fill', channels: ALL, packs, samples, isLate: true });
  return rig;
}

function change(rig: StoreRig, sql: string, ...values: unknown[]): void {
  const db = new Database(storePaths(rig.dir).blocks);
  db.prepare(sql).run(...values);
  db.close();
}

function ask<Answer>(rig: StoreRig, sql: string): Answer {
  const db = new Database(storePaths(rig.dir).blocks, { readonly: true });
  const answer = db.prepare(sql).pluck().get() as Answer;
  db.close();
  return answer;
}

t.test('a range that is read slowly has every sample, though its packs are merged meanwhile, even twice', async (t) => {
  const rig = filled(t, LARGE_WINDOW + 1);
  const readers = [rig.telemetry(), rig.telemetry()] as const;
  t.teardown(() => readers.map((each) => each.close()));
  const merger = mergerOf(rig);
  // One that has read a pack before still has it.
  const [other, telemetry] = readers;
  const slow = ALL.map((id) => {
    const expected = columnsOf(other.raw(id, 0, FOREVER));
    const runs = telemetry.raw(id, 0, FOREVER);
    return { expected, first: [...take(runs, 3)], runs };
  });
  t.ok(
    slow.every(({ expected }) => expected[2].includes(1)),
    'some are late',
  );
  merger.runRound();
  t.ok(merger.status().into > LARGE_WINDOW / WINDOW, 'small packs into larger ones, and those into one');
  for (const { expected, first, runs } of slow) t.same(columnsOf([...first, ...runs]), expected);
});

function* take<Element>(elements: IterableIterator<Element>, count: number): IterableIterator<Element> {
  for (let i = 0; i < count; i += 1) {
    const { value, done } = elements.next();
    if (done === true) return;
    yield value;
  }
}

t.test('a sample is written again at most once for each window', async (t) => {
  const rig = filled(t, 3 * LARGE_WINDOW + 5, 4);
  const merger = mergerOf(rig);
  const before = rig.blocks.totals;
  for (let round = 0; round < 3; round += 1) merger.runRound();
  const merged = LARGE_WINDOW * 3 * 4 * ALL.length;
  t.equal(merger.status().samples, merged * WINDOWS.length);
  t.ok(rig.blocks.totals.bytes < before.bytes / 2, `${before.bytes} bytes became ${rig.blocks.totals.bytes}`);
  t.same(findingsIn(rig.dir), []);
  const again = mergerOf(rig);
  again.runRound();
  t.equal(again.status().into, 0, 'after a restart as well');
});

t.test('what a central has in part stays until it has all or none', async (t) => {
  const rig = filled(t, WINDOW + 1);
  const positions = rig.blocks.feed(0, 1000, 1e9).flatMap((item) => (item.kind === 'pack' ? [item.position] : []));
  const acknowledgements = new Acknowledgements(['near', 'far']);
  const merger = mergerOf(rig, (first, last) => acknowledgements.isApart(first, last));
  acknowledgements.take('near', { position: positions.at(-1) ?? 0, stores: [] });
  acknowledgements.take('far', { position: positions[Math.floor(positions.length / 2)] ?? 0, stores: [] });
  merger.runRound();
  t.equal(merger.status().into, 0);
  acknowledgements.take('far', { position: positions.at(-1) ?? 0, stores: [] });
  const later = mergerOf(rig, (first, last) => acknowledgements.isApart(first, last));
  later.runRound();
  t.ok(later.status().into > 0);
  t.same(
    rig.blocks.feed(positions.at(-1) ?? 0, 1000, 1e9).filter(({ kind }) => kind === 'pack'),
    [],
    'who has all hears nothing of it',
  );
});

t.test('where a channel began to go to a central, what was before is merged, and what came since', async (t) => {
  const rig = filled(t, WINDOW + 1);
  const packs = () => rig.blocks.feed(0, 1000, 1e9).flatMap((item) => (item.kind === 'pack' ? [item.position] : []));
  const positions = packs();
  const border = positions[Math.floor(positions.length / 2)] ?? 0;
  const borders = new FeedBorders({ hq: { 1: [border] } });
  const merger = mergerOf(
    rig,
    (first, last) => borders.isApart(first, last),
    (position) => borders.periodOf(position),
  );
  merger.runRound();
  t.ok(merger.status().into >= 2);
  t.ok(packs().includes(border), 'one ends at the border');
  t.ok(packs().length < positions.length / 2);
  t.same(findingsIn(rig.dir), []);
});

t.test('packs sealed under different clocks stay apart: each says what it said', async (t) => {
  const rig = filled(t, WINDOW / 2);
  rig.writer.keepClock({ time: 0, offset: 5, error: 100, source: 'ntp' });
  new Filler(rig, 1e9).take({ kind: 'fill', channels: ALL, packs: WINDOW / 2 + 1, samples: 10, isLate: false });
  const clocks = () => {
    const all = rig.blocks.feed(0, 1000, 1e9).flatMap((item) => (item.kind === 'pack' ? [Pack.open(item.bytes)] : []));
    const told = all.flatMap(({ header, blocks }) => blocks.map((block) => ({ ...header, ...block })));
    return ['none', 'ntp'].map((source) => {
      const under = told.filter(({ clockSource }) => clockSource === source);
      return under.reduce((sum, { count }) => sum + count, 0);
    });
  };
  const before = clocks();
  const merger = mergerOf(rig);
  merger.runRound();
  t.ok(merger.status().into >= 2);
  t.same(clocks(), before);
});

t.test(
  'where another series has samples of their channels between packs, a merge is cut: the order would change',
  async (t) => {
    for (const isCrossed of [false, true]) {
      const rig = new StoreRig(NAMES, 1 << 14);
      const filler = new Filler(rig);
      const fill = (channels: number[], packs: number) =>
        filler.take({ kind: 'fill', channels, packs, samples: 10, isLate: true });
      // Two of four channels fill the series by half; one does not, and gets a series of its own.
      fill([1, 2, 3, 6], 1);
      fill([1, 2], WINDOW / 2 - 1);
      if (isCrossed) fill([6], 1);
      fill([1, 2], WINDOW);
      const expected = samplesIn(rig.dir);
      const merger = mergerOf(rig);
      merger.runRound();
      t.equal(merger.status().into, isCrossed ? 2 : 1);
      t.equal(samplesIn(rig.dir), expected);
      t.same(findingsIn(rig.dir), []);
      rig.dispose();
    }
  },
);

t.test('merged packs are given up as others are, and the ledger adds up', async (t) => {
  const rig = filled(t, 4 * WINDOW + 3);
  mergerOf(rig).runRound();
  const give = (act: 'thin' | 'drop', packs: number) =>
    rig.blocks.transaction(() => rig.blocks.giveUp('standard', act, 'retention', (_, done) => done.packs < packs));
  const taken = rig.blocks.accounts().map(({ next }) => next);
  t.ok(give('thin', 5) === 5 && give('drop', 2) === 2);
  const accounts = rig.blocks.accounts();
  t.same(
    accounts.map(({ kept, lost }) => kept + lost),
    taken,
  );
  t.ok(accounts.some(({ lost }) => lost > 0));
  t.same(findingsIn(rig.dir), []);
  t.equal(checked(rig.dir).merged, ask(rig, 'SELECT COUNT(*) FROM merged'), 'the proof goes with the samples');
  const before = [rig.blocks.accounts(), rig.blocks.classBytes()];
  rig.restartThread();
  t.same([rig.blocks.accounts(), rig.blocks.classBytes()], before);
  while (give('thin', 100) > 0);
  while (give('drop', 100) > 0);
  t.equal(rig.blocks.classBytes().standard, 0);
  t.same(findingsIn(rig.dir), []);
});

t.test('the check of a store finds a merged pack that is not what it was made of', async (t) => {
  const rig = filled(t, 2 * WINDOW + 1);
  mergerOf(rig).runRound();
  t.same(findingsIn(rig.dir), []);
  // The digests of other samples: those of the window after, under the key of the one before.
  change(
    rig,
    `UPDATE merged SET parts = (SELECT parts FROM merged AS other WHERE other.roster = merged.roster
       AND other.ordinal > merged.ordinal ORDER BY ordinal LIMIT 1)
     WHERE ordinal = (SELECT MIN(ordinal) FROM merged)`,
  );
  t.match(findingsIn(rig.dir)[0], /merged pack .*: it does not have what stood at position \d+/);
  change(rig, `UPDATE merged SET parts = x'0100' WHERE ordinal = (SELECT MIN(ordinal) FROM merged)`);
  t.match(findingsIn(rig.dir)[0], /merged pack .*: PARTS/);
});

t.test('a pack that is damaged stays, with those of its window, and costs the others nothing', async (t) => {
  const rig = filled(t, 3 * WINDOW + 1);
  const expected = samplesIn(rig.dir);
  const position = ask<number>(rig, 'SELECT position FROM packs ORDER BY position LIMIT 1 OFFSET 2');
  const bytes = ask<Buffer>(rig, `SELECT bytes FROM packs WHERE position = ${position}`);
  change(rig, 'UPDATE packs SET bytes = zeroblob(size) WHERE position = ?', position);
  const merger = mergerOf(rig);
  merger.runRound();
  t.match(rig.problems, [/packs \d+ to \d+ of the feed stay as they are and are not merged/]);
  t.ok(merger.status().into > 0);
  change(rig, 'UPDATE packs SET bytes = ? WHERE position = ?', bytes, position);
  t.equal(samplesIn(rig.dir), expected);
  t.same(findingsIn(rig.dir), []);
});
