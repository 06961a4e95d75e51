import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { encodeBegin, encodeEnd, encodeSummed } from '../../../gateway/analysis/cycles/cycle-channels.ts';
import { SUMMED_CHANNELS_MAX } from '../../../gateway/analysis/cycles/cycle-settling.ts';
import type { CyclesConfig } from '../../../gateway/analysis/cycles/cycles-config.ts';
import { earlierCycles } from '../../../gateway/query/cycle-answers.ts';
import { FakeTelemetry } from '../../dashboards/fake-telemetry.ts';
import { CycleRig } from './cycle-rig.ts';

const SETTLE_S = 2;
const DAY_US = 86_400e6;

async function folder(t: Test): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-settle-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

t.test('sums of every cycle are those of a query over it, in whatever order its samples came', async (t) => {
  const rig = await CycleRig.open(await folder(t));
  t.teardown(() => rig.close());
  const start = rig.host.clock.origin.time;
  const sample = fc.record({
    channel: fc.nat({ max: 3 }),
    time: fc.integer({ min: 0, max: 4000 }),
    value: fc.oneof(fc.integer({ min: -9, max: 9 }), fc.double(), fc.constantFrom(Number.NaN, Infinity)),
    /** How much later than its time it comes, microseconds. */
    delay: fc.integer({ min: 0, max: 800 }),
  });
  const lap = fc.record({ time: fc.integer({ min: 0, max: 4000 }), delay: fc.integer({ min: 0, max: 800 }) });
  let round = 0;
  let cycles = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(sample, { maxLength: 200 }), fc.array(lap, { maxLength: 6 }), async (samples, laps) => {
      round += 1;
      const [kind, prefix, base] = [`lap${round}`, `r${round}`, start + round * 10_000];
      const config: CyclesConfig = {
        [kind]: { trigger: 'sample', channel: `${prefix}/lap`, settleSeconds: SETTLE_S, summary: [`${prefix}/**`] },
      };
      const intake = rig.intake(config);
      const stamps = ['arrival', 'arrival', 'arrival', 'device'] as const;
      const ids = stamps.map((stamp, i) => intake.channel({ name: `${prefix}/c${i}`, source: 'x', stamp }).id);
      const beacon = intake.channel({ name: `${prefix}/lap`, source: 'x' }).id;
      // The channel that tells keeps its order, as the others need not.
      const inOrder = laps.map(({ time }) => time).sort((a, b) => a - b);
      let behind = 0;
      const told = inOrder.map((time, i) => {
        behind = Math.max(behind, time + (laps[i]?.delay ?? 0));
        return { id: beacon, time: base + time, value: 1, at: behind };
      });
      const taken = samples.map(({ channel, time, value, delay }) => {
        const stored = base + time + (stamps[channel] === 'device' ? rig.host.utcOffset() : 0);
        return { id: ids[channel] ?? 0, time: stored, value, at: time + delay };
      });
      for (const { id, time, value } of [...taken, ...told].sort((a, b) => a.at - b.at)) {
        if (id === ids[1]) intake.pushColumns(id, Float64Array.of(time), Float64Array.of(value), 0, 1);
        else intake.push(id, time, value);
      }
      intake.publish();
      await rig.pass(intake, SETTLE_S);
      for (const cycle of rig.cycles(kind).filter(({ state }) => state !== 'open')) {
        cycles += 1;
        if (cycle.sumsAt === undefined || cycle.late > 0) throw new Error(`no sums of ${JSON.stringify(cycle)}`);
        const sums = rig.sums(kind, cycle);
        for (const channel of [...stamps.map((_, i) => `${prefix}/c${i}`), `${prefix}/lap`]) {
          const [got, expected] = [sums.get(channel), rig.queried(channel, cycle)].map((each) => JSON.stringify(each));
          if (got !== expected) throw new Error(`${channel}: ${got} is not ${expected}`);
        }
      }
    }),
    { numRuns: 60 },
  );
  t.ok(cycles > 50, `${cycles} cycles`);
});

