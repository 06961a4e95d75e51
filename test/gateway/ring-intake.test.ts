import fc from 'fast-check';
import t from 'tap';
import type { Channel } from '../../gateway/channel.ts';
import { ChannelRegistry } from '../../gateway/channel-registry.ts';
import { TEXT_SAMPLE_BYTES_MAX } from '../../gateway/limits.ts';
import { createRing, RingReader, RingWriter } from '../../gateway/ring.ts';
import { RingIntake } from '../../gateway/ring-intake.ts';

function rig(slots: number, channelsMax?: number, clock = { now: () => 1000 }) {
  const memory = createRing(slots);
  const ring = new RingWriter(memory);
  const announced: Channel[] = [];
  const registry = new ChannelRegistry([], (channel) => announced.push(channel), channelsMax);
  const intake = new RingIntake(ring, registry, clock);
  const reader = new RingReader(memory);
  const taken: unknown[] = [];
  const drain = () => {
    reader.drain(1000, {
      stretch: ({ channels, times, values }, from, to) => {
        for (let i = from; i < to; i += 1) taken.push({ channel: channels[i], time: times[i], value: values[i] });
      },
      run: (channel, times, values, from, to) => {
        for (let i = from; i < to; i += 1) taken.push({ channel, time: times[i], value: values[i] });
      },
      text: (channel, time, text) => taken.push({ channel, time, text }),
      loss: (channel, from, to, count, cause) => taken.push({ channel, from, to, count, cause }),
      receipt: (digest) => taken.push({ digest: digest[0] }),
    });
    reader.release();
    return taken.splice(0);
  };
  return { intake, announced, drain };
}

t.test('counts what a full ring refuses and writes the loss where the samples would have stood', async (t) => {
  const { intake, drain } = rig(4);
  const { id } = intake.channel({ name: 'a', source: 's' });
  for (let i = 0; i < 4; i += 1) t.ok(intake.push(id, i, i));
  for (let i = 4; i < 9; i += 1) t.notOk(intake.push(id, i, i));
  t.equal(intake.refused, 5);
  intake.publish();
  t.equal(drain().length, 4);
  t.ok(intake.push(id, 9, 9));
  intake.publish();
  t.same(drain(), [
    { channel: id, from: 4, to: 8, count: 5, cause: 'ring-full' },
    { channel: id, time: 9, value: 9 },
  ]);
});

const columnTime = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 1e6 }) },
  fc.constantFrom(0.5, Number.NaN),
);
const intakeStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      channel: fc.integer({ min: 0, max: 3 }),
      times: fc.array(columnTime, { maxLength: 90 }),
      from: fc.nat(10),
    }),
  },
  fc.constantFrom('publish' as const, 'drain' as const, 'full disk' as const, 'room again' as const),
);

t.test('takes of columns, loses and counts what it would of one sample after the other', async (t) => {
  fc.assert(
    fc.property(fc.array(intakeStep, { maxLength: 30 }), (steps) => {
      // The fourth channel is beyond the maximum.
      const rigs = [rig(128, 3), rig(128, 3)] as const;
      const ids = rigs.map(({ intake }) =>
        (['bulk', 'standard', 'critical', 'bulk'] as const).map(
          (channelClass, index) => intake.channel({ name: `c${index}`, source: 's', class: channelClass }).id,
        ),
      );
      for (const step of steps) {
        const outcomes = rigs.map(({ intake, drain }, one) => {
          if (step === 'publish') return intake.publish();
          if (step === 'drain') return drain();
          if (typeof step === 'string') return intake.takeCriticalOnly(step === 'full disk');
          const id = ids[one]?.[step.channel] as number;
          const times = Float64Array.from(step.times);
          const values = times.map((_, i) => i);
          if (one === 0) return intake.pushColumns(id, times, values, step.from, times.length);
          return times.reduce((sum, time, i) => sum + (i >= step.from && intake.push(id, time, i) ? 1 : 0), 0);
        });
        t.same(outcomes[0], outcomes[1]);
        t.equal(rigs[0].intake.refused, rigs[1].intake.refused);
        t.equal(rigs[0].intake.hasRoom(20), rigs[1].intake.hasRoom(20));
      }
      const left = rigs.map(({ intake, drain }) => [intake.publish(), drain(), intake.takeLosses()]);
      t.same(left[0], left[1]);
    }),
  );
});

