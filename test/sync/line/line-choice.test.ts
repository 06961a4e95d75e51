import t from 'tap';
import { DAY_MS, DailyBudget, type SpentDay } from '../../../sync/line/daily-budget.ts';
import { LineChoice } from '../../../sync/line/line-choice.ts';
import { TimeWindows } from '../../../sync/line/time-windows.ts';
import type { PullClient, Way } from '../../../sync/line/way.ts';

const NOON = Date.parse('2026-06-01T12:00:00Z');

function way(name: string, more: Partial<Way> = {}): Way {
  const connect = (): PullClient => {
    throw new Error('nobody connects here');
  };
  return { name, connect, ...more };
}

/** A choice with clocks that stand until they are moved. */
function choiceOf(ways: readonly Way[]) {
  let now = 0;
  const choice = new LineChoice({ ways, random: () => 0, steadyMs: () => now, utcMs: () => NOON + now });
  const chosen = () => choice.choose().way?.name;
  const pass = (ms: number) => {
    now += ms;
  };
  /** Looks once a second, and answers for the lines that are asked; returns why the line was left, and after how long. */
  const lookUntilLeft = (isWell: (name: string) => boolean, secondsMax = 3600) => {
    for (let second = 0; second < secondsMax; second += 1) {
      const { leave, probe } = choice.look();
      if (leave !== undefined) {
        choice.ended(undefined);
        return { leave, second };
      }
      if (probe !== undefined) choice.probed(probe, isWell(probe.name) ? undefined : 'no answer');
      pass(1e3);
    }
    return undefined;
  };
  return { choice, chosen, pass, lookUntilLeft };
}

t.test('the next line takes over at once, and the best is taken again when it has answered for a while', async (t) => {
  const { choice, chosen, pass, lookUntilLeft } = choiceOf([way('lan'), way('lte'), way('sat')]);
  t.equal(chosen(), 'lan');
  pass(120e3);
  choice.ended('cut');
  t.equal(chosen(), 'lte', 'without waiting');
  const { leave, second } = lookUntilLeft(() => true) ?? { leave: '', second: 0 };
  t.equal(leave, 'lan is well again');
  t.ok(second >= 10 && second < 20, `after ${second} s`);
  t.equal(chosen(), 'lan');
});

t.test('a line that does not last is trusted later each time, so that nobody goes to and fro', async (t) => {
  const { choice, chosen, pass, lookUntilLeft } = choiceOf([way('lan'), way('lte')]);
  const waits: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    t.equal(chosen(), 'lan');
    pass(1e3);
    choice.brought();
    choice.ended('cut');
    t.equal(chosen(), 'lte');
    waits.push(lookUntilLeft(() => true)?.second ?? 0);
  }
  for (const [i, wait] of waits.slice(1).entries()) t.ok(wait > (waits[i] ?? 0) * 1.5, `${waits[i]} s, then ${wait} s`);
  choice.choose();
  pass(120e3);
  choice.brought();
  choice.ended('cut');
  choice.choose();
  t.ok((lookUntilLeft(() => true)?.second ?? 0) < 20, 'one that lasted is trusted again as ever');
});

t.test('a better line that does not answer is asked less and less often, and nothing is left for it', async (t) => {
  const { choice, chosen, lookUntilLeft } = choiceOf([way('lan'), way('lte')]);
  chosen();
  choice.ended('cut');
  t.equal(chosen(), 'lte');
  let asked = 0;
  t.equal(
    lookUntilLeft(() => {
      asked += 1;
      return false;
    }),
    undefined,
  );
  t.ok(asked > 10 && asked < 45, `${asked} times in an hour`);
  t.match(choice.status(), [
    { name: 'lan', state: 'dead', why: 'no answer' },
    { name: 'lte', state: 'in-use' },
  ]);
});

t.test('where no line can be used, the wait is that for the first of them, and says why of each', async (t) => {
  const shut = way('sat', { windows: new TimeWindows(['13:00-14:00']) });
  const { choice, pass } = choiceOf([way('lan'), shut]);
  choice.choose();
  choice.ended('refused');
  t.same(choice.choose(), { why: 'lan: refused; sat: shut until 2026-06-01 13:00 UTC', waitMs: 1000 });
  pass(1e3);
  t.equal(choice.choose().way?.name, 'lan');
});

t.test('a line is left when its window shuts', async (t) => {
  const { chosen, pass, lookUntilLeft, choice } = choiceOf([way('lan', { windows: new TimeWindows(['12:00-12:01']) })]);
  t.equal(chosen(), 'lan');
  t.same(
    lookUntilLeft(() => true),
    { leave: 'shut until 2026-06-02 12:00 UTC', second: 60 },
  );
  t.match(choice.status(), [{ state: 'waiting', until: (NOON + DAY_MS) * 1e3 }]);
  pass(DAY_MS - 60e3);
  t.equal(chosen(), 'lan');
});

t.test('a line whose budget is used up is left, also after a restart, until the next day of UTC', async (t) => {
  let now = 0;
  const rows: SpentDay[] = [];
  const clocks = { steadyMs: () => now, utcMs: () => NOON + now };
  const bytes = { received: 0, sent: 0 };
  const open = () => {
    const days = {
      last: () => rows.at(-1),
      of: (day: number) => rows.findLast((row) => row.day === day),
      keep: (row: SpentDay) => rows.push(row),
    };
    const budget = new DailyBudget({ bytesPerDay: 1e6, days, ...clocks });
    return new LineChoice({
      ways: [
        way('lte', {
          budget,
          meter: {
            get bytes() {
              return { ...bytes };
            },
          } as never,
        }),
      ],
      ...clocks,
    });
  };
  const choice = open();
  t.equal(choice.choose().way?.name, 'lte');
  bytes.received = 900_000;
  t.equal(choice.look().leave, undefined);
  bytes.sent = 90_000;
  t.equal(choice.look().leave, 'budget used up until 2026-06-02 00:00 UTC');
  bytes.received = 0;
  bytes.sent = 0;
  const again = open();
  t.match(again.choose(), { why: 'lte: budget used up until 2026-06-02 00:00 UTC' });
  now += DAY_MS / 2;
  t.equal(again.choose().way?.name, 'lte');
});

t.test('a line that the other end opens is used when it is there', async (t) => {
  let isThere = false;
  const { choice, chosen, lookUntilLeft } = choiceOf([
    way('dialled', { arrival: { isThere: () => isThere, onCome: () => () => {} } }),
    way('lte'),
  ]);
  t.equal(chosen(), 'lte');
  isThere = true;
  t.equal(lookUntilLeft(() => true)?.leave, 'dialled is well again');
  t.equal(chosen(), 'dialled');
  isThere = false;
  choice.ended('cut');
  t.equal(chosen(), 'lte');
});