t.test('what comes after the sums of its cycle is counted, said of that cycle, and left out', async (t) => {
  const rig = await CycleRig.open(await folder(t));
  t.teardown(() => rig.close());
  const intake = rig.intake({ lap: { trigger: 'value', channel: 'car/lap', settleSeconds: SETTLE_S } });
  const [lap, rpm] = ['car/lap', 'car/rpm'].map((name) => intake.channel({ name, source: 'x' }).id) as [number, number];
  const at = (time: number) => rig.host.clock.origin.time + time;
  for (const number of [1, 2, 3]) intake.push(lap, at(number * 100), number);
  intake.push(rpm, at(150), 1);
  intake.publish();
  await rig.pass(intake, SETTLE_S - 1);
  t.same(
    rig.cycles('lap').map(({ sumsAt }) => sumsAt),
    [undefined, undefined, undefined],
    'not yet',
  );
  intake.push(rpm, at(160), 2);
  await rig.pass(intake, 1);
  intake.push(rpm, at(170), 3);
  intake.pushColumns(rpm, Float64Array.of(at(99), at(180), at(299), at(300)), Float64Array.of(4, 5, 6, 7), 0, 4);
  intake.publish();
  await rig.pass(intake, 1);
  intake.push(rpm, at(190), 8);
  await intake.stop(at(400), 1000);
  await intake.durable(intake.publish());
  const cycles = rig.cycles('lap');
  t.same(
    cycles.map(({ number, late }) => [number, late]),
    [
      [1, 3],
      [2, 1],
      [3, 0],
    ],
  );
  t.same(
    cycles.map((cycle) => rig.sums('lap', cycle).get('car/rpm')?.count),
    [2, undefined, 1],
    'the last of them made at the stop',
  );
});

t.test(
  'what comes after the run of its cycle is counted as well, from the first sample on, by the stamps of devices',
  async (t) => {
    const dir = await folder(t);
    const open = async () => {
      const rig = await CycleRig.open(dir);
      const intake = rig.intake({ lap: { trigger: 'value', channel: 'car/lap', settleSeconds: 0 } });
      const lap = intake.channel({ name: 'car/lap', source: 'x' }).id;
      const rpm = intake.channel({ name: 'car/rpm', source: 'x', stamp: 'device' }).id;
      const push = (...stamps: readonly number[]) => {
        for (const stamp of stamps) intake.push(rpm, stamp, 1);
        intake.publish();
      };
      const lates = () => rig.cycles('lap').map(({ number, late }) => [number, late]);
      const stop = async () => {
        await intake.stop(rig.host.clock.now(), 1000);
        await rig.close();
      };
      return { rig, intake, lap, push, lates, stop };
    };

    const first = await open();
    const { time } = first.rig.host.clock.origin;
    const start = first.rig.host.utcOf(time);
    for (const number of [1, 2]) first.intake.push(first.lap, time + number * 100, number);
    first.push(start + 150);
    await first.rig.pass(first.intake, 0);
    await first.stop();

    const second = await open();
    second.push(start + 99, start + 151, start + 152);
    t.same(second.lates(), [
      [1, 0],
      [2, 0],
    ]);
    await second.rig.pass(second.intake, 0);
    await second.rig.pass(second.intake, 0);
    t.same(second.lates(), [
      [1, 2],
      [2, 0],
    ]);
    await second.stop();

    const third = await open();
    await third.rig.pass(third.intake, 0);
    third.push(start + 153);
    await third.rig.pass(third.intake, 0);
    t.same(third.lates()[0], [1, 3], 'counted on');
    const later = third.rig.host.clock.now();
    const laterUtc = third.rig.host.utcOf(later);
    for (const time of [later, later + 2000]) third.intake.push(third.lap, time, 7);
    third.push(laterUtc + 1, laterUtc + 1000);
    await third.rig.close();

    const last = await open();
    last.push(laterUtc + 2);
    await last.rig.pass(last.intake, 0);
    last.push(laterUtc + 3, laterUtc + 4);
    await last.rig.pass(last.intake, 0);
    await last.rig.pass(last.intake, 0);
    const cut = last.rig.cycles('lap').at(-1);
    if (cut === undefined) throw new Error('no cycle');
    t.match(cut, { number: 7, late: 2 });
    t.equal(last.rig.sums('lap', cut).get('car/rpm')?.count, 3, 'what came before the sums is in them');
    t.same(last.lates()[0], [1, 3]);
    await last.stop();
  },
);

