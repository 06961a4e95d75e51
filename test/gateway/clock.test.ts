import fc from 'fast-check';
import t from 'tap';
import { BoxClock, type ClockReading, monotonicUs, UtcMap } from '../../gateway/clock.ts';
import { ClockKeeper, firstReading, type SystemClock, UNKEPT_CLOCK } from '../../gateway/clock-keeper.ts';

/** The system's clock as a time daemon keeps it. */
const NTP = { source: 'ntp', errorUs: 50_000 } as const;

const WEEK = 7 * 86_400e6;

const NOON = Date.UTC(2026, 5, 30, 12) * 1e3;

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
  const [before, there, after] = [one.now(), other.now(), one.now()];
  t.ok(before - 5000 < there && there < after + 5000, `${there} between ${before} and ${after}`);
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

t.test('UTC never goes back, whatever one clock shows', async () => {
  const reading = fc.record({
    time: fc.integer({ min: 0, max: 1e8 }),
    offset: fc.oneof(fc.integer({ min: -3e6, max: 3e6 }), fc.integer({ min: -1e15, max: 1e15 })),
    error: fc.constant(1),
    source: fc.constant('ntp' as const),
  });
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 8 }), fc.array(fc.nat(1.2e8), { maxLength: 40 }), (readings, times) => {
      const map = new UtcMap(readings);
      const all = [...times, ...readings.flatMap(({ time }) => [time - 1, time, time + 1])].sort((a, b) => a - b);
      const utc = all.map((time) => time + map.offsetAt(time));
      return utc.every((time, i) => i === 0 || time >= (utc[i - 1] as number));
    }),
  );
});

t.test('a stretch is uniform only where all its times have one offset', async () => {
  const steps: ClockReading[] = [0, -1e6, -1.5e6, 0].map((offset, i) => ({
    time: i * 6e6,
    offset,
    error: 1,
    source: 'ntp',
  }));
  const map = new UtcMap(steps);
  fc.assert(
    fc.property(fc.nat(40e6), fc.nat(40e6), (a, b) => {
      const [from, to] = a < b ? [a, b] : [b, a];
      if (!map.isUniform(from, to)) return true;
      return Array.from({ length: 50 }, (_, i) => from + ((to - from) * i) / 49).every(
        (time) => map.offsetAt(time) === map.offsetAt(from),
      );
    }),
  );
});

t.test('a small step back is slewed, a large one shows that what was known before was wrong', async (t) => {
  const reading = (time: number, offset: number): ClockReading => ({ time, offset, error: 1, source: 'ntp' });
  const leap = new UtcMap([reading(0, 0), reading(100e6, -1e6)]);
  t.same(
    [99e6, 100e6, 105e6, 110e6, 120e6].map((time) => leap.offsetAt(time)),
    [0, 0, -5e5, -1e6, -1e6],
  );
  t.equal(leap.isUniform(0, 99e6), true);
  t.equal(leap.isUniform(101e6, 102e6), false);
  t.equal(leap.isUniform(111e6, 120e6), true);
  const corrected = new UtcMap([reading(0, 0), reading(100e6, -2 * WEEK)]);
  t.same([corrected.offsetAt(0), corrected.offsetAt(200e6)], [-2 * WEEK, -2 * WEEK]);
  const wrongFor10s = new UtcMap([reading(0, 0), reading(100e6, 2 * WEEK), reading(110e6, 0)]);
  t.same([wrongFor10s.offsetAt(50e6), wrongFor10s.offsetAt(105e6), wrongFor10s.offsetAt(120e6)], [0, 0, 0]);
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
      { time: 30, offset: -1_500_000, error: 50_000, source: 'ntp' },
    ],
    kept: [500, -1_500_000],
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
    const first: ClockReading = { time: NOON, offset: 0, error: 2_000_000, source: 'rtc' };
    const keeper = new ClockKeeper(first, { row: (row) => rows.push(row.offset), said: () => {} });
    for (const reading of readings) keeper.observe({ ...reading, time: NOON + reading.time }, 'a');
    t.same(rows, kept);
    t.equal(keeper.offsetUs, kept.at(-1));
  });
}

t.test('times are read by the clock with the least bound, as the keeper of the clock believes', async (t) => {
  const readings: ClockReading[] = [
    { time: NOON, offset: 0, error: 2_000_000, source: 'rtc' },
    { time: NOON + 10, offset: 100, error: 300_000, source: 'gnss' },
    { time: NOON + 20, offset: 200, error: 50_000, source: 'ntp' },
  ];
  const [first, ...later] = readings as [ClockReading, ...ClockReading[]];
  const rows = [first];
  const keeper = new ClockKeeper(first, { row: (row) => rows.push(row), said: () => {} });
  for (const reading of later) keeper.observe(reading, 'a');
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
    const keeper = new ClockKeeper(first, { row: (row) => rows.push(row.offset), said: () => {} });
    for (let second = 0; second < 3; second += 1)
      keeper.observeSystem(clock, () => clock.now() + wallUs, source === 'ntp' ? NTP : UNKEPT_CLOCK);
    t.equal(rows.length, kept.length);
    for (const [i, offset] of kept.entries()) t.ok(Math.abs((rows[i] ?? 0) - offset) < 1e5);
  });
}

