import t from 'tap';
import { OpenedPacks } from '../../../gateway/query/opened-packs.ts';
import { PixelGrid, Stretches } from '../../../gateway/query/pixel-grid.ts';
import type { Extent } from '../../../gateway/store/block-rows.ts';
import { encodePack } from '../../../gateway/store/pack/encode-pack.ts';
import { HEADER, TIME } from '../store/block/samples.ts';

const COUNT = 1000;

/** A pack of two channels with the times of one frame; packs of greater positions have greater sequence numbers. */
function packAt(position: number): Uint8Array {
  const times = Float64Array.from({ length: COUNT }, (_, i) => TIME + i * 10_000 + ((i * 7919) % 50));
  const values = times.map((_, i) => (i * 31) % 256);
  return encodePack(
    HEADER,
    ['a', 'b'].map((channel) => ({ channel, type: 'number', firstSequence: position * COUNT, times, values })),
  );
}

function extentOf(position: number): Extent {
  return {
    ...{ roster: 1, member: 0, level: 0, ordinal: position, firstPosition: position, lastPosition: position },
    ...{ boot: 1, stamp: 'arrival', thinned: undefined, node: undefined, block: 0 },
    ...{ firstSequence: position * COUNT, endSequence: (position + 1) * COUNT, count: COUNT },
    ...{ timeMin: TIME, timeMax: TIME + COUNT * 10_000 },
  };
}

/** Packs as a store has them, and the positions that were read, in order. */
function source() {
  const read: number[] = [];
  const moved = new Map<number, number>();
  const packBytes = (position: number) => {
    read.push(position);
    return packAt(moved.get(position) ?? position);
  };
  return { read, moved, packBytes, channelOf: () => 'a' };
}

const BYTES = packAt(1).length;

t.test('packs used last stay open, as many as their bytes allow', async (t) => {
  const packs = source();
  const opened = new OpenedPacks(packs, 3 * BYTES + 100);
  const use = (...positions: number[]) => {
    for (const position of positions)
      opened.open(extentOf(position))?.pack.fold(0, { count: 1, ends: Uint32Array.of(COUNT) });
    return packs.read.splice(0);
  };
  t.same(use(1, 2, 3, 1, 2, 3), [1, 2, 3]);
  t.same(use(1, 4), [4], 'the one that was used longest ago goes');
  t.same(use(1, 3, 4), [], 'and no other');
  t.same(use(2), [2]);
});

t.test('what is decoded and kept of a pack counts as its bytes do', async (t) => {
  const packs = source();
  const opened = new OpenedPacks(packs, 3 * BYTES + 8 * COUNT + 100);
  for (const position of [1, 2, 3]) opened.open(extentOf(position))?.pack.samples(0);
  t.same(packs.read.splice(0), [1, 2, 3]);
  opened.open(extentOf(3))?.pack.samples(1);
  t.same(packs.read.splice(0), [], 'the newest is open');
  opened.open(extentOf(1))?.pack.samples(1);
  t.same(packs.read.splice(0), [1], 'times of three packs were too much');
});

t.test('a pack that another took the place of is opened anew', async (t) => {
  const packs = source();
  const opened = new OpenedPacks(packs, 10 * BYTES);
  const sequence = (extent: Extent) => opened.open(extent)?.pack.blocks[0]?.firstSequence;
  t.equal(sequence(extentOf(1)), COUNT);
  packs.moved.set(1, 5);
  t.equal(sequence({ ...extentOf(5), firstPosition: 1 }), 5 * COUNT);
  t.equal(sequence(extentOf(1)), undefined, 'what was there before is not there any more');
});

t.test('stretches are those of the chart that is asked for, however often charts change', async (t) => {
  const opened = new OpenedPacks(source(), 10 * BYTES);
  const room = new Stretches();
  const grids = [10, 20, 10].map((pixels) => new PixelGrid(TIME, TIME + COUNT * 10_000, pixels));
  for (const grid of [...grids, ...grids]) {
    for (const [shift, pixels] of [
      [0, grid.pixels],
      [COUNT * 5000, grid.pixels / 2 + 1],
    ] as const) {
      const stretches = opened.open(extentOf(1))?.stretches(0, grid, shift, room);
      t.equal(stretches?.count, pixels);
    }
  }
});