t.test('takes in nothing whose time or text cannot be kept, and counts it', async (t) => {
  const { intake, drain } = rig(16);
  const { id } = intake.channel({ name: 'a', source: 's' });
  for (const time of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
    t.notOk(intake.push(id, time, 1), String(time));
  t.notOk(intake.pushText(id, 5, 'x'.repeat(TEXT_SAMPLE_BYTES_MAX + 1)));
  intake.publish();
  t.same(drain(), [
    { channel: id, from: 1000, to: 1000, count: 4, cause: 'bad-time' },
    { channel: id, from: 5, to: 5, count: 1, cause: 'text-too-long' },
  ]);
});

t.test('counts samples of channels beyond the maximum under one name', async (t) => {
  const { intake, announced, drain } = rig(16, 2);
  intake.channel({ name: 'a', source: 's' });
  intake.channel({ name: 'b', source: 's' });
  const beyond = [intake.channel({ name: 'c', source: 's' }), intake.channel({ name: 'd', source: 's' })];
  t.equal(beyond[0]?.id, beyond[1]?.id);
  for (const { id } of beyond) t.notOk(intake.push(id, 7, 7));
  intake.publish();
  t.same(drain(), [{ channel: beyond[0]?.id, from: 7, to: 7, count: 2, cause: 'channels-full' }]);
  t.same(
    announced.map(({ name }) => name),
    ['a', 'b', 'caisson/channels-full'],
  );
});

t.test('resolves durable when the store has come that far, and not before', async (t) => {
  const { intake } = rig(16);
  const { id } = intake.channel({ name: 'a', source: 's' });
  intake.push(id, 1, 1);
  const first = intake.publish();
  intake.push(id, 2, 2);
  const second = intake.publish();
  const order: string[] = [];
  const waits = [
    intake.durable(first).then(() => order.push('first')),
    intake.durable(second).then(() => order.push('second')),
  ];
  intake.markDurable(first);
  await waits[0];
  t.same(order, ['first']);
  intake.markDurable(second);
  await waits[1];
  t.same(order, ['first', 'second']);
  await intake.durable(second);
  const never = intake.durable(second + 1);
  intake.fail(new Error('the store is gone'));
  await t.rejects(never, { message: 'the store is gone' });
  await t.rejects(intake.durable(second + 2), { message: 'the store is gone' });
});

t.test('knows a receipt again, its own and those from before', async (t) => {
  const memory = createRing(16);
  const digest = (first: number) => new Uint8Array(16).fill(first);
  const registry = new ChannelRegistry([], () => {});
  const intake = new RingIntake(new RingWriter(memory), registry, { now: () => 0 }, [digest(1)]);
  t.ok(intake.isKnownReceipt(digest(1)));
  t.notOk(intake.isKnownReceipt(digest(2)));
  t.ok(intake.pushReceipt(digest(2)));
  t.ok(intake.isKnownReceipt(digest(2)));
});

t.test('announces a channel once, and again when its definition changes', async (t) => {
  const { intake, announced } = rig(16);
  const first = intake.channel({ name: 'car//engine/ rpm', source: 's', unit: 'rpm' });
  t.equal(first.name, 'car/engine/_rpm');
  t.equal(intake.channel({ name: 'car//engine/ rpm', source: 's', unit: 'rpm' }).id, first.id);
  t.equal(announced.length, 1);
  const changed = intake.channel({ name: 'car/engine/_rpm', source: 's', unit: '1/min' });
  t.equal(changed.id, first.id);
  t.same(
    announced.map(({ unit }) => unit),
    ['rpm', '1/min'],
  );
});

t.test('takes in critical channels only while the disk is full, and counts the others', async (t) => {
  let now = 0;
  const { intake, drain } = rig(64, undefined, { now: () => now });
  const [bulk, standard, critical] = (['bulk', 'standard', 'critical'] as const).map(
    (name) => intake.channel({ name, source: 's', class: name }).id,
  ) as [number, number, number];
  intake.push(bulk, 1, 1);
  intake.takeCriticalOnly(true);
  for (let time = 2; time < 100; time += 1) {
    t.notOk(intake.push(bulk, time, 1));
    t.notOk(intake.push(standard, time, 1));
    if (time % 10 === 0) t.ok(intake.push(critical, time, 1));
    intake.publish();
  }
  t.equal(intake.refused, 2 * 98);
  t.same(
    drain().map((entry) => (entry as { channel: number }).channel),
    [bulk, ...Array.from({ length: 9 }, () => critical)],
    'what is refused takes no room of its own',
  );
  now = 60e6;
  intake.publish();
  t.same(
    drain(),
    [bulk, standard].map((channel) => ({ channel, from: 2, to: 99, count: 98, cause: 'disk-full' })),
    'and is told once a minute',
  );
  intake.push(bulk, 100, 1);
  intake.takeCriticalOnly(false);
  t.ok(intake.push(bulk, 101, 1));
  intake.publish();
  t.same(
    drain(),
    [
      { channel: bulk, from: 100, to: 100, count: 1, cause: 'disk-full' },
      { channel: bulk, time: 101, value: 1 },
    ],
    'and before anything else of its channel',
  );
});

t.test('what is refused for want of disk is told at once to one who acknowledges it', async (t) => {
  const { intake, drain } = rig(8);
  const { id } = intake.channel({ name: 'a', source: 's', class: 'bulk' });
  intake.takeCriticalOnly(true);
  t.ok(intake.hasRoom(4));
  t.notOk(intake.hasRoom(5), 'each may become a loss, which takes two slots');
  for (const time of [1, 2]) t.notOk(intake.push(id, time, 1));
  t.notOk(intake.hasRoom(4), 'what is not told yet has its place');
  intake.settle();
  intake.publish();
  t.same(drain(), [{ channel: id, from: 1, to: 2, count: 2, cause: 'disk-full' }]);
  intake.settle();
  intake.publish();
  t.same(drain(), [], 'and once');
});

t.test('a channel that becomes critical is taken in', async (t) => {
  const { intake } = rig(16);
  const { id } = intake.channel({ name: 'a', source: 's', class: 'bulk' });
  intake.takeCriticalOnly(true);
  t.notOk(intake.push(id, 1, 1));
  intake.channel({ name: 'a', source: 's', class: 'critical' });
  t.ok(intake.push(id, 2, 2));
  intake.channel({ name: 'a', source: 's', class: 'standard' });
  t.notOk(intake.push(id, 3, 3));
  t.same(intake.takeLosses(), [{ channel: id, cause: 'disk-full', from: 1, to: 3, count: 2 }]);
});
