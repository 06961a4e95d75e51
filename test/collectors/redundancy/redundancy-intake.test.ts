import fc from 'fast-check';
import t from 'tap';
import { BACKLOG_SAMPLES_MAX } from '../../../collectors/redundancy/backlog.ts';
import { RedundancyIntake, redundantChannels } from '../../../collectors/redundancy/redundancy-intake.ts';
import { RecordingIntake } from '../shaping/recording-intake.ts';

function rig(returnS = 1) {
  const clock = { time: 1e12, now: () => clock.time, observe: () => {} };
  const inner = new RecordingIntake();
  const problems: string[] = [];
  const channels = [{ channel: 'speed', from: ['gnss/speed', 'can/speed'], silentMs: 500, returnS }];
  const parts = { intake: inner, clock, onProblem: (text: string) => problems.push(text) };
  const members = redundantChannels({ channels }, parts);
  const sources = [new RedundancyIntake(inner, members), new RedundancyIntake(inner, members)] as const;
  return { clock, inner, problems, gnss: sources[0], can: sources[1] };
}

t.test('the best becomes the channel, the next takes over, and each is kept under its own name', async (t) => {
  const { clock, inner, problems, gnss, can } = rig();
  const [a, b] = [
    gnss.channel({ name: 'gnss/speed', source: 'gnss' }).id,
    can.channel({ name: 'can/speed', source: 'can' }).id,
  ];
  for (let ms = 0; ms < 4000; ms += 100) {
    clock.time = 1e12 + ms * 1e3;
    // The wire of the next is slower by 750 ms than the one before.
    if (ms < 1000 || ms >= 2000) t.ok(gnss.push(a, clock.time, 1));
    t.ok(can.push(b, clock.time - 750_000, 2));
  }
  t.equal(inner.of('gnss/speed').length, 30);
  t.equal(inner.of('can/speed').length, 40);
  const made = inner.of('speed');
  t.ok(
    made.every(([time], i) => i === 0 || time > (made[i - 1]?.[0] ?? 0)),
    'in order, none twice',
  );
  t.same(
    inner.of('speed/from').map(([time, name]) => [(time - 1e12) / 1e3, name]),
    [
      [0, 'gnss/speed'],
      [1500, 'can/speed'],
      [3000, 'gnss/speed'],
    ],
  );
  t.same(problems, [
    'speed is taken from can/speed: gnss/speed is silent',
    'speed is taken from gnss/speed: it is back',
  ]);
});

t.test('by columns as one by one', async () => {
  const bunch = fc.record({
    source: fc.nat({ max: 1 }),
    afterMs: fc.integer({ min: 0, max: 900 }),
    lateMs: fc.integer({ min: 0, max: 300 }),
    count: fc.integer({ min: 1, max: 50 }),
  });
  fc.assert(
    fc.property(fc.array(bunch, { maxLength: 40 }), (bunches) => {
      const made = (['columns', 'singles'] as const).map((by) => {
        const { clock, inner, gnss, can } = rig();
        const intakes = [gnss, can] as const;
        const ids = ['gnss', 'can'].map(
          (source, i) => intakes[i]?.channel({ name: `${source}/speed`, source }).id ?? 0,
        );
        let offered = 0;
        for (const { source, afterMs, lateMs, count } of bunches) {
          clock.time += afterMs * 1e3;
          const first = clock.time - lateMs * 1e3;
          const times = Float64Array.from({ length: count }, (_, i) => first + i * 1000);
          const values = times.map(() => source);
          const [intake, id] = [intakes[source] ?? gnss, ids[source] ?? 0];
          offered += count;
          if (by === 'columns') intake.pushColumns(id, times, values, 0, count);
          else for (const time of times) intake.push(id, time, source);
        }
        const own = inner.of('gnss/speed').length + inner.of('can/speed').length;
        return { speed: JSON.stringify([inner.of('speed'), inner.of('speed/from')]), isWhole: own === offered };
      });
      return made[0]?.speed === made[1]?.speed && made.every(({ isWhole }) => isWhole);
    }),
  );
});

