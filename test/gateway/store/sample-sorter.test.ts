import fc from 'fast-check';
import t from 'tap';
import type { SampleColumns } from '../../../gateway/ring.ts';
import { SampleSorter } from '../../../gateway/store/sample-sorter.ts';

interface Sample {
  readonly channel: number;
  readonly time: number;
  readonly value: number;
}

function columnsOf(samples: readonly Sample[]): SampleColumns {
  return {
    channels: Uint32Array.from(samples, ({ channel }) => channel),
    times: Float64Array.from(samples, ({ time }) => time),
    values: Float64Array.from(samples, ({ value }) => value),
  };
}

function sorted(sorter: SampleSorter): Sample[] {
  const samples: Sample[] = [];
  sorter.deliver((channel, times, values, from, to) => {
    for (let i = from; i < to; i += 1) samples.push({ channel, time: times[i] as number, value: values[i] as number });
  });
  return samples;
}

const sample: fc.Arbitrary<Sample> = fc.record({
  channel: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 5000 })),
  time: fc.integer(),
  value: fc.double(),
});

t.test('gives the samples of each channel as they came, the channels in order, again and again', async (t) => {
  const sorter = new SampleSorter();
  fc.assert(
    fc.property(fc.array(fc.array(sample, { maxLength: 60 }), { maxLength: 4 }), (stretches) => {
      for (const stretch of stretches) {
        // Only what is between the bounds counts.
        const around = { channel: 1, time: -1, value: -1 };
        sorter.add(columnsOf([around, ...stretch, around]), 1, stretch.length + 1);
      }
      const all = stretches.flat();
      for (const { channel } of all) t.ok(sorter.has(channel));
      t.same(
        sorted(sorter),
        all.sort((a, b) => a.channel - b.channel),
      );
      t.same(sorted(sorter), [], 'and each once');
      for (const { channel } of all) t.notOk(sorter.has(channel));
    }),
  );
});

t.test('takes memory for as many channels and samples as come', async (t) => {
  const sorter = new SampleSorter();
  const samples = Array.from({ length: 20_000 }, (_, i) => ({ channel: 200_000 - i, time: i, value: -i }));
  sorter.add(columnsOf(samples), 0, samples.length);
  t.notOk(sorter.has(300_000));
  t.same(sorted(sorter), samples.toReversed());
});
