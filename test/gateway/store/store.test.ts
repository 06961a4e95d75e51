import { existsSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { type ClockReading, UtcMap } from '../../../gateway/clock.ts';
import type { LossCause } from '../../../gateway/intake.ts';
import { BLOCK_SAMPLES_MAX } from '../../../gateway/limits.ts';
import type { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { damagePage } from './damage-page.ts';
import { StoreRig } from './store-rig.ts';

const CHANNELS = ['a', 'b', 'device', 'text'];
const NUMBERS = 3;
const DEVICE = 3;
const TEXT = 4;

interface Sample {
  readonly channel: number;
  readonly time: number;
  readonly value: number | string;
}

interface Committed extends Sample {
  readonly boot: number;
}

/** What the store must hold: everything that was in the ring at a commit. */
class Model {
  readonly #pending: Sample[] = [];
  readonly #pendingLosses: { channel: number; count: number }[] = [];
  /** Rows of the UTC map by boot. */
  readonly #clocks: ClockReading[][] = [[]];
  readonly samples: Committed[] = [];
  readonly lost = new Map<number, number>();

  push(sample: Sample): void {
    this.#pending.push(sample);
  }

  lose(channel: number, count: number): void {
    this.#pendingLosses.push({ channel, count });
  }

  commit(): void {
    const boot = this.#clocks.length - 1;
    for (const sample of this.#pending.splice(0)) this.samples.push({ ...sample, boot });
    for (const { channel, count } of this.#pendingLosses.splice(0)) {
      this.lost.set(channel, (this.lost.get(channel) ?? 0) + count);
    }
  }

  /** Another boot: what was not committed is gone, and nothing is known of UTC. */
  beginBoot(): void {
    this.#pending.length = 0;
    this.#pendingLosses.length = 0;
    this.#clocks.push([]);
  }

  addClock(reading: ClockReading): void {
    this.#clocks.at(-1)?.push(reading);
  }

  /** Samples in UTC. */
  of(channel: number): Sample[] {
    const maps = this.#clocks.map((readings) => new UtcMap(channel === DEVICE ? [] : readings));
    const utc = ({ boot, time }: Committed) => time + (maps[boot]?.offsetAt(time) ?? 0);
    // Array.prototype.sort is stable: equal times keep the order in which they were taken in.
    return this.samples
      .filter((sample) => sample.channel === channel)
      .map((sample) => ({ ...sample, time: utc(sample) }))
      .sort((a, b) => a.time - b.time);
  }
}

type Step =
  | {
      readonly kind: 'push';
      readonly channel: number;
      readonly times: readonly number[];
      readonly values: readonly number[];
    }
  | { readonly kind: 'run'; readonly channel: number; readonly times: readonly number[] }
  | { readonly kind: 'burst'; readonly channel: number; readonly count: number; readonly from: number }
  | { readonly kind: 'loss'; readonly channel: number; readonly count: number }
  | { readonly kind: 'clock'; readonly time: number; readonly offset: number }
  | { readonly kind: 'commit' | 'seal' | 'sealAll' | 'trim' | 'thread' | 'process' | 'look' };

const channel = fc.integer({ min: 1, max: CHANNELS.length });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('push' as const),
      channel,
      times: fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 5, maxLength: 5 }),
      values: fc.array(fc.double(), { minLength: 5, maxLength: 5 }),
    }),
  },
  fc.record({
    kind: fc.constant('run' as const),
    channel: fc.integer({ min: 1, max: NUMBERS }),
    times: fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 90 }),
  }),
  fc.record({
    kind: fc.constant('burst' as const),
    channel: fc.constant(1),
    count: fc.integer({ min: 1, max: 2500 }),
    from: fc.integer({ min: 0, max: 500 }),
  }),
  fc.record({ kind: fc.constant('loss' as const), channel, count: fc.integer({ min: 1, max: 9 }) }),
  fc.record({
    kind: fc.constant('clock' as const),
    time: fc.integer({ min: 0, max: 500 }),
    offset: fc.integer({ min: -300, max: 300 }),
  }),
  {
    weight: 5,
    arbitrary: fc
      .constantFrom('commit' as const, 'seal' as const, 'sealAll' as const, 'trim' as const, 'look' as const)
      .map((kind) => ({ kind })),
  },
  fc.constantFrom('thread' as const, 'process' as const).map((kind) => ({ kind })),
);

