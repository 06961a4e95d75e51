import fc from 'fast-check';
import t from 'tap';
import { PACK_BYTES_MAX } from '../../../../gateway/limits.ts';
import { describePack } from '../../../../gateway/store/pack/describe-pack.ts';
import { encodePack, type PackBlock } from '../../../../gateway/store/pack/encode-pack.ts';
import { Pack } from '../../../../gateway/store/pack/pack.ts';
import { anyBlock, HEADER, sameSamples, TIME } from '../block/samples.ts';

function frame(names: readonly string[], count: number): PackBlock[] {
  const times = Float64Array.from({ length: count }, (_, i) => TIME + i * 10_000 + ((i * 7919) % 50));
  return names.map((channel, k) => ({
    ...{ channel, type: 'number' as const, firstSequence: 100 * k },
    times: times.slice(),
    values: Float64Array.from({ length: count }, (_, i) => ((i * (k + 3) * 7919) % 10_007) / 100),
  }));
}

t.test('gives back any mix of blocks, in their order, bit for bit', async () => {
  fc.assert(
    fc.property(fc.array(anyBlock, { minLength: 1, maxLength: 12 }), (parts) => {
      const blocks = parts.map(({ header, samples }, i) => ({ ...header, ...samples, channel: `c${i % 3}/${i}` }));
      const pack = Pack.open(encodePack(HEADER, blocks));
      return pack.blocks.every((block, i) => {
        const { channel, type, times, values } = blocks[i] as PackBlock;
        return block.channel === channel && block.type === type && sameSamples(pack.samples(i), { times, values });
      });
    }),
    { numRuns: 100 },
  );
});

t.test('writes the times of a frame once, and reads them once', async (t) => {
  const bytes = encodePack(HEADER, frame(['a', 'b', 'c', 'd'], 1000));
  t.equal(describePack(bytes).times.length, 1);
  const pack = Pack.open(bytes);
  t.equal(pack.samples(0).times, pack.samples(3).times);
});

t.test('times that ascend on a grid are understood once, and what is held of them is counted', async (t) => {
  const blocks = frame(['a'], 3000).map((block) => ({
    ...block,
    // Noise, of which zstd makes nothing.
    times: block.times.map(
      (_, i) => TIME + i * 10_000 + Math.round(((Math.sin(i + 1) * 1e6) % 1) * 63) + (i % 500 === 250 ? 3000 : 0),
    ),
  }));
  const pack = Pack.open(encodePack(HEADER, blocks));
  const opened = pack.weight;
  const told = pack.ascendingTimes(0);
  t.same(
    Float64Array.from({ length: 3000 }, (_, i) => told?.at(i) ?? 0),
    blocks[0]?.times,
  );
  t.ok(pack.weight > opened, 'six late ones are held');
  const held = pack.weight;
  pack.look(0, new Float64Array(4096));
  t.equal(pack.ascendingTimes(0), told);
  t.equal(pack.weight, held);
});

t.test('tells the times of frames that are late together by those of one of them', async (t) => {
  const late = (i: number) => ((i * i * 7919) % 40_009) / 4;
  const frames = (count: number, jitter: number) =>
    frame(
      Array.from({ length: count }, (_, k) => `track ${k}`),
      1200,
    ).map((block, k) => ({
      ...block,
      times: block.times.map((_, i) =>
        Math.round(TIME + i * 50_000 + late(i) + k * 240 + ((i * 31 * (k + 1)) % jitter)),
      ),
    }));
  const blocks = frames(9, 12);
  const bytes = encodePack(HEADER, blocks);
  const { times } = describePack(bytes);
  t.same(times.map(({ encoding }) => encoding).slice(0, 2), ['integers', 'relative']);
  t.ok(times.filter(({ encoding }) => encoding === 'relative').length >= 7);
  const [alone = 0, related = 0] = times.map(({ contentBytes }) => contentBytes);
  t.ok(related < 0.5 * alone, `${related} bytes in place of ${alone}`);
  for (const order of [(i: number) => i, (i: number) => 8 - i]) {
    const pack = Pack.open(bytes);
    for (let i = 0; i < 9; i += 1) {
      const block = order(i);
      t.ok(sameSamples(pack.samples(block), blocks[block] as PackBlock), `block ${block}`);
    }
  }
  const alike = frames(2, 12).map((block, k) =>
    k === 0 ? block : { ...block, times: block.times.map((t, i) => t + ((i * i * 104_729) % 60_013)) },
  );
  const apart = describePack(encodePack(HEADER, alike));
  t.same(
    apart.times.map(({ encoding }) => encoding),
    ['integers', 'integers'],
    'where it does not pay, each stands alone',
  );
});

t.test('gives back blocks of related times, bit for bit', async () => {
  const related = fc.record({
    lateness: fc.array(fc.nat(20_000), { minLength: 1, maxLength: 200 }),
    frames: fc.array(
      fc.record({
        skip: fc.nat(3),
        cut: fc.nat(3),
        apart: fc.integer({ min: -60_000, max: 60_000 }),
        jitter: fc.oneof(fc.constant(1), fc.nat(30), fc.constant(2 ** 40)),
      }),
      { minLength: 2, maxLength: 8 },
    ),
  });
  fc.assert(
    fc.property(related, ({ lateness, frames }) => {
      const blocks = frames.map(({ skip, cut, apart, jitter }, k): PackBlock => {
        const all = lateness.map((late, i) => TIME + i * 50_000 + late + apart + ((i * 7919 * (k + 1)) % (jitter + 1)));
        const times = Float64Array.from(all.slice(skip, Math.max(skip + 1, all.length - cut)));
        const count = Math.max(1, times.length);
        const some = times.length === 0 ? Float64Array.of(TIME) : times;
        const values = Float64Array.from({ length: count }, (_, i) => i);
        return { channel: `c${k}`, type: 'number', firstSequence: 0, times: some, values };
      });
      const pack = Pack.open(encodePack(HEADER, blocks));
      return blocks.every((block, i) => sameSamples(pack.samples(i), block));
    }),
    { numRuns: 300 },
  );
});

t.test(
  'lets large columns stand alone, so that a block is read without the others, and small ones share',
  async (t) => {
    const large = describePack(encodePack(HEADER, frame(['a', 'b', 'c'], 4096)));
    t.same(
      large.sections.map(({ columns }) => columns),
      [1, 1, 1, 1],
    );
    const slow = describePack(encodePack(HEADER, frame(['a', 'b', 'c'], 60)));
    t.same(
      slow.sections.map(({ columns }) => columns),
      [4],
    );
  },
);

t.test('refuses bytes beyond the most that a pack has, and blocks of one channel twice', async (t) => {
  t.throws(() => Pack.open(new Uint8Array(PACK_BYTES_MAX + 1)), { code: 'block-invalid', message: /^PACK-1\.5: / });
  t.throws(() => encodePack(HEADER, frame(['a', 'a'], 4)), { code: 'block-invalid', message: /^PACK-5\.1: / });
  t.throws(() => encodePack(HEADER, []), { code: 'block-invalid', message: /^PACK-3\.6: / });
});
