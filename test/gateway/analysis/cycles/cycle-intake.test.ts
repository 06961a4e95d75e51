import fc from 'fast-check';
import t from 'tap';
import { decodeRecord } from '../../../../gateway/analysis/cycles/cycle-channels.ts';
import { CycleIntake } from '../../../../gateway/analysis/cycles/cycle-intake.ts';
import type { CyclesConfig } from '../../../../gateway/analysis/cycles/cycles-config.ts';
import { RecordingIntake } from '../../../collectors/shaping/recording-intake.ts';

const LAP: CyclesConfig = { lap: { trigger: 'value', channel: 'car/lap' } };

function rig(cycles: CyclesConfig = LAP) {
  const inner = new RecordingIntake(5000);
  const problems: string[] = [];
  const clock = { now: 0 };
  const parts = {
    intake: inner,
    started: 0,
    utcOf: (time: number) => time + 1000,
    utcOffset: () => 1000,
    now: () => clock.now,
    monotonicMs: () => 0,
    channel: (id: number) => inner.channels.get(id),
    channelNamed: (name: string) => [...inner.channels.values()].find((channel) => channel.name === name),
    lastNumber: () => 0,
    names: () => [...inner.channels.values()].map(({ name }) => name),
    onProblem: (text: string) => problems.push(text),
  };
  const intake = new CycleIntake(parts, cycles);
  const id = (name: string, spec = {}) => intake.channel({ name, source: 'car', ...spec }).id;
  return { inner, intake, problems, id, clock };
}

t.test('an end stands behind the sample that brought it, in the same publish', async (t) => {
  const { inner, intake, id } = rig();
  const [lap, rpm] = [id('car/lap'), id('car/rpm', { unit: 'rpm' })];
  intake.push(lap, 10, 1);
  intake.push(rpm, 11, 900);
  intake.push(lap, 20, 2);
  t.same(inner.marks, [], 'nothing was published in between');
  intake.publish();
  t.same(
    inner.samples.map(({ channel, time }) => `${channel} ${time}`),
    [
      ...['car/lap 10', 'caisson/cycles/lap 10', 'car/rpm 11', 'car/lap 20'],
      ...['caisson/cycles/lap 20', 'caisson/cycles/lap 20'],
    ],
  );
  const records = inner.of('caisson/cycles/lap').map(([, text]) => decodeRecord(String(text)));
  t.match(records, [
    { state: 'open', number: 1, from: 10, isSeen: false, by: 'car/lap' },
    { state: 'aborted', cause: 'began-before', number: 1, from: 10, to: 20 },
    { state: 'open', number: 2, from: 20, isSeen: true },
  ]);
  const kept = [...inner.channels.values()].filter(({ source }) => source === 'caisson');
  t.ok(kept.every((channel) => channel.class === 'critical' && channel.type === 'text'));
});

t.test('what is made of a channel may go where that may go, also when that changes', async (t) => {
  const { inner, intake, id } = rig();
  const residencyOf = (name: string) => [...inner.channels.values()].find((each) => each.name === name)?.residency;
  const lap = id('car/lap', { residency: ['eu'] });
  for (const time of [1, 2, 3]) intake.push(lap, time, time);
  t.same(residencyOf('caisson/cycles/lap'), ['eu']);
  id('driver/heart', { residency: 'local' });
  t.equal(residencyOf('caisson/cycles/lap/driver/heart'), 'local', 'before there is a sum of it');
  id('driver/name', { type: 'text', residency: 'local' });
  t.equal(residencyOf('caisson/cycles/lap/driver/name'), undefined, 'text has no sums');
});

t.test('a sample that was not taken makes no cycle; records that find no room come later', async (t) => {
  const { inner, intake, id } = rig();
  const lap = id('car/lap');
  intake.push(lap, 1, 1);
  inner.refuses = true;
  t.notOk(intake.push(lap, 2, 2));
  t.notOk(intake.push(lap, 2.5, 2), 'nor does one whose time is none');
  inner.refuses = false;
  intake.push(lap, 3, 1);
  const full = inner.hasRoom;
  inner.hasRoom = () => false;
  intake.push(lap, 4, 2);
  t.equal(inner.of('caisson/cycles/lap').length, 1);
  inner.hasRoom = full;
  intake.publish();
  t.same(
    inner.of('caisson/cycles/lap').map(([time]) => time),
    [1, 4, 4],
  );
});

t.test('a device that stamps is taken by the clock of the box', async (t) => {
  const { inner, intake, id } = rig();
  const lap = id('car/lap', { stamp: 'device' });
  intake.push(lap, 1005, 1);
  intake.pushColumns(lap, Float64Array.of(1006, 1010, 1011), Float64Array.of(1, 2, 2), 0, 3);
  t.same(
    inner.of('caisson/cycles/lap').map(([time]) => time),
    [5, 10, 10],
  );
});

