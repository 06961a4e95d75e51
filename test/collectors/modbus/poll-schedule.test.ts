import fc from 'fast-check';
import t from 'tap';
import { modbusSettings, type PointSettings, type UnitSettings } from '../../../collectors/modbus/modbus-config.ts';
import { TABLES } from '../../../collectors/modbus/pdu.ts';
import { type Poll, PollSchedule, UNANSWERED_MAX } from '../../../collectors/modbus/poll-schedule.ts';
import { planReads, quantityOf, splitGroup } from '../../../collectors/modbus/read-plan.ts';

function unitsOf(...units: Parameters<typeof modbusSettings>[0]['units']): readonly UnitSettings[] {
  return modbusSettings({ port: { host: 'plc' }, units }).units;
}

function points(...list: Parameters<typeof modbusSettings>[0]['units'][number]['points']): readonly PointSettings[] {
  return unitsOf({ points: list })[0]?.points ?? [];
}

t.test('points that lie together are read together', async (t) => {
  const plan = planReads(
    points(
      { name: 'c', address: 4, type: 'f32' },
      { name: 'a', address: 2 },
      { name: 'b', address: 3 },
      { name: 'b bit', address: 3, bit: 2 },
      { name: 'far', address: 9 },
      { name: 'coil', table: 'coil', address: 3 },
    ),
    0,
  );
  t.same(
    plan.map(({ request, points: members }) => [request, members.map(({ name }) => name)]),
    [
      [{ table: 'coil', address: 3, quantity: 1 }, ['coil']],
      [{ table: 'holding', address: 2, quantity: 4 }, ['a', 'b', 'b bit', 'c']],
      [{ table: 'holding', address: 9, quantity: 1 }, ['far']],
    ],
  );
  t.equal(planReads(points({ name: 'c', address: 4 }, { name: 'd', address: 9 }), 4).length, 1);
});

t.test('every point is in one request that holds it and asks for no more than it may', async (t) => {
  const point = fc.record({
    table: fc.constantFrom('coil' as const, 'holding' as const),
    address: fc.integer({ min: 0, max: 3000 }),
    type: fc.constantFrom('u16' as const, 'f32' as const, 'f64' as const),
  });
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 300 }), fc.integer({ min: 0, max: 20 }), (list, gapMax) => {
      const wanted = points(...list.map((one, index) => ({ ...one, name: `p${index}` })));
      const plan = planReads(wanted, gapMax);
      t.equal(plan.flatMap((group) => group.points).length, wanted.length);
      for (const { request, points: members } of plan) {
        t.ok(request.quantity <= TABLES[request.table].quantityMax);
        for (const one of members) {
          t.ok(one.table === request.table && one.address >= request.address);
          t.ok(one.address + quantityOf(one) <= request.address + request.quantity);
        }
      }
      t.equal(plan.flatMap(splitGroup).length, wanted.length);
    }),
    { numRuns: 50 },
  );
});

/** Runs a schedule for so long; each request takes `tookMs`, or the unit's timeout where it does not answer. */
function runFor(schedule: PollSchedule, endMs: number, tookMs: number, answers: (poll: Poll) => boolean): Poll[] {
  let now = 0;
  const made: Poll[] = [];
  schedule.begin(now);
  while (now < endMs) {
    const next = schedule.next(now);
    if (next === undefined) break;
    now += next.waitMs;
    if (now >= endMs) break;
    made.push(next.poll);
    if (answers(next.poll)) {
      now += tookMs;
      schedule.answered(next.poll, now);
    } else {
      now += next.poll.unit.settings.timeoutMs;
      schedule.unanswered(next.poll, now);
    }
  }
  return made;
}

const count = (made: readonly Poll[], unit: number) => made.filter((poll) => poll.unit.settings.unit === unit).length;

t.test('each unit is read at its own interval', async (t) => {
  const schedule = new PollSchedule(
    unitsOf(
      { unit: 1, everyMs: 100, points: [{ name: 'a', address: 0 }] },
      { unit: 2, everyMs: 1000, points: [{ name: 'b', address: 0 }] },
    ),
  );
  const made = runFor(schedule, 10_000, 5, () => true);
  t.same([count(made, 1), count(made, 2), schedule.missed], [100, 10, 0]);
});

t.test('a dead unit is asked with back-off and costs the others little', async (t) => {
  const schedule = new PollSchedule(
    unitsOf(
      { unit: 1, everyMs: 100, timeoutMs: 200, points: [{ name: 'a', address: 0 }] },
      { unit: 2, everyMs: 100, timeoutMs: 200, points: [{ name: 'b', address: 0 }] },
    ),
    () => 0,
  );
  const made = runFor(schedule, 120_000, 5, (poll) => poll.unit.settings.unit === 1);
  t.ok(count(made, 2) <= UNANSWERED_MAX + 8, `${count(made, 2)} times`);
  t.ok(count(made, 1) > 1170, `${count(made, 1)} of 1200`);
});

t.test('a unit that does not answer is left alone for as long as its answer may still come', async (t) => {
  const schedule = new PollSchedule(unitsOf({ timeoutMs: 300, everyMs: 10, points: [{ name: 'a', address: 0 }] }));
  schedule.begin(0);
  const first = schedule.next(0);
  if (first !== undefined) schedule.unanswered(first.poll, 300);
  t.equal(schedule.next(300)?.waitMs, 300);
});

t.test('a line that is too slow takes turns, and says how many reads it missed', async (t) => {
  const schedule = new PollSchedule(
    unitsOf(
      { unit: 1, everyMs: 100, points: [{ name: 'a', address: 0 }] },
      { unit: 2, everyMs: 100, points: [{ name: 'b', address: 0 }] },
    ),
  );
  const made = runFor(schedule, 30_000, 150, () => true);
  t.ok(Math.abs(count(made, 1) - count(made, 2)) <= 1);
  t.ok(schedule.missed > 300);
});

t.test('a read that a unit has not all of is split, once', async (t) => {
  const schedule = new PollSchedule(
    unitsOf({
      points: [
        { name: 'a', address: 0 },
        { name: 'b', address: 1 },
      ],
    }),
  );
  schedule.begin(0);
  const poll = schedule.next(0)?.poll;
  t.equal(poll?.group.points.length, 2);
  t.ok(poll !== undefined && schedule.split(poll));
  const [one, two] = runFor(schedule, 10, 1, () => true);
  t.same([one?.group.request.address, two?.group.request.address], [0, 1]);
  t.notOk(one === undefined || schedule.split(one));
});
