import fc from 'fast-check';
import t from 'tap';
import { DeviceClockIntake } from '../../../collectors/device-clock/device-clock-intake.ts';
import { SlewedOffset } from '../../../collectors/device-clock/slewed-offset.ts';
import { RecordingIntake } from '../shaping/recording-intake.ts';

const START = 1.7e15;

function rig(deviceClock: 'watch' | 'correct') {
  const inner = new RecordingIntake();
  const clock = { utc: START };
  const intake = new DeviceClockIntake({ intake: inner, source: 'gps', utcNow: () => clock.utc }, { deviceClock });
  const id = (name: string, about = {}) => intake.channel({ name, source: 'gps', stamp: 'device', ...about }).id;
  return { inner, clock, intake, id };
}

t.test('watching stores the times of the device as they are, and tells how far they are off', async (t) => {
  const { inner, clock, intake, id } = rig('watch');
  const speed = id('gps/speed');
  t.equal(intake.status, undefined);
  for (let i = 0; i < 100; i += 1) {
    clock.utc += 1e6;
    intake.push(speed, clock.utc + 250_000, i);
    intake.publish();
  }
  t.same(inner.of('gps/speed')[0], [START + 1e6 + 250_000, 0]);
  t.match(intake.status, { offsetUs: 250_000, correctedUs: 0 });
});

t.test(
  'correcting stores them without that, by columns and texts as well, but nothing that came raw or by arrival',
  async (t) => {
    const { inner, clock, intake, id } = rig('correct');
    const ids = [
      id('gps/a'),
      id('gps/t', { type: 'text' }),
      id('gps/raw', { type: 'text' }),
      id('gps/b', { stamp: 'arrival' }),
    ];
    const [a = 0, text = 0, raw = 0, b = 0] = ids;
    const stamp = clock.utc + 90e6;
    intake.pushColumns(a, Float64Array.of(stamp, stamp + 5), Float64Array.of(1, 2), 0, 2);
    intake.push(a, stamp + 10, 3);
    intake.pushText(text, stamp, 'x');
    intake.pushText(raw, stamp, 'y');
    intake.push(b, 5, 4);
    t.notOk(intake.push(a, Number.NaN, 4));
    t.same(
      inner.samples.map(({ channel, time }) => [channel, channel === 'gps/b' ? time : time - START]),
      [
        ['gps/a', 0],
        ['gps/a', 5],
        ['gps/a', 10],
        ['gps/t', 0],
        ['gps/raw', 90e6],
        ['gps/b', 5],
      ],
    );
    t.match(intake.status, { offsetUs: 90e6 + 10, correctedUs: 90e6 });
  },
);

t.test('long columns are corrected whole', async (t) => {
  const { inner, intake, id } = rig('correct');
  const times = Float64Array.from({ length: 5000 }, (_, i) => START + 2e6 + i);
  t.equal(intake.pushColumns(id('gps/a'), times, times, 7, 5000), 4993);
  t.same(
    inner.of('gps/a').map(([time]) => time),
    [...times.subarray(7)].map((time) => time - 2e6 - 7),
  );
});

t.test('times go on rising whatever is known of the clock, unless it was set', async () => {
  const step = fc.record({ afterUs: fc.integer({ min: 1000, max: 5e6 }), known: fc.integer({ min: -4e5, max: 4e5 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const offset = new SlewedOffset();
      let time = START;
      let before = Number.NEGATIVE_INFINITY;
      for (const { afterUs, known } of steps) {
        time += afterUs;
        const corrected = time - offset.follow(time, known);
        if (corrected <= before) return false;
        before = corrected;
      }
      return true;
    }),
  );
});
