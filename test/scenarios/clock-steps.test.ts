import t, { type Test } from 'tap';
import { ClockRig, type SeenSample } from './clock-rig.ts';

const SECOND = 1e6;
const DAY_SECONDS = 86_400;
const DAY = DAY_SECONDS * SECOND;
const TWO_WEEKS = 14 * DAY;
const HOUR_SECONDS = 3600;

/** Bounds of what NTP and a receiver tell, as the keeper has them. */
const NTP = 50_000;
const GNSS = { source: 'gnss', error: 30 } as const;

const NOON = Date.UTC(2026, 5, 30, 12) * 1e3;
const LEAP_MIDNIGHT = Date.UTC(2026, 6, 1) * 1e3;
const NEW_YEAR = Date.UTC(2027, 0, 1) * 1e3;

function rig(t: Test, utc: number): ClockRig {
  const made = new ClockRig(utc);
  t.teardown(() => made.dispose());
  return made;
}

/** Samples are there once, in the order in which they were taken in, and no interval is negative, sealed or not. */
function checkOrder(t: Test, rig: ClockRig, when: string): readonly SeenSample[] {
  const { samples, order } = rig.seen();
  const misplaced = order.findIndex((number, place) => number !== place);
  t.equal(misplaced, -1, `${when}: all ${order.length} samples are in the order of their taking in`);
  const back = samples.findIndex(({ time }, i) => time < (samples[i - 1]?.time ?? 0));
  t.equal(back, -1, `${when}: no interval is negative`);
  checkEnvelope(t, rig, samples, when);
  return samples;
}

/** A chart of all that is there counts each sample in the pixel of its time. */
function checkEnvelope(t: Test, rig: ClockRig, samples: readonly SeenSample[], when: string): void {
  const pixels = 97;
  const from = samples[0]?.time ?? 0;
  const to = (samples.at(-1)?.time ?? 0) + 1;
  const telemetry = rig.telemetry();
  const { count } = telemetry.envelope(1, from, to, pixels);
  telemetry.close();
  const expected = new Array<number>(pixels).fill(0);
  for (const { time } of samples) {
    const pixel = Math.floor(((time - from) * pixels) / (to - from));
    expected[pixel] = (expected[pixel] ?? 0) + 1;
  }
  t.same([...count], expected, `${when}: a chart has each sample where it is`);
}

/** Greatest distance of a sample's time from when it was really taken, microseconds. */
function errorOf(samples: readonly SeenSample[]): number {
  return samples.reduce((most, { time, truth }) => Math.max(most, Math.abs(time - truth)), 0);
}

for (const source of ['rtc', 'ntp'] as const) {
  t.test(
    `two weeks back when NTP sets a clock that claimed to be ${source}: the past lands at the right UTC`,
    async (t) => {
      const box = rig(t, NOON);
      box.wallError = TWO_WEEKS;
      box.source = source;
      box.boot();
      box.run(100, 100);
      t.ok(errorOf(checkOrder(t, box, 'before the step')) > TWO_WEEKS - SECOND);
      box.wallError = 0;
      box.source = 'ntp';
      box.run(100, 100);
      t.ok(errorOf(checkOrder(t, box, 'after the step')) <= NTP);
      box.sealAll();
      t.ok(errorOf(checkOrder(t, box, 'sealed')) <= NTP);
    },
  );
}

for (const { name, tell } of [
  { name: 'a receiver locks', tell: (box: ClockRig) => box.hear(GNSS) },
  {
    name: 'somebody sets the clock by hand',
    tell: (box: ClockRig) => {
      box.wallError = 0;
    },
  },
]) {
  t.test(`a box without a clock that begins in 1970 knows when its samples were taken once ${name}`, async (t) => {
    const box = rig(t, NOON);
    box.wallError = 5 * SECOND - NOON;
    box.boot();
    t.equal(box.keeper.source, 'none', 'a clock that was never set is not believed');
    box.run(HOUR_SECONDS, 10);
    const before = checkOrder(t, box, 'before');
    t.ok((before.at(-1)?.time ?? 0) < DAY, 'it is told in the time of the box');
    tell(box);
    box.run(10, 10);
    t.ok(errorOf(checkOrder(t, box, 'after')) <= GNSS.error, 'the hour before as well');
    const telemetry = box.telemetry();
    t.equal(telemetry.envelope(1, NOON, NOON + DAY, 1).count[0], 36_100, 'a query by UTC finds it');
    t.equal([...telemetry.raw(1, 0, NOON)].length, 0, 'and nothing is where it was before');
    telemetry.close();
  });
}

