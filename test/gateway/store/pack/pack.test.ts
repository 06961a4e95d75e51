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