t.test('what comes while sums are made is in them', async (t) => {
  const rig = await CycleRig.open(await folder(t));
  t.teardown(() => rig.close());
  const intake = rig.intake({ lap: { trigger: 'value', channel: 'car/lap', settleSeconds: 0 } });
  const [lap, rpm] = ['car/lap', 'car/rpm'].map((name) => intake.channel({ name, source: 'x' }).id) as [number, number];
  const at = (time: number) => rig.host.clock.origin.time + time;
  for (const number of [1, 2]) intake.push(lap, at(number * 100), number);
  rig.meanwhile = () => {
    rig.meanwhile = () => {};
    intake.push(rpm, at(150), 1);
    intake.publish();
  };
  await rig.pass(intake, 1);
  await rig.pass(intake, 1);
  const [cycle] = rig.cycles('lap');
  if (cycle === undefined) throw new Error('no cycle');
  t.equal(cycle.late, 0);
  t.match(rig.sums('lap', cycle).get('car/rpm'), { count: 1 });
});

t.test('only what is wanted is summed, never text, and no more channels than may be', async (t) => {
  const rig = await CycleRig.open(await folder(t));
  t.teardown(() => rig.close());
  const intake = rig.intake({
    lap: { trigger: 'value', channel: 'car/lap', summary: ['car/engine/*'], settleSeconds: 0 },
    day: { trigger: 'value', channel: 'car/day', settleSeconds: 0 },
  });
  const id = (name: string, type: 'number' | 'text' = 'number') => intake.channel({ name, source: 'x', type }).id;
  const at = (time: number) => rig.host.clock.origin.time + time;
  for (const name of ['car/lap', 'car/day']) intake.push(id(name), at(1), 1);
  for (let i = 0; i < SUMMED_CHANNELS_MAX; i += 1) intake.push(id(`car/engine/${i}`), at(2), i);
  intake.pushText(id('car/engine/name', 'text'), at(2), 'V6');
  for (const name of ['car/lap', 'car/day']) intake.push(id(name), at(3), 2);
  await rig.pass(intake, 0);
  const [[lap], [day]] = [rig.cycles('lap'), rig.cycles('day')];
  if (lap === undefined || day === undefined) throw new Error('no cycles');
  t.equal(rig.sums('lap', lap).size, SUMMED_CHANNELS_MAX);
  t.notOk(rig.sums('lap', lap).has('car/lap'));
  t.notOk(rig.sums('lap', lap).has('car/engine/name'));
  t.equal(rig.sums('day', day).size, SUMMED_CHANNELS_MAX);
  t.same(rig.problems, ['cycles.day: more than 1024 channels; the others have no sums, `summary` chooses which have']);
});

t.test('after a restart, cycles without sums are looked for as far back as there is one', async (t) => {
  const telemetry = new FakeTelemetry([], 0);
  const name = 'caisson/cycles/batch';
  const { id } = telemetry.add({ definition: { name, type: 'text' }, rateHz: 0, value: () => '' });
  const now = 10 * DAY_US;
  const batch = (number: number, from: number, to: number) => {
    const begun = { number, label: '', from, isSeen: true };
    telemetry.push(id, [from], [encodeBegin(begun, 'line/batch')]);
    telemetry.push(id, [to], [encodeEnd({ ...begun, to, state: 'complete', cause: undefined })]);
  };
  const left = (before: number) => {
    const cycles: CyclesConfig = { batch: { trigger: 'value', channel: 'line/batch' } };
    const earlier = earlierCycles(telemetry, 'test-gateway', cycles, { before, now });
    return earlier.flatMap(({ number, utc, late }) => (late === undefined ? [[number, utc]] : []));
  };
  t.same(left(now), []);
  batch(1, 4 * DAY_US, 5 * DAY_US);
  t.same(left(now), [[1, { from: 4 * DAY_US, to: 5 * DAY_US }]], 'days ago');
  batch(2, now - 2e6, now - 1e6);
  t.same(left(now - 2e6), [[1, { from: 4 * DAY_US, to: 5 * DAY_US }]], 'one of this run is not asked for');
  telemetry.push(id, [now - 1e6], [encodeSummed(now - 2e6)]);
  t.same(left(now), [], 'who is the newest is settled, so are all');
});
