import fc from 'fast-check';
import t from 'tap';
import { GnssClock } from '../../collectors/gnss-clock.ts';
import type { ClockReading } from '../../gateway/clock.ts';

t.test('tells an offset whose error bound holds, whatever the delays within the bounds', async (t) => {
  const delays = fc.array(fc.integer({ min: 0, max: 99_000 }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(delays, fc.integer({ min: -1e12, max: 1e15 }), (latencies, offset) => {
      const clock = new GnssClock(115_200, 5);
      const bytes = 70;
      const onTheLine = Math.ceil((bytes * 10 * 1e6) / 115_200);
      const readings: ClockReading[] = [];
      for (const [index, latency] of latencies.entries()) {
        const fixBox = 1e9 + index * 100_000;
        const reading = clock.take(fixBox + offset, fixBox + latency + onTheLine, bytes);
        if (reading !== undefined) readings.push(reading);
      }
      return t.ok(readings.every((reading) => Math.abs(reading.offset - offset) <= reading.error));
    }),
    { numRuns: 100 },
  );
});

for (const latency of [0, 50_000, 99_999]) {
  t.test(`is right within its error for a receiver that always needs ${latency / 1e3} ms`, async (t) => {
    const clock = new GnssClock(115_200, 5);
    const onTheLine = (70 * 10 * 1e6) / 115_200;
    for (let fix = 0; fix < 500; fix += 1) {
      const box = 1e9 + fix * 100_000;
      const reading = clock.take(box + 7e9, Math.round(box + latency + onTheLine), 70);
      if (reading !== undefined) t.ok(Math.abs(reading.offset - 7e9) <= reading.error, `${reading.offset}`);
    }
  });
}

t.test(
  'tells the first reading when the interval is known and then the least delayed of every ten seconds',
  async (t) => {
    const clock = new GnssClock(9600, 5);
    const told: number[] = [];
    for (let second = 0; second <= 30; second += 1) {
      const delay = second % 10 === 7 ? 100_000 : 300_000;
      if (clock.take(second * 1e6, second * 1e6 + delay, 70) !== undefined) told.push(second);
    }
    t.same(told, [1, 11, 21]);
    const best = clock.take(31e6, 31e6 + 200_000, 70);
    t.equal(best, undefined);
  },
);

t.test('says a quarter of a second for a fix a second, a twentieth for ten', async (t) => {
  for (const [intervalUs, least, most] of [
    [1e6, 250_000, 260_000],
    [1e5, 50_000, 60_000],
  ] as const) {
    const clock = new GnssClock(115_200, 5);
    let last: ClockReading | undefined;
    for (let time = 0; time <= 25e6; time += intervalUs) last = clock.take(time, time + 50_000, 70) ?? last;
    t.ok(last !== undefined && last.error >= least && last.error <= most, `${last?.error}`);
    t.equal(last?.source, 'gnss');
  }
});