t.test('a leap second that NTP repeats costs no order, and a minute around it is right again', async (t) => {
  const box = rig(t, LEAP_MIDNIGHT - 30 * SECOND);
  box.source = 'ntp';
  box.boot();
  box.run(30, 1000);
  // UTC as machines count it shows the last second of the day twice.
  box.utc -= SECOND;
  box.run(31, 1000);
  const samples = checkOrder(t, box, 'over the leap second');
  t.ok(errorOf(samples.slice(0, 30_000)) <= NTP, 'before it');
  t.ok(errorOf(samples) <= SECOND + NTP, 'at no time further off than the second itself');
  t.ok(errorOf(samples.slice(-15_000)) <= NTP, 'after it');
  t.ok(
    new Set(samples.map(({ time }) => time)).size > samples.length * 0.99,
    'no stretch falls together in one moment',
  );
});

t.test('a leap second that NTP smears over a day is followed within its bound', async (t) => {
  const box = rig(t, LEAP_MIDNIGHT - DAY / 2);
  box.source = 'ntp';
  box.boot();
  box.run(DAY_SECONDS, 1, () => {
    box.utc -= Math.round(SECOND / DAY_SECONDS);
  });
  t.ok(errorOf(checkOrder(t, box, 'over the day')) <= 2 * NTP);
});

t.test('a clock that is two weeks behind after a restart is not believed, until NTP says better', async (t) => {
  const box = rig(t, NOON);
  box.source = 'ntp';
  box.boot();
  box.run(60, 10);
  const lastTime = box.boxTime;
  const ended = box.utc;
  box.utc += 60 * SECOND;
  box.wallError = -TWO_WEEKS;
  box.source = 'rtc';
  box.boot({ lastTime, lastUtc: ended });
  t.equal(box.keeper.source, 'none');
  box.run(60, 10);
  checkOrder(t, box, 'while the clock is wrong');
  box.wallError = 0;
  box.source = 'ntp';
  box.run(60, 10);
  t.ok(errorOf(checkOrder(t, box, 'when it is right')) <= NTP);
});

for (const { name, midnight } of [
  { name: 'midnight', midnight: NOON + DAY / 2 },
  { name: 'the end of the year', midnight: NEW_YEAR },
]) {
  t.test(`${name} is a moment like any other`, async (t) => {
    const box = rig(t, midnight - 10 * SECOND);
    box.source = 'ntp';
    box.boot();
    box.run(20, 100);
    t.equal(errorOf(checkOrder(t, box, 'over it')), 0);
    const telemetry = box.telemetry();
    const counts = telemetry.envelope(1, midnight - DAY, midnight + DAY, 2).count;
    t.same([...counts], [1000, 1000], 'each day has its own samples');
    const [first] = [...telemetry.raw(1, midnight, midnight + 1)];
    t.same([...(first?.times ?? [])], [midnight], 'the first moment is of the new one');
    telemetry.close();
  });
}

t.test('what devices stamped themselves is not moved by any of this', async (t) => {
  const box = rig(t, NOON);
  box.wallError = 5 * SECOND - NOON;
  box.boot();
  box.run(100, 100);
  box.hear(GNSS);
  box.run(100, 100);
  t.equal(errorOf(box.seen(2).samples), 0);
});

t.test('a recording of another year, played again and again at the port of a receiver, moves no sample', async (t) => {
  const box = rig(t, NOON);
  box.boot();
  box.run(300, 10, (second) => {
    if (second % 10 === 0) box.hear(GNSS, -6 * 365 * DAY - Math.floor(second / 61) * 61 * SECOND, 'replayed');
  });
  t.equal(errorOf(checkOrder(t, box, 'beside a clock that nobody keeps')), 0);
  t.match(box.said, [/^the clock of source replayed is not believed: it shows 2020-07-01T/]);
  box.boot({ lastTime: box.boxTime, lastUtc: box.utc + SECOND });
  box.run(60, 10, (second) => {
    if (second % 10 === 0) box.hear(GNSS, -6 * 365 * DAY, 'replayed');
  });
  box.source = 'ntp';
  box.run(60, 10);
  t.ok(errorOf(checkOrder(t, box, 'when nothing better was known at first')) <= NTP);
});
