import fc from 'fast-check';
import t from 'tap';
import { ChannelThinning, KeptRun, RELEASED_MAX } from '../../../collectors/shaping/channel-thinning.ts';
import type { KeepRule } from '../../../collectors/shaping/shaping-config.ts';

type Pair = readonly [time: number, value: number];

/** What is kept of samples at whole milliseconds, in the same unit. */
function keptOf(rule: Omit<KeepRule, 'channels'>, samples: readonly Pair[]): Pair[] {
  const thinning = new ChannelThinning({ channels: '**', ...rule });
  const kept = new KeptRun(samples.length + RELEASED_MAX);
  for (const [ms, value] of samples) thinning.offer(ms * 1e3, value, kept);
  thinning.release(kept);
  return Array.from({ length: kept.count }, (_, i) => [(kept.times[i] ?? 0) / 1e3, kept.values[i] ?? 0]);
}

const ramp: Pair[] = Array.from({ length: 10 }, (_, i) => [i * 10, i]);

const cases: [
  behaviour: string,
  rule: Omit<KeepRule, 'channels'>,
  samples: readonly Pair[],
  kept: readonly number[],
][] = [
  ['of three samples the first is kept', { every: 3 }, ramp, [0, 3, 6, 9]],
  ['50 Hz of 100', { rateHzMax: 50 }, ramp, [0, 2, 4, 6, 8]],
  ['a slower source is kept whole', { rateHzMax: 200 }, ramp, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
  [
    'jitter costs no more than the limit says',
    { rateHzMax: 50 },
    ramp.map(([at, value]) => [at + (value % 2 === 0 ? 0 : -0.2), value] as Pair).map(([at, v]) => [at * 0.99, v]),
    [0, 3, 5, 7, 9],
  ],
  [
    'a clock that is set back begins anew',
    { rateHzMax: 50 },
    [
      [1000, 0],
      [1001, 1],
      [200, 2],
      [201, 3],
      [220, 4],
    ],
    [0, 2, 4],
  ],
  [
    'what moves within the deadband is left out, also in many small steps that end where they began',
    { deadband: 1 },
    [
      [0, 0],
      [1, 1],
      [2, -1],
      [3, 1.5],
      [4, 2.5],
      [5, 0.4],
    ],
    [0, 1.5, 0.4],
  ],
  [
    'a deadband of nothing keeps every change, that to NaN once',
    { deadband: 0 },
    [
      [0, 1],
      [1, 1],
      [2, Number.NaN],
      [3, Number.NaN],
      [4, 1],
    ],
    [1, Number.NaN, 1],
  ],
  [
    'a heartbeat keeps what does not change',
    { deadband: 5, heartbeatS: 0.03 },
    ramp.map(([at]) => [at, 7]),
    [7, 7, 7, 7],
  ],
  [
    'least and greatest of each stretch, in their order',
    { minMaxMs: 40 },
    [
      [0, 5],
      [10, 9],
      [20, 1],
      [30, 5],
      [40, 3],
      [50, 2],
      [60, 4],
      [80, 8],
    ],
    [9, 1, 2, 4, 8],
  ],
  [
    'a NaN is no extreme, and is kept in its place',
    { minMaxMs: 100 },
    [
      [0, 1],
      [10, Number.NaN],
      [20, 3],
    ],
    [1, Number.NaN, 3],
  ],
];
for (const [behaviour, rule, samples, kept] of cases) {
  t.test(`${JSON.stringify(rule)}: ${behaviour}`, async (t) => {
    t.same(
      keptOf(rule, samples).map(([, value]) => value),
      kept,
    );
  });
}

t.test('a chart of extremes is that of all samples, at two samples a stretch', async () => {
  const steps = fc.array(fc.record({ step: fc.integer({ min: 0, max: 30 }), value: fc.integer({ min: -9, max: 9 }) }));
  fc.assert(
    fc.property(steps, (steps) => {
      let time = 0;
      const samples = steps.map(({ step, value }): Pair => {
        time += step;
        return [time, value];
      });
      const kept = keptOf({ minMaxMs: 50 }, samples);
      const extremes = (pairs: readonly Pair[]) => {
        const stretches = new Map<number, { least: number; greatest: number; count: number }>();
        for (const [at, value] of pairs) {
          const known = stretches.get(Math.floor(at / 50)) ?? { least: value, greatest: value, count: 0 };
          const [least, greatest] = [Math.min(known.least, value), Math.max(known.greatest, value)];
          stretches.set(Math.floor(at / 50), { least, greatest, count: known.count + 1 });
        }
        return stretches;
      };
      const [all, few] = [extremes(samples), extremes(kept)];
      for (const [stretch, { least, greatest }] of all) {
        const met = few.get(stretch);
        if (met?.least !== least || met.greatest !== greatest || met.count > 2) return false;
      }
      return kept.every(([at], i) => i === 0 || at >= (kept[i - 1]?.[0] ?? 0));
    }),
  );
});

t.test('a text is kept where it changes', async (t) => {
  const thinning = new ChannelThinning({ channels: '**', deadband: 0, heartbeatS: 1 });
  const texts: [time: number, text: string][] = [
    [0, 'a'],
    [1, 'a'],
    [2, 'b'],
    [3, 'a'],
    [1e6 + 3, 'a'],
  ];
  t.same(
    texts.filter(([time, text]) => thinning.offerText(time, text)).map(([time]) => time),
    [0, 2, 3, 1e6 + 3],
  );
});