t.test('a stop ends what is open, and says so', async (t) => {
  const { inner, intake, id } = rig();
  const lap = id('car/lap');
  intake.push(lap, 1, 1);
  intake.push(lap, 5, 2);
  await intake.stop(9, 0);
  const last = decodeRecord(String(inner.of('caisson/cycles/lap').at(-1)?.[1]));
  t.match(last, { state: 'aborted', cause: 'stopped', number: 2, from: 5, to: 9 });
  t.equal(inner.marks.at(-1)?.[0], 'publish');
});

t.test('what tells and does not come is said, with the nearest name', async (t) => {
  const S = 1e6;
  const { intake, id, clock } = rig({
    lap: { trigger: 'value', channel: 'car/lapp' },
    haul: { trigger: 'above', channel: 'truck/load', threshold: 1 },
    batch: { trigger: 'rising', channel: 'line/name', threshold: 1 },
    shift: { trigger: 'value', channel: 'nothing/like/it' },
  });
  const problems = () => intake.status().map(({ name, problem }) => [name, problem]);
  const [lap, load] = [id('car/lap'), id('truck/load')];
  id('line/name', { type: 'text' });
  intake.push(lap, 1, 1);
  const isText = ['batch', 'line/name is text, which crosses no threshold'];
  const nothing = (name: string) => [name, undefined];
  t.same(problems(), [nothing('lap'), nothing('haul'), isText, nothing('shift')], 'sources take a moment to start');
  clock.now = 20 * S;
  t.same(problems(), [
    ['lap', 'no channel is named car/lapp; did you mean car/lap?'],
    ['haul', 'no sample of truck/load since the start'],
    isText,
    ['shift', 'no channel is named nothing/like/it'],
  ]);
  intake.push(load, 20 * S, 5);
  t.same(problems()[1], nothing('haul'), 'at once');
  t.match(intake.status()[1], { channel: 'truck/load', heard: 20 * S + 1000, open: '1', since: 20 * S + 1000 });
  clock.now += 14 * 60 * S;
  t.same(problems()[1], nothing('haul'), 'a batch may take its time');
  clock.now += 6 * 60 * S;
  t.same(problems()[1], ['haul', 'truck/load is silent for 20 min']);
});

t.test('the same samples make the same cycles, however they are divided', async () => {
  const sample = fc.record({
    channel: fc.nat({ max: 2 }),
    time: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constant(0.5)),
    value: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant(Number.NaN)),
    ends: fc.boolean(),
  });
  const cycles: CyclesConfig = {
    lap: { trigger: 'value', channel: 'c0', minSeconds: 5e-6 },
    haul: { trigger: 'above', channel: 'c1', threshold: 2, hysteresis: 1 },
    beat: { trigger: 'sample', channel: 'c2' },
  };
  const kept = ({ inner }: ReturnType<typeof rig>) => {
    const names = new Set(inner.samples.map(({ channel }) => channel).filter((name) => name.startsWith('caisson/')));
    return [...names].sort().map((name) => [name, inner.of(name)]);
  };
  await fc.assert(
    fc.asyncProperty(fc.array(sample, { maxLength: 80 }), async (samples) => {
      const [one, other] = [rig(cycles), rig(cycles)];
      const ids = [one, other].map(({ id }) => ['c0', 'c1', 'c2'].map((name) => id(name)));
      for (const { channel, time, value } of samples) one.intake.push(ids[0]?.[channel] ?? 0, time, value);
      for (let from = 0; from < samples.length; ) {
        const { channel } = samples[from] ?? { channel: 0 };
        let to = from + 1;
        while (to < samples.length && samples[to]?.channel === channel && samples[to - 1]?.ends === false) to += 1;
        const run = samples.slice(from, to);
        const [times, values] = [run.map(({ time }) => time), run.map(({ value }) => value)];
        const columns = [Float64Array.from([-1, ...times, -1]), Float64Array.from([9, ...values, 9])] as const;
        other.intake.pushColumns(ids[1]?.[channel] ?? 0, ...columns, 1, run.length + 1);
        if (samples[to - 1]?.ends) other.intake.publish();
        from = to;
      }
      await one.intake.stop(100, 0);
      await other.intake.stop(100, 0);
      const [a, b] = [JSON.stringify(kept(one)), JSON.stringify(kept(other))];
      if (a !== b) throw new Error(`${a}\n${b}`);
    }),
    { numRuns: 500 },
  );
});
