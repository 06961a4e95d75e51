import t, { type Test } from 'tap';
import type { ChannelClass } from '../../../gateway/channel.ts';
import { StoreRig } from './store-rig.ts';

/** A store with packs of one channel of each class, `packs` of each, kept in turn. */
function filled(t: Test, packs: number): StoreRig {
  const rig = new StoreRig(['a critical', 'b standard', 'c bulk']);
  t.teardown(() => rig.dispose());
  fill(rig, packs);
  return rig;
}

function fill(rig: StoreRig, packs: number, from = 0): void {
  for (let pack = from; pack < from + packs; pack += 1) {
    for (let i = 0; i < 100; i += 1) {
      for (const channel of [1, 2, 3]) rig.ring.writeSample(channel, 1e6 * (pack * 100 + i), Math.sin(pack * i));
    }
    rig.commit();
    rig.sealAll();
  }
}

function give(
  rig: StoreRig,
  packClass: ChannelClass,
  act: 'thin' | 'drop',
  packs: number,
  cause = 'retention',
): number {
  return rig.blocks.transaction(() => rig.blocks.giveUp(packClass, act, cause, (_, done) => done.packs < packs));
}

const TAKEN = { boot: 1, next: 2000 };

t.test('what is thinned counts as lost, and what the index says of it stays', async (t) => {
  const rig = filled(t, 20);
  const bytes = rig.blocks.classBytes();
  t.equal(give(rig, 'bulk', 'thin', 5), 5);
  t.same(rig.blocks.accounts(), [
    { channel: 1, ...TAKEN, kept: 2000, lost: 0 },
    { channel: 2, ...TAKEN, kept: 2000, lost: 0 },
    { channel: 3, ...TAKEN, kept: 1500, lost: 500 },
  ]);
  t.equal(rig.blocks.overlapping(3, 0, 1e15).length, 20);
  t.equal(rig.blocks.thinned(3, 0, 1e15).length, 5);
  t.same(new Set(rig.blocks.thinned(3, 0, 1e15).map(({ thinned }) => thinned)), new Set(['retention']));
  t.equal(rig.blocks.classBytes().standard, bytes.standard);
  t.ok(rig.blocks.classBytes().bulk < bytes.bulk);
});

t.test('what is dropped is one gap a cause, and its numbers are not given out again', async (t) => {
  const rig = filled(t, 20);
  give(rig, 'bulk', 'thin', 5);
  give(rig, 'bulk', 'thin', 15, 'disk-full');
  t.equal(give(rig, 'bulk', 'drop', 20), 20);
  t.equal(give(rig, 'bulk', 'drop', 20), 0);
  t.equal(give(rig, 'bulk', 'thin', 20), 0);
  t.same(rig.blocks.accounts()[2], { channel: 3, ...TAKEN, kept: 0, lost: 2000 });
  t.same(rig.blocks.overlapping(3, 0, 1e15), []);
  t.same(rig.blocks.gaps(3, 0, 1e15), [
    { channel: 3, boot: 1, firstSequence: 0, count: 500, from: 0, to: 499e6, cause: 'retention' },
    { channel: 3, boot: 1, firstSequence: 500, count: 1500, from: 500e6, to: 1999e6, cause: 'disk-full' },
  ]);
  t.equal(rig.blocks.classBytes().bulk, 0);
  rig.restartThread();
  fill(rig, 1, 20);
  t.same(rig.blocks.accounts()[2], { channel: 3, boot: 1, next: 2100, kept: 100, lost: 2000 });
  rig.restartProcess();
  t.match(
    rig.blocks.gaps(3, 2099e6, 1e15).filter(({ cause }) => cause === 'unclean-stop'),
    [{ firstSequence: 2100, count: 0 }],
  );
});

t.test('the stretch between two boots is told though everything of the first was dropped', async (t) => {
  const rig = filled(t, 3);
  give(rig, 'bulk', 'thin', 3);
  give(rig, 'bulk', 'drop', 3);
  rig.restartProcess();
  t.match(
    rig.blocks.gaps(3, 299e6, 1e15).filter(({ count }) => count === 0),
    [{ boot: 1, firstSequence: 300, cause: 'unclean-stop' }],
  );
});

t.test('the oldest goes first, and after a restart giving up goes on where it was', async (t) => {
  const rig = filled(t, 20);
  const positions: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    rig.blocks.transaction(() =>
      rig.blocks.giveUp('standard', 'thin', 'retention', (pack, { packs }) => {
        if (packs < 5) positions.push(pack.position);
        return packs < 5;
      }),
    );
    rig.restartThread();
  }
  t.equal(positions.length, 20);
  t.same(
    positions,
    [...positions].sort((a, b) => a - b),
  );
  t.equal(rig.blocks.oldestPack('standard', 'whole'), undefined);
  t.equal(rig.blocks.oldestPack('standard', 'thinned')?.position, positions[0]);
  t.ok(rig.blocks.oldestPack('critical', 'whole'));
  fill(rig, 1, 20);
  t.ok((rig.blocks.oldestPack('standard', 'whole')?.position ?? 0) > (positions.at(-1) ?? 0));
});

