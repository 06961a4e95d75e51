import t from 'tap';
import { requireLab, runInMachine } from '../lab.ts';
import { program } from './machine.ts';
import type { ClockReport } from './stepped-clock.ts';

/** The first message may come so long before the clock of the program that counts was read, and so on, milliseconds. */
const SLACK_MS = 15_000;

t.test('a gateway that is switched on in 1970 tells in the end when everything was, in its order', async (t) => {
  if (!requireLab(t)) return;
  const { code, lines, stderr } = await runInMachine(['-c', '@0'], program('stepped-clock'));
  t.equal(code, 0, stderr);
  const report = JSON.parse(lines.at(-1) ?? '{}') as ClockReport;
  const { numbers, times } = report;
  t.equal(report.first, 'none', 'a clock that was never set is not believed');
  t.ok(report.acknowledged > 0 && numbers.length >= report.acknowledged, `${numbers.length} messages are there`);
  t.same(
    numbers,
    numbers.map((_, i) => i),
    'each once, in the order in which they were sent',
  );
  t.equal(
    times.findIndex((time, i) => time < (times[i - 1] ?? 0)),
    -1,
    'no interval is negative',
  );
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  t.ok(first > report.began - SLACK_MS, `the first is at ${first}, the gateway began at ${report.began}`);
  t.ok(last < report.ended + SLACK_MS && first <= last, `the last is at ${last}, it ended at ${report.ended}`);
  t.equal(report.taken, report.kept + report.lost, 'taken in = kept + lost');
});
