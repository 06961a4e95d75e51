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

t.test('a wall clock behind the last stored sample is not believed', async (t) => {
  t.match(firstReading(0, 5001, 5000, 'rtc'), { offset: 0, source: 'none' });
  t.match(firstReading(9000, 9000, 5000, 'ntp'), { offset: 0, source: 'ntp' });
  t.equal(
    systemClockSource(() => false),
    'rtc',
  );
});