t.test('a step that fails in the middle changes nothing', async (t) => {
  const rig = filled(t, 20);
  const before = [rig.blocks.accounts(), rig.blocks.classBytes(), rig.blocks.oldestPack('bulk', 'whole')];
  t.throws(() =>
    rig.blocks.transaction(() =>
      rig.blocks.giveUp('bulk', 'thin', 'retention', (_, { packs }) => {
        if (packs === 3) throw new Error('cut');
        return true;
      }),
    ),
  );
  t.same([rig.blocks.accounts(), rig.blocks.classBytes(), rig.blocks.oldestPack('bulk', 'whole')], before);
  t.equal(give(rig, 'bulk', 'thin', 20), 20);
});

t.test('freed pages are used again, and given back when asked for', async (t) => {
  const rig = filled(t, 60);
  for (const name of ['bulk', 'standard'] as const) {
    give(rig, name, 'thin', 60);
    give(rig, name, 'drop', 60);
  }
  const { used, free } = rig.blocks.pageBytes();
  t.ok(free > 0);
  fill(rig, 5, 60);
  t.equal(rig.blocks.pageBytes().used + rig.blocks.pageBytes().free, used + free, 'the file did not grow');
  while (rig.blocks.pageBytes().free > 0) rig.blocks.vacuum(8);
  t.ok(rig.blocks.pageBytes().used < used + free);
});

t.test('a loss that goes on is one gap, which followers of journal and feed hear of again', async (t) => {
  const rig = new StoreRig(['a']);
  t.teardown(() => rig.dispose());
  const telemetry = rig.telemetry();
  t.teardown(() => telemetry.close());
  for (let minute = 0; minute < 5; minute += 1) {
    rig.ring.writeLoss(1, minute * 60e6, minute * 60e6 + 59e6, 100, 'disk-full');
    rig.commit();
    t.match(telemetry.ledger(), [{ taken: 100 * (minute + 1), lost: 100 * (minute + 1) }], 'from the journal');
    rig.sealAll();
    t.match(telemetry.ledger(), [{ taken: 100 * (minute + 1), lost: 100 * (minute + 1) }], 'from the ledger');
  }
  t.match(telemetry.gaps(1, 0, 1e15), [{ firstSequence: 0, count: 500, from: 0, to: 299e6, cause: 'disk-full' }]);
  t.equal(rig.blocks.feed(0, 100, 1e6).filter(({ kind }) => kind === 'gap').length, 1);
  rig.ring.writeLoss(1, 400e6, 401e6, 1, 'ring-full');
  rig.commit();
  rig.sealAll();
  t.match(rig.blocks.gaps(1, 0, 1e15), [{ count: 500 }, { firstSequence: 500, count: 1, cause: 'ring-full' }]);
  rig.restartThread();
  t.equal(rig.blocks.gaps(1, 0, 1e15).length, 2, 'found in the journal again, they are there');
});

t.test('a follower that comes late hears of what was given up, and of what is left', async (t) => {
  const rig = filled(t, 4);
  give(rig, 'bulk', 'thin', 2);
  give(rig, 'standard', 'thin', 1, 'disk-full');
  const items = rig.blocks.feed(0, 1000, 1e9);
  t.equal(items.filter(({ kind }) => kind === 'pack').length, 9);
  const givenUp = items.flatMap((item) => (item.kind === 'given-up' ? item.gaps : []));
  t.same(
    givenUp.map(({ channel, firstSequence, count, cause }) => `${channel} ${firstSequence}+${count} ${cause}`).sort(),
    ['b_standard 0+100 disk-full', 'c_bulk 0+100 retention', 'c_bulk 100+100 retention'],
  );
  const positions = items.map(({ position }) => position);
  t.same(
    positions,
    [...positions].sort((a, b) => a - b),
  );
});

t.test('a follower does not count twice what was sealed and given up between two of its looks', async (t) => {
  const rig = filled(t, 2);
  for (let i = 0; i < 100; i += 1) rig.ring.writeSample(3, 1e9 + i, i);
  rig.commit();
  const telemetry = rig.telemetry();
  t.teardown(() => telemetry.close());
  const bulk = () => telemetry.ledger().filter(({ channel }) => channel === 3);
  t.match(bulk(), [{ taken: 300, kept: 300, lost: 0 }]);
  rig.sealAll();
  give(rig, 'bulk', 'thin', 3);
  give(rig, 'bulk', 'drop', 3);
  t.match(bulk(), [{ taken: 300, kept: 0, lost: 300 }]);
  t.same([...telemetry.raw(3, 0, 1e15)], []);
});

t.test('the position of the newest pack is not given out again when that pack was dropped', async (t) => {
  const rig = filled(t, 3);
  const last = rig.blocks.lastPackPosition();
  for (const packClass of ['critical', 'standard', 'bulk'] as const) {
    give(rig, packClass, 'thin', 3);
    give(rig, packClass, 'drop', 3);
  }
  t.equal(rig.blocks.lastPackPosition(), 0);
  rig.restartThread();
  fill(rig, 1, 3);
  const positions = rig.blocks.feed(last, 100, 1e9).flatMap((item) => (item.kind === 'pack' ? [item.position] : []));
  t.ok(positions.length > 0, 'a central whose cursor is behind what was dropped gets what came after');
});
