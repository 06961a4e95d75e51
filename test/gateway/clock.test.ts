import fc from 'fast-check';
import t from 'tap';
import { BoxClock, type ClockReading, monotonicUs, UtcMap } from '../../gateway/clock.ts';
import { ClockKeeper, firstReading, systemClockSource } from '../../gateway/clock-keeper.ts';

const WEEK = 7 * 86_400e6;

t.test(
  'box time begins at the wall clock, or after the last stored sample when the wall clock is behind',
  async (t) => {
    t.equal(BoxClock.startingAt(1000, 10).time, 1000);
    t.equal(BoxClock.startingAt(1000, 5000).time, 5001);
  },
);

t.test('box time never goes back and is the same in every thread', async (t) => {
  const origin = { time: 1e15, monotonic: monotonicUs() };
  const [one, other] = [new BoxClock(origin), new BoxClock(origin)];
  let last = one.now();
  for (let i = 0; i < 10_000; i += 1) {
    const now = one.now();
    t.ok(now >= last && Number.isSafeInteger(now)) || t.bailout('box time went back');
    last = now;
  }
  t.ok(Math.abs(other.now() - one.now()) < 5000);
});

t.test('samples taken before a better clock was known land where that clock says', async (t) => {
  const map = new UtcMap([
    { time: 0, offset: 0, error: Number.POSITIVE_INFINITY, source: 'none' },
    { time: 1000, offset: 50, error: 10, source: 'gnss' },
    { time: 2000, offset: 60, error: 10, source: 'gnss' },
  ]);
  t.equal(map.offsetAt(5), 50, 'an hour without fix, mapped by the first fix');
  t.equal(map.offsetAt(1500), 50);
  t.equal(map.offsetAt(2500), 60);
  t.same(map.span(), { least: 50, greatest: 60 });
  t.same(map.span(0, 1500), { least: 50, greatest: 50 });
  t.equal(new UtcMap([]).offsetAt(7), 0);
});

t.test('the span of a range holds every offset in it', async () => {
  const reading = fc.record({
    time: fc.integer({ min: 0, max: 100 }),
    offset: fc.integer({ min: -50, max: 50 }),
    error: fc.constant(1),
    source: fc.constant('ntp' as const),
  });
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 6 }), fc.nat(120), fc.nat(120), (readings, a, b) => {
      const map = new UtcMap(readings);
      const { least, greatest } = map.span(Math.min(a, b), Math.max(a, b));
      for (let time = Math.min(a, b); time <= Math.max(a, b); time += 1) {
        const offset = map.offsetAt(time);
        if (offset < least || offset > greatest) return false;
      }
      return true;
    }),
  );
});

const cases: { name: string; readings: ClockReading[]; kept: number[] }[] = [
  {
    name: 'a better clock adds a row',
    readings: [{ time: 10, offset: 500, error: 100_000, source: 'gnss' }],
    kept: [500],
  },
  {
    name: 'a worse clock of another kind does not',
    readings: [
      { time: 10, offset: 500, error: 50_000, source: 'ntp' },
      { time: 20, offset: 90_000, error: 100_000, source: 'gnss' },
    ],
    kept: [500],
  },
  {
    name: 'the same clock adds a row for a step, not for noise',
    readings: [
      { time: 10, offset: 500, error: 50_000, source: 'ntp' },
      { time: 20, offset: 700, error: 50_000, source: 'ntp' },
      { time: 30, offset: -2 * WEEK, error: 50_000, source: 'ntp' },
    ],
    kept: [500, -2 * WEEK],
  },
  {
    name: 'hours of noise within its bound add no row',
    readings: Array.from({ length: 3600 }, (_, i) => ({
      time: i * 1e6,
      offset: (i * 7919) % 100_000,
      error: 300_000,
      source: 'gnss' as const,
    })),
    kept: [0],
  },
  {
    name: 'a far better reading of the same clock adds a row',
    readings: [
      { time: 10, offset: 500, error: 1_000_000, source: 'gnss' },
      { time: 20, offset: 510, error: 30, source: 'gnss' },
      { time: 30, offset: 520, error: 25, source: 'gnss' },
    ],
    kept: [500, 510],
  },
];

for (const { name, readings, kept } of cases) {
  t.test(name, async (t) => {
    const rows: number[] = [];
    const first: ClockReading = { time: 0, offset: 0, error: 2_000_000, source: 'rtc' };
    const keeper = new ClockKeeper(first, (row) => rows.push(row.offset));
    for (const reading of readings) keeper.observe(reading);
    t.same(rows, kept);
    t.equal(keeper.offsetUs, kept.at(-1));
  });
}

t.test('times are read by the clock with the least bound, as the keeper of the clock believes', async (t) => {
  const readings: ClockReading[] = [
    { time: 0, offset: 0, error: 2_000_000, source: 'rtc' },
    { time: 10, offset: 100, error: 300_000, source: 'gnss' },
    { time: 20, offset: 200, error: 50_000, source: 'ntp' },
  ];
  const [first, ...later] = readings as [ClockReading, ...ClockReading[]];
  const rows = [first];
  const keeper = new ClockKeeper(first, (row) => rows.push(row));
  for (const reading of later) keeper.observe(reading);
  t.equal(keeper.source, 'ntp');
  t.equal(new UtcMap(rows).offsetAt(30), keeper.offsetUs);
  t.equal(new UtcMap(rows).offsetAt(0), keeper.offsetUs);
});

for (const { name, wallUs, source, kept } of [
  { name: 'two weeks back, kept by the network', wallUs: -2 * WEEK, source: 'ntp', kept: [-2 * WEEK] },
  { name: 'to 1970, kept by nothing', wallUs: -1e15, source: 'rtc', kept: [] },
  { name: 'an hour ahead after sleep', wallUs: 3600e6, source: 'rtc', kept: [3600e6] },
] as const) {
  t.test(`a step of the system's clock: ${name}`, async (t) => {
    const clock = new BoxClock({ time: 2e15, monotonic: monotonicUs() });
    const rows: number[] = [];
    const first: ClockReading = { time: 2e15, offset: 0, error: 2_000_000, source: 'rtc' };
    const keeper = new ClockKeeper(first, (row) => rows.push(row.offset));
    for (let second = 0; second < 3; second += 1) keeper.observeSystem(clock, clock.now() + wallUs, source);
    t.equal(rows.length, kept.length);
    for (const [i, offset] of kept.entries()) t.ok(Math.abs((rows[i] ?? 0) - offset) < 1e5);
  });
}

t.test('a wall clock behind the last stored sample is not believed', async (t) => {
  t.match(firstReading(0, 5001, 5000, 'rtc'), { offset: 0, source: 'none' });
  t.match(firstReading(9000, 9000, 5000, 'ntp'), { offset: 0, source: 'ntp' });
  t.equal(
    systemClockSource(() => false),
    'rtc',
  );
});
