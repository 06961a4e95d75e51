import t from 'tap';
import { CentralRetention } from '../../../../sync/central/retention/central-retention.ts';
import {
  calendarOf,
  calendarText,
  nextDay,
  type RetentionCalendar,
} from '../../../../sync/central/retention/retention-calendar.ts';
import { NOTHING_RETIRED, type RetiringStore } from '../../../../sync/central/retention/retiring-store.ts';
import { eventually } from '../../../scenarios/eventually.ts';

const DAY_MS = 86_400_000;

/** Days by which ages count, for what the clock says at each look. */
function daysOf(...clocks: readonly number[]): number[] {
  let calendar: RetentionCalendar | undefined;
  return clocks.map((clock) => {
    calendar = nextDay(clock, calendarOf(calendar && calendarText(calendar)));
    return calendar.day;
  });
}

for (const [what, clocks, days] of [
  ['that goes on is followed', [100, 100, 101, 102, 109], [100, 100, 101, 102, 109]],
  ['that leaps ahead is not, and made up for by two days a day', [100, 130, 131, 132, 133], [100, 100, 102, 104, 106]],
  ['that was made up for is followed again', [100, 110, 113, 120, 121], [100, 100, 106, 120, 121]],
  ['that leapt and is set right is followed on from there', [100, 4000, 101, 102, 103], [100, 100, 100, 102, 103]],
  ['that stood in the future goes back', [4000, 100, 101], [4000, 100, 101]],
] as const) {
  t.test(`a clock ${what}`, async (t) => {
    t.same(daysOf(...clocks), days);
  });
}

t.test('a central says that the clock leapt, and retires by the day that it had', async (t) => {
  let calendar: RetentionCalendar | undefined = { day: 20_000, clock: 20_000 };
  const days: number[] = [];
  const store: RetiringStore = {
    due: async () => [],
    async *held() {},
    async *retire({ today }) {
      days.push(today);
      yield NOTHING_RETIRED;
    },
    calendar: async () => calendar,
    keepCalendar: async (kept) => {
      calendar = kept;
    },
  };
  const problems: string[] = [];
  const retention = new CentralRetention({
    ...{ store, daysOf: () => 90, now: () => 23_650 * DAY_MS, firstLookMs: 1, lookIntervalMs: 1 },
    onProblem: (text) => problems.push(text),
  });
  t.teardown(() => retention.stop());
  retention.start();
  await eventually('three looks', () => days.length >= 3);
  await retention.stop();
  t.same([...new Set(days)], [20_000]);
  t.equal(problems.length, 1, 'told once');
  t.match(problems[0], /by 2024-10-04 .* the clock says 2034-10-02, 3650 days after the last look/);
});
