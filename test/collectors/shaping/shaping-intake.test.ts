import fc from 'fast-check';
import t from 'tap';
import type { ShapingConfig } from '../../../collectors/shaping/shaping-config.ts';
import { ShapingIntake } from '../../../collectors/shaping/shaping-intake.ts';
import { createChannelActivity } from '../../../gateway/channel-activity.ts';
import { RecordingIntake } from './recording-intake.ts';

function rig(config: ShapingConfig) {
  const clock = { time: 0, now: () => clock.time, observe: () => {} };
  const inner = new RecordingIntake();
  const activity = createChannelActivity();
  const intake = new ShapingIntake({ intake: inner, clock, source: 'car', activity }, config);
  return { clock, inner, intake, activity };
}

const RULES: ShapingConfig = {
  keep: [
    { channels: 'car/every', every: 3 },
    { channels: 'car/rate', rateHzMax: 100 },
    { channels: 'car/change', deadband: 2 },
    { channels: 'car/extremes', minMaxMs: 20 },
  ],
};
const NAMES = ['car/every', 'car/rate', 'car/change', 'car/extremes', 'car/whole'];

const step = fc.record({
  channel: fc.nat({ max: NAMES.length - 1 }),
  steps: fc.array(fc.integer({ min: -3000, max: 9000 }), { minLength: 1, maxLength: 40 }),
  values: fc.array(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constant(Number.NaN)), {
    minLength: 40,
    maxLength: 40,
  }),
  isPublished: fc.boolean(),
  ticks: fc.boolean(),
});

t.test('what is kept and left out is what was offered, by columns as one by one', async () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.constantFrom(undefined, 1, 5), (steps, samplesPerSecondMax) => {
      const config = samplesPerSecondMax === undefined ? RULES : { ...RULES, samplesPerSecondMax };
      const rounds = (['columns', 'singles'] as const).map((by) => {
        const { clock, inner, intake } = rig(config);
        const ids = NAMES.map((name) => intake.channel({ name, source: 'car' }).id);
        let offered = 0;
        let time = 1e6;
        for (const { channel, steps: apart, values, isPublished, ticks } of steps) {
          const id = ids[channel] ?? 0;
          const times = Float64Array.from(apart, (us) => {
            time += us;
            return time;
          });
          const column = Float64Array.from(values);
          if (by === 'columns') offered += intake.pushColumns(id, times, column, 0, times.length);
          else for (const [i, at] of times.entries()) if (intake.push(id, at, column[i] ?? 0)) offered += 1;
          clock.time += 10_000;
          if (isPublished) intake.publish();
          if (ticks) intake.tick();
        }
        intake.close();
        const leftOut = Object.values(intake.leftOut).reduce((sum, count) => sum + count, 0);
        return { kept: inner.samples, leftOut, offered };
      });
      const due = steps.reduce((sum, { steps: apart }) => sum + apart.length, 0);
      const [columns, singles] = rounds;
      return (
        rounds.every(({ kept, leftOut, offered }) => offered === due && kept.length + leftOut === due) &&
        JSON.stringify(columns?.kept) === JSON.stringify(singles?.kept)
      );
    }),
  );
});

t.test('what the ring refuses is told to the source, what a rule leaves out is not', async (t) => {
  const { inner, intake } = rig(RULES);
  const { id } = intake.channel({ name: 'car/every', source: 'car' });
  inner.refuses = true;
  t.equal(intake.pushColumns(id, Float64Array.of(1, 2, 3, 4), new Float64Array(4), 0, 4), 2);
  t.same(intake.leftOut, { every: 2 });
  t.ok(intake.push(id, 5, 0));
  t.ok(intake.push(id, 6, 0));
  t.notOk(intake.push(id, 7, 0));
});

t.test('what no rule is for passes as it is, what came from the wire as well', async (t) => {
  const { inner, intake } = rig({
    keep: [
      { channels: 'car/a/**', every: 100 },
      { channels: '**/raw', every: 100 },
    ],
  });
  const other = intake.channel({ name: 'car/b', source: 'car' }).id;
  const raw = intake.channel({ name: 'car/raw', source: 'car', type: 'text' }).id;
  for (let i = 0; i < 5; i += 1) {
    t.ok(intake.push(other, i, i));
    t.ok(intake.pushText(raw, i, 'frame'));
  }
  t.equal(inner.of('car/b').length, 5);
  t.equal(inner.of('car/raw').length, 5);
  t.same(intake.leftOut, {});
});

