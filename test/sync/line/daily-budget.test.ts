import fc from 'fast-check';
import t from 'tap';
import { DAY_MS, DailyBudget, type SpentDay } from '../../../sync/line/daily-budget.ts';

const MIB = 1 << 20;
const DAY = 20_000;

/** A disk, a clock that may be set, and one that never steps. */
class Bench {
  readonly rows: SpentDay[] = [];
  utcMs = DAY * DAY_MS + DAY_MS / 2;
  steadyMs = 0;
  writes = 0;

  open(bytesPerDay: number): DailyBudget {
    return new DailyBudget({
      bytesPerDay,
      days: {
        last: () => this.rows.at(-1),
        of: (day) => this.rows.findLast((row) => row.day === day),
        keep: (row) => {
          this.writes += 1;
          this.rows.push(row);
        },
      },
      utcMs: () => this.utcMs,
      steadyMs: () => this.steadyMs,
    });
  }

  pass(ms: number): void {
    this.utcMs += ms;
    this.steadyMs += ms;
  }
}

t.test('a budget is of a day of UTC', async (t) => {
  const bench = new Bench();
  const budget = bench.open(10 * MIB);
  budget.spend(4 * MIB);
  t.equal(budget.left, 6 * MIB);
  t.equal(budget.nextDayMs, (DAY + 1) * DAY_MS);
  bench.pass(DAY_MS / 2);
  t.equal(budget.left, 10 * MIB);
});

t.test('a kill forgets nothing of what was spent, and costs a hundredth at most', async (t) => {
  const bench = new Bench();
  const before = bench.open(100 * MIB);
  for (let i = 0; i < 1000; i += 1) before.spend(50_000);
  const after = bench.open(100 * MIB);
  t.ok(after.used >= 50_000_000, `${after.used} bytes of 50000000`);
  t.ok(after.used <= 50_000_000 + 1.01 * MIB, `${after.used} bytes of 50000000`);
  t.ok(bench.writes < 120, `${bench.writes} writes`);
});

t.test('one that is closed remembers the byte', async (t) => {
  const bench = new Bench();
  const before = bench.open(100 * MIB);
  before.spend(12_345);
  before.close();
  t.equal(bench.open(100 * MIB).used, 12_345);
});

const HOUR_MS = 3_600_000;
const SET = [
  { what: 'forward into the next day', steps: [DAY_MS] },
  { what: 'back into the day before', steps: [-DAY_MS] },
  { what: 'forward by years, and right again', steps: [3650 * DAY_MS, -3650 * DAY_MS] },
  { what: 'to 1970, and right again', steps: [-DAY * DAY_MS, DAY * DAY_MS] },
];
for (const { what, steps } of SET) {
  t.test(`a clock that is set ${what} gives no second budget`, async (t) => {
    const bench = new Bench();
    const budget = bench.open(10 * MIB);
    budget.spend(10 * MIB);
    for (const step of steps) {
      bench.utcMs += step;
      t.equal(budget.left, 0);
      bench.pass(HOUR_MS);
      t.equal(budget.left, 0);
    }
    for (let day = 0; day < 3; day += 1) {
      bench.pass(DAY_MS);
      if (budget.left > 0) break;
    }
    t.equal(budget.left, 10 * MIB, 'another day comes all the same');
  });
}

t.test('a clock that went back while this end was off gives no second budget', async (t) => {
  const bench = new Bench();
  bench.open(10 * MIB).spend(10 * MIB);
  bench.utcMs -= 5 * DAY_MS;
  t.equal(bench.open(10 * MIB).left, 0);
});

t.test('however the clock is set, no more is spent than the days that really passed allow', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(DAY_MS) }),
    fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: -9 * DAY_MS, max: 9 * DAY_MS }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const bench = new Bench();
      const budget = bench.open(MIB);
      let spent = 0;
      for (const { kind, ms } of steps) {
        if (kind === 'set') bench.utcMs += ms;
        else bench.pass(ms);
        const { left } = budget;
        budget.spend(left);
        spent += left;
      }
      return spent <= (Math.floor(bench.steadyMs / DAY_MS) + 2) * MIB;
    }),
  );
});