/** A clock that is driven by hand, its keeper, and the rows it adds. */
function keptClock(first: ClockReading) {
  const rows: ClockReading[] = [];
  const keeper = new ClockKeeper(first, { row: (row) => rows.push(row), said: () => {} });
  let passed = 0;
  const clock = { origin: { time: first.time, monotonic: 0 }, now: () => first.time + passed };
  /** Looks once a second, as the gateway does. */
  const pass = (seconds: number, system: SystemClock) => {
    for (let n = 0; n < seconds; n += 1) {
      passed += 1e6;
      keeper.observeSystem(clock, () => clock.now() + first.offset, system);
    }
  };
  return { keeper, rows, pass };
}

t.test(
  'a clock that lost its servers is less and less believed, and as exact as before when it has them again',
  async (t) => {
    const first: ClockReading = { time: 2e15, offset: 7000, error: 2000, source: 'ntp' };
    const { keeper, rows, pass } = keptClock(first);
    const inStep = { source: 'ntp', errorUs: 2000 } as const;
    pass(3600, inStep);
    t.same(rows, [], 'nothing to tell while it is in step');
    pass(70, UNKEPT_CLOCK);
    t.equal(keeper.errorUs, 2000, 'a minute is nothing');
    pass(86_400, UNKEPT_CLOCK);
    t.equal(keeper.source, 'ntp');
    // 100 ppm of a day are 8.64 s.
    t.ok(keeper.errorUs > 4e6 && keeper.errorUs < 8.7e6, `after a day it may be ${keeper.errorUs} us off`);
    t.ok(rows.length <= 11, `${rows.length} rows of it`);
    t.ok(
      rows.every(({ offset, error }, i) => offset === 7000 && error > 2 * (rows[i - 1]?.error ?? 2000)),
      'times are read as before',
    );
    const map = new UtcMap([first, ...rows]);
    t.equal(map.governing(2e15 + 90_000e6)?.error, keeper.errorUs, 'what is taken in now carries that bound');
    pass(2, inStep);
    t.equal(keeper.errorUs, 2000);
  },
);

t.test('a daemon that tells a wider and wider bound is followed', async (t) => {
  const { keeper, rows, pass } = keptClock({ time: 2e15, offset: 0, error: 2000, source: 'ntp' });
  // As chronyd does that hears nobody: the bound grows by 20 ppm.
  for (let minute = 0; minute < 24 * 60; minute += 1) pass(60, { source: 'ntp', errorUs: 2000 + minute * 1200 });
  t.ok(keeper.errorUs > 0.8e6 && keeper.errorUs < 1.8e6, `${keeper.errorUs} us`);
  t.ok(rows.length < 12, `${rows.length} rows`);
});

t.test('a bound that is now narrow and now wide is taken for what it was when it was narrow', async (t) => {
  const { rows, pass } = keptClock({ time: 2e15, offset: 0, error: 2000, source: 'ntp' });
  for (let n = 0; n < 500; n += 1) pass(16, { source: 'ntp', errorUs: n % 3 === 0 ? 2000 : 200_000 });
  t.same(rows, []);
});

t.test('a wall clock that was never set, or is behind the last stored sample, is not believed', async (t) => {
  const wall = Date.UTC(2026, 0) * 1e3;
  t.match(firstReading(wall, wall + 5001, wall + 5000, UNKEPT_CLOCK), { offset: 0, source: 'none' });
  t.match(firstReading(wall, wall, wall - 5000, NTP), { offset: 0, source: 'ntp', error: NTP.errorUs });
  t.match(firstReading(60e6, 60e6, 0, NTP), { offset: 0, source: 'none' });
});

t.test(
  'a stretch of box time holds every moment that is read as a UTC of a range, and begins and ends with one',
  async () => {
    const anyReading = fc.record({ time: fc.nat(40), offset: fc.integer({ min: -15, max: 15 }) });
    fc.assert(
      fc.property(fc.array(anyReading, { maxLength: 4 }), fc.nat(40), fc.nat(30), (rows, from, length) => {
        const map = new UtcMap(rows.map((row) => ({ ...row, error: 1, source: 'ntp' as const })));
        const read = Array.from({ length: 161 }, (_, n) => n - 60).filter((time) => {
          const utc = time + map.offsetAt(time);
          return utc >= from && utc < from + length;
        });
        const stretch = map.boxStretch(from, from + length);
        return stretch?.from === read[0] && (stretch === undefined || stretch.to - 1 === read.at(-1));
      }),
    );
  },
);

t.test('a row without a bound says that what its source told before was wrong', async (t) => {
  const rtc: ClockReading = { time: 0, offset: 0, error: 2_000_000, source: 'rtc' };
  const wrong: ClockReading = { time: 10, offset: -6 * 52 * WEEK, error: 250_000, source: 'gnss' };
  const disowned: ClockReading = { ...wrong, time: 20, error: Number.POSITIVE_INFINITY };
  const right: ClockReading = { time: 30, offset: 500, error: 300_000, source: 'gnss' };
  t.equal(new UtcMap([rtc, wrong]).offsetAt(15), wrong.offset);
  t.equal(new UtcMap([rtc, wrong, disowned]).offsetAt(15), 0, 'the next best is read by');
  t.equal(new UtcMap([rtc, wrong, disowned, right]).offsetAt(15), 500, 'and by that source, when it tells better');
  t.equal(new UtcMap([wrong, disowned]).offsetAt(15), wrong.offset, 'nothing else is known');
});