function take(rig: StoreRig, model: Model, each: Step): void {
  const cause: LossCause = 'ring-full';
  switch (each.kind) {
    case 'push':
      for (const [i, time] of each.times.entries()) {
        const value = each.values[i] as number;
        if (each.channel === TEXT) rig.ring.writeText(TEXT, time, Buffer.from(`${value}`));
        else rig.ring.writeSample(each.channel, time, value);
        model.push({ channel: each.channel, time, value: each.channel === TEXT ? `${value}` : value });
      }
      break;
    case 'run': {
      const times = Float64Array.from(each.times);
      const values = times.map((time, i) => time + i / 8);
      rig.ring.writeColumns(each.channel, times, values, 0, times.length);
      for (const [i, time] of times.entries()) {
        model.push({ channel: each.channel, time, value: values[i] as number });
      }
      break;
    }
    case 'burst':
      for (let i = 0; i < each.count; i += 1) {
        rig.ring.writeSample(each.channel, each.from + i, i);
        model.push({ channel: each.channel, time: each.from + i, value: i });
      }
      rig.commit();
      model.commit();
      break;
    case 'loss':
      rig.ring.writeLoss(each.channel, 0, 1, each.count, cause);
      model.lose(each.channel, each.count);
      break;
    case 'clock': {
      const reading = { time: each.time, offset: each.offset, error: 1, source: 'gnss' } as const;
      rig.writer.keepClock(reading);
      model.addClock(reading);
      break;
    }
    case 'commit':
      rig.commit();
      model.commit();
      break;
    case 'seal':
      rig.writer.seal();
      break;
    case 'sealAll':
      rig.sealAll();
      break;
    case 'trim':
      rig.writer.trim();
      break;
    case 'thread':
      rig.ring.publish();
      rig.restartThread();
      break;
    case 'process':
      rig.restartProcess();
      model.beginBoot();
      break;
    case 'look':
      break;
  }
}

function rawOf(telemetry: StoreTelemetry, id: number): { time: number; value: number | string }[] {
  return [...telemetry.raw(id, -1e6, 1e6)].flatMap(({ times, values }) =>
    Array.from(times, (time, i) => ({ time, value: values[i] as number | string })),
  );
}

/** M4 over the samples themselves. */
function m4(samples: readonly Sample[], from: number, to: number, pixels: number) {
  const columns = Array.from({ length: pixels }, () => ({ values: [] as number[] }));
  for (const { time, value } of samples) {
    if (time < from || time >= to) continue;
    const pixel = Math.min(pixels - 1, Math.floor((time - from) * (pixels / (to - from))));
    columns[pixel]?.values.push(value as number);
  }
  const real = (values: number[]) => values.filter((value) => !Number.isNaN(value));
  const fold = (values: number[], pick: (...numbers: number[]) => number) =>
    real(values).length === 0 ? Number.NaN : real(values).reduce((a, b) => pick(a, b));
  return {
    count: columns.map(({ values }) => values.length),
    min: columns.map(({ values }) => fold(values, Math.min)),
    max: columns.map(({ values }) => fold(values, Math.max)),
    first: columns.map(({ values }) => values[0] ?? Number.NaN),
    last: columns.map(({ values }) => values.at(-1) ?? Number.NaN),
  };
}