t.test('the first rule that fits counts, and the rate that is promised is what is kept', async (t) => {
  const { inner, intake } = rig({
    keep: [
      { channels: 'car/imu/x', every: 10 },
      { channels: 'car/imu/*', rateHzMax: 20 },
      { channels: 'car/door', deadband: 0, heartbeatS: 10 },
      { channels: 'car/lamp', deadband: 0 },
      { channels: 'car/vib', minMaxMs: 100 },
    ],
  });
  for (const name of ['imu/x', 'imu/y', 'door', 'lamp', 'vib', 'other']) {
    intake.channel({ name: `car/${name}`, source: 'car', rateHz: 1000 });
  }
  t.same(
    [...inner.channels.values()].map(({ rateHz }) => rateHz),
    [100, 20, 0.1, undefined, 20, 1000],
  );
});

t.test('a message is durable with what was held of it, which goes before its receipt', async (t) => {
  const { inner, intake } = rig({ keep: [{ channels: 'car/**', minMaxMs: 1000 }] });
  const { id } = intake.channel({ name: 'car/a', source: 'car' });
  for (const [time, value] of [1, 5, 2, 4].entries()) t.ok(intake.push(id, time, value));
  t.same(inner.of('car/a'), []);
  intake.pushReceipt(new Uint8Array(16));
  t.same(inner.of('car/a'), [
    [0, 1],
    [1, 5],
  ]);
  t.same(inner.marks, [['receipt', 2]]);
  t.ok(intake.push(id, 5, 7));
  await intake.durable(intake.publish());
  t.equal(inner.of('car/a').length, 3, 'a ticket tells of what was held when it was given');
  t.same(intake.leftOut, { 'between-extremes': 2 });
});

t.test('what is held of a channel that goes quiet goes out when its stretch is over', async (t) => {
  const { clock, inner, intake } = rig({ keep: [{ channels: 'car/**', minMaxMs: 1000 }] });
  const { id } = intake.channel({ name: 'car/a', source: 'car' });
  intake.push(id, 0, 1);
  clock.time = 999_999;
  intake.tick();
  t.equal(inner.samples.length, 0);
  clock.time = 1_000_000;
  intake.tick();
  t.equal(inner.samples.length, 1);
  t.same(inner.marks, [['publish', 1]]);
});

t.test('a source that runs away is held to its limit, which is told while it lasts', async (t) => {
  const { clock, inner, intake } = rig({ samplesPerSecondMax: 100 });
  const { id } = intake.channel({ name: 'car/a', source: 'car' });
  const text = intake.channel({ name: 'car/t', source: 'car', type: 'text' }).id;
  const column = new Float64Array(1000);
  for (let second = 0; second < 60; second += 1) {
    t.equal(intake.pushColumns(id, column, column, 0, 1000), 1000);
    clock.time += 1e6;
    intake.publish();
    const told = intake.tick();
    if (second > 0) t.match(told, /^900 samples were left out: .* samplesPerSecondMax: 100$/);
  }
  t.equal(inner.samples.length, 1000 + 59 * 100, 'ten seconds at once, then what the limit says');
  t.same(intake.leftOut, { 'over-limit': 60_000 - inner.samples.length });
  t.ok(intake.pushText(text, 1, 'x'.repeat(16 * 99)));
  t.ok(intake.pushText(text, 2, 'x'));
  t.equal(inner.of('car/t').length, 1, 'a long text counts as many samples');
  clock.time += 100e6;
  intake.publish();
  intake.tick();
  t.equal(intake.tick(), undefined);
});

t.test('a time that cannot be kept is a loss, whatever the rule', async (t) => {
  const { inner, intake } = rig({ keep: [{ channels: '**', every: 2 }] });
  const { id } = intake.channel({ name: 'car/a', source: 'car' });
  t.equal(intake.pushColumns(id, Float64Array.of(1, Number.NaN, 2, 0.5, 3), new Float64Array(5), 0, 5), 3);
  t.notOk(intake.push(id, Number.NaN, 0));
  t.equal(inner.samples.length, 2);
  t.same(intake.leftOut, { every: 1 });
});

t.test('a channel of which nothing is kept is heard all the same', async (t) => {
  const { inner, intake, activity } = rig({ keep: [{ channels: '**', deadband: 0 }], samplesPerSecondMax: 1 });
  const { id } = intake.channel({ name: 'car/a', source: 'car' });
  const text = intake.channel({ name: 'car/t', source: 'car', type: 'text' }).id;
  for (let i = 0; i < 3; i += 1) {
    activity.fill(0);
    intake.push(id, i, 0);
    intake.pushText(text, i, 'x'.repeat(1000));
    t.same([activity[id], activity[text]], [1, 1]);
    activity.fill(0);
    intake.pushColumns(id, new Float64Array(2), new Float64Array(2), 0, 2);
    t.equal(activity[id], 1);
  }
  t.equal(inner.samples.length, 1);
});
