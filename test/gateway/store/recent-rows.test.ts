import t from 'tap';
import { BlockReader } from '../../../gateway/store/block-reader.ts';
import { encodePack } from '../../../gateway/store/pack/encode-pack.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { StoreRig } from './store-rig.ts';

function seal(rig: StoreRig, channel: number, time: number): void {
  rig.ring.writeSample(channel, time, time);
  rig.commit();
  rig.sealAll();
}

function timesIn(blocks: BlockReader, channel: number): number[] {
  return blocks.overlapping(channel, 0, 1e9).map(({ timeMin }) => timeMin);
}

t.test('what comes after a snapshot is seen, and what comes while it lasts is not', async (t) => {
  const rig = new StoreRig(['a']);
  const reader = BlockReader.openReadonly(storePaths(rig.dir).blocks);
  seal(rig, 1, 10);
  reader.snapshot(() => {
    seal(rig, 1, 20);
    t.same(timesIn(reader, 1), [10]);
  });
  t.same(timesIn(reader, 1), [10, 20]);
  seal(rig, 1, 30);
  t.same(timesIn(reader, 1), [10, 20, 30]);
  reader.close();
  rig.dispose();
});

t.test('a pack that comes after one that was given up is seen by a reader that saw the first', async (t) => {
  const rig = new StoreRig(['a', 'b bulk']);
  const reader = BlockReader.openReadonly(storePaths(rig.dir).blocks);
  seal(rig, 1, 10);
  t.same(timesIn(reader, 1), [10]);
  const { position } = rig.blocks.overlapping(1, 0, 1e9).map((each) => ({ position: each.firstPosition }))[0] ?? {};
  rig.blocks.transaction(() => {
    for (const act of ['thin', 'drop'] as const) rig.blocks.giveUp('standard', act, 'test', () => true);
  });
  rig.restartThread();
  seal(rig, 2, 20);
  t.not(rig.blocks.overlapping(2, 0, 1e9)[0]?.firstPosition, position);
  t.same(timesIn(reader, 1), []);
  t.same(timesIn(reader, 2), [20]);
  reader.close();
  rig.dispose();
});

t.test('what a transaction kept that failed is forgotten', async (t) => {
  const rig = new StoreRig(['a', 'b', 'c']);
  seal(rig, 1, 10);
  const [boot = { id: 0, boot: '' }] = rig.blocks.boots();
  const keep = (name: string, channel: number, time: number) => {
    const [times, values] = [Float64Array.of(time), Float64Array.of(1)];
    const header = { gateway: 'rig', boot: boot.boot, stamp: 'arrival', clockSource: 'none', clockErrorUs: 1 } as const;
    const bytes = encodePack(header, [{ channel: name, type: 'number', firstSequence: 0, times, values }]);
    const block = { channel, firstSequence: 0, count: 1, timeMin: time, timeMax: time, node: undefined };
    rig.blocks.keepPack({ boot: boot.id, stamp: 'arrival', class: 'standard', blocks: [block], bytes });
  };
  t.throws(
    () =>
      rig.blocks.transaction(() => {
        keep('b', 2, 20);
        t.same(timesIn(rig.blocks, 2), [20]);
        throw new Error('it fails');
      }),
    /it fails/,
  );
  rig.blocks.transaction(() => keep('c', 3, 30));
  t.same([timesIn(rig.blocks, 2), timesIn(rig.blocks, 3)], [[], [30]]);
  rig.dispose();
});