t.test('a source of another unit, stamp or type is named and takes no part', async (t) => {
  const others = [
    { unit: 'km/h', said: /its unit is "km\/h", that of the others "m\/s"/ },
    { unit: 'm/s', stamp: 'device', said: /its times are those of device, the others' of arrival/ },
    { unit: 'm/s', type: 'bool', said: /it is bool, the others are number/ },
  ] as const;
  for (const { said, ...about } of others) {
    const { clock, inner, problems, gnss, can } = rig();
    gnss.channel({ name: 'gnss/speed', source: 'gnss', unit: 'm/s' });
    const { id } = can.channel({ name: 'can/speed', source: 'can', ...about });
    can.channel({ name: 'can/speed', source: 'can', ...about });
    t.ok(can.push(id, clock.time, 1));
    t.equal(inner.of('speed').length, 0);
    t.equal(inner.of('can/speed').length, 1);
    t.equal(problems.length, 1);
    t.match(problems[0], said);
  }
});

t.test('a source whose clock is far behind does not wait until it has caught up', async (t) => {
  const { clock, inner, gnss, can } = rig();
  const [a, b] = [
    gnss.channel({ name: 'gnss/speed', source: 'gnss' }).id,
    can.channel({ name: 'can/speed', source: 'can' }).id,
  ];
  gnss.push(a, clock.time + 3600e6, 1);
  clock.time += 1e6;
  can.push(b, clock.time, 2);
  t.equal(inner.of('speed').length, 2);
});

t.test('room is asked for the channel that is made as well, and other channels pass', async (t) => {
  const asked: number[] = [];
  const { inner, gnss } = rig();
  inner.hasRoom = (samples?: number) => asked.push(samples ?? 0) > 0;
  gnss.hasRoom(5);
  const { id } = gnss.channel({ name: 'gnss/height', source: 'gnss' });
  gnss.push(id, 1, 1);
  gnss.hasRoom(5);
  gnss.channel({ name: 'gnss/speed', source: 'gnss' });
  gnss.hasRoom(5);
  t.same(asked, [5, 5, 10 + BACKLOG_SAMPLES_MAX]);
  t.same(inner.samples, [{ channel: 'gnss/height', time: 1, value: 1 }]);
});

/** The gnss speaks until it falls silent, the can all the time, each every `intervalMs`; the times of the channel that is made, ms. */
function fallen(intervalMs: number, gnssMs: number, wholeMs: number, { by = 'singles' } = {}) {
  const { clock, inner, problems, gnss, can } = rig();
  const [a, b] = [
    gnss.channel({ name: 'gnss/speed', source: 'gnss' }).id,
    can.channel({ name: 'can/speed', source: 'can' }).id,
  ];
  for (let ms = 0; ms < wholeMs; ms += intervalMs) {
    clock.time = 1e12 + ms * 1e3;
    if (ms < gnssMs) gnss.push(a, clock.time, 1);
    if (by === 'singles') can.push(b, clock.time, 2);
    else can.pushColumns(b, Float64Array.of(clock.time), Float64Array.of(2), 0, 1);
  }
  return { problems, made: inner.of('speed').map(([time, value]) => [(time - 1e12) / 1e3, value]) };
}

for (const by of ['singles', 'columns']) {
  t.test(`what the next best told while the best was silent is neither lost nor there twice, by ${by}`, async (t) => {
    const { made, problems } = fallen(100, 1000, 3000, { by });
    t.same(
      made,
      Array.from({ length: 30 }, (_, n) => [n * 100, n < 10 ? 1 : 2]),
    );
    t.same(problems, ['speed is taken from can/speed: gnss/speed is silent']);
  });
}

t.test('of more than can be kept the newest are filled in, and the problem says so', async (t) => {
  const { made, problems } = fallen(0.25, 1000, 2000);
  const times = made.map(([time]) => time as number);
  const filled = times.filter((time) => time >= 1000 && time < 1500);
  t.ok(filled.length <= BACKLOG_SAMPLES_MAX && filled.length >= BACKLOG_SAMPLES_MAX - 2, `${filled.length}`);
  t.same(times.slice(-1), [1999.75]);
  t.match(problems[0], /only the last 1024 samples are there/);
});

t.test(
  'whoever speaks when, the channel has every moment at most once, in order, and no hole that a source could fill',
  async () => {
    const turn = fc.record({ gnss: fc.boolean(), can: fc.boolean() });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 120 }), (turns) => {
        const { clock, inner, gnss, can } = rig();
        const [a, b] = [
          gnss.channel({ name: 'gnss/speed', source: 'gnss' }).id,
          can.channel({ name: 'can/speed', source: 'can' }).id,
        ];
        const start = clock.time;
        for (const [n, speaks] of turns.entries()) {
          clock.time = start + n * 100_000;
          if (speaks.gnss) gnss.push(a, clock.time, 1);
          if (speaks.can) can.push(b, clock.time, 2);
        }
        const times = inner.of('speed').map(([time]) => time);
        if (!times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0))) return false;
        const first = times[0] ?? Number.POSITIVE_INFINITY;
        const last = times.at(-1) ?? Number.NEGATIVE_INFINITY;
        const told = turns.flatMap(({ gnss: g, can: c }, n) => (g || c ? [start + n * 100_000] : []));
        const made = new Set(times);
        // A source that is chosen and skips a moment is not silent: what the other has of it is not missed.
        const missing = told.filter((time) => time > first && time < last && !made.has(time));
        return missing.every((time) => times.some((other) => Math.abs(other - time) <= 500_000));
      }),
    );
  },
);