t.test('holds exactly what was committed, whatever dies in between', async (t) => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 1, max: 20 }),
      (steps, from, span, pixels) => {
        const rig = new StoreRig(CHANNELS);
        let reader: StoreTelemetry | undefined;
        try {
          const model = new Model();
          reader = rig.telemetry();
          for (const each of steps) {
            take(rig, model, each);
            // A reader that looks now and then must see the same as one that opens the store at the end.
            if (each.kind === 'look') t.equal(rawOf(reader, 1).length, model.of(1).length);
          }
          const fresh = rig.telemetry();
          for (const telemetry of [reader, fresh]) {
            for (let id = 1; id <= CHANNELS.length; id += 1) {
              const expected = model.of(id);
              t.same(
                rawOf(telemetry, id),
                expected.map(({ time, value }) => ({ time, value })),
              );
              const newest = expected.at(-1);
              t.equal(telemetry.latest(id)?.time, newest?.time);
            }
            for (let id = 1; id <= NUMBERS; id += 1) {
              const envelope = telemetry.envelope(id, from, from + span, pixels);
              const expected = m4(model.of(id), from, from + span, pixels);
              for (const name of ['count', 'min', 'max', 'first', 'last'] as const) {
                t.same(Array.from(envelope[name]), expected[name], name);
              }
            }
            for (const { channel: id, taken, kept, lost } of telemetry.ledger()) {
              t.equal(kept, model.of(id).length, 'kept');
              t.equal(lost, model.lost.get(id) ?? 0, 'lost');
              t.equal(taken, kept + lost, 'taken in = kept + lost');
            }
          }
          fresh.close();
        } finally {
          reader?.close();
          rig.dispose();
        }
      },
    ),
    { numRuns: 60 },
  );
});

t.test('sequence numbers are contiguous per channel and boot, and a hole is a gap in the ledger', async (t) => {
  const rig = new StoreRig(['a']);
  for (let i = 0; i < 10; i += 1) rig.ring.writeSample(1, i, i);
  rig.ring.writeLoss(1, 10, 14, 5, 'ring-full');
  for (let i = 15; i < 20; i += 1) rig.ring.writeSample(1, i, i);
  rig.commit();
  const telemetry = rig.telemetry();
  const [gap] = telemetry.gaps(1, 0, 100);
  t.match(gap, { firstSequence: 10, count: 5, from: 10, to: 14, cause: 'ring-full' }, 'in the tail');
  rig.sealAll();
  rig.writer.trim();
  t.same(telemetry.gaps(1, 0, 100), [gap], 'and the same when it is sealed');
  const extents = rig.blocks.blocksAfter(0).map(({ firstSequence, count }) => ({ firstSequence, count }));
  t.same(extents, [
    { firstSequence: 0, count: 10 },
    { firstSequence: 15, count: 5 },
  ]);
  telemetry.close();
  rig.dispose();
});

t.test('a long channel is read exactly through the pyramid of its blocks', async (t) => {
  const rig = new StoreRig(['a'], 1 << 15);
  const samples: Sample[] = [];
  const blocks = 40;
  for (let i = 0; i < blocks * BLOCK_SAMPLES_MAX; i += 1) {
    const sample = { channel: 1, time: i * 10 + ((i * 7) % 5), value: Math.sin(i / 1000) * 100 + ((i * 31) % 17) };
    samples.push(sample);
    rig.ring.writeSample(1, sample.time, sample.value);
    if (i % 10_000 === 9_999) rig.commit();
  }
  rig.commit();
  while (rig.writer.seal() > 0);
  t.ok(
    rig.blocks.roots(1).some((extent) => extent.level > 0),
    'there is a level above the blocks',
  );
  const telemetry = rig.telemetry();
  const end = blocks * BLOCK_SAMPLES_MAX * 10;
  const ranges: readonly (readonly [number, number, number])[] = [
    [0, end, 1],
    [0, end, 7],
    [12_345, end - 9_999, 333],
    [end / 2 + 1, end / 2 + 77_777, 100],
  ];
  for (const [from, to, pixels] of ranges) {
    const envelope = telemetry.envelope(1, from, to, pixels);
    const expected = m4(samples, from, to, pixels);
    for (const name of ['count', 'min', 'max', 'first', 'last'] as const) {
      t.same(Array.from(envelope[name]), expected[name], `${name} of ${pixels} pixels`);
    }
  }
  telemetry.close();
  rig.dispose();
});

t.test('a damaged journal row costs only itself and its bytes are kept', async (t) => {
  const rig = new StoreRig(['a']);
  for (let row = 0; row < 3; row += 1) {
    rig.ring.writeSample(1, row, row);
    rig.commit();
  }
  damagePage(rig.dir, 1);
  rig.restartProcess();
  const telemetry = rig.telemetry();
  t.same(
    rawOf(telemetry, 1).map(({ value }) => value),
    [0, 2],
  );
  t.ok(existsSync(`${rig.dir}/journal/damaged-2`));
  telemetry.close();
  rig.dispose();
});
