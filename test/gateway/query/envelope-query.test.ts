import fc from 'fast-check';
import t from 'tap';
import { EnvelopeColumns, PixelEdges } from '../../../gateway/query/envelope-query.ts';
import { PixelGrid, Stretches } from '../../../gateway/query/pixel-grid.ts';
import type { Envelope } from '../../../gateway/query/telemetry.ts';
import { StoreRig } from '../store/store-rig.ts';

interface Sample {
  readonly time: number;
  readonly value: number;
}

const STEP_US = 10_000;

/** A few full blocks, and a tail that is in none. */
const SAMPLES = 9000;

/** Values by what a block makes of them; all channels of one kind of times share these. */
const VALUES: Readonly<Record<string, (i: number, noise: number) => number>> = {
  'whole numbers': (i, noise) => Math.round(1000 * Math.sin(i / 90)) + noise,
  'a gain of 0.01': (i, noise) => (Math.round(5000 * Math.sin(i / 700)) + noise) * 0.01,
  'a gain and an offset': (_, noise) => noise * 0.244 - 125,
  'a negative gain': (_, noise) => -(noise * 0.5),
  'few numbers': (_, noise) => Math.sqrt(2 + (noise % 3)),
  float32: (i) => Math.fround(Math.sin(i / 50) * 100),
  'any numbers': (i, noise) => Math.sin(i / 9) / (1 + noise),
  'one number': () => Math.PI,
  'zero, minus zero and NaN': (_, noise) => [0, -0, Number.NaN, 0, noise][noise % 5] ?? 0,
  'nothing but NaN': () => Number.NaN,
};

/** Times by what they are like, of samples in the order in which they are taken in. */
const TIMES: Readonly<Record<string, (i: number, noise: number) => number>> = {
  'on a grid': (i) => i * STEP_US,
  'with jitter': (i, noise) => i * STEP_US + (noise % 80),
  'in bursts of one time': (i) => Math.floor(i / 7) * 7 * STEP_US,
  'late now and then': (i, noise) => (i - (noise === 0 ? 3000 : 0)) * STEP_US,
};

/** M4 by its definition; samples of one time are in the order in which they were taken in. */
function m4(samples: readonly Sample[], from: number, to: number, pixels: number): Record<string, number[]> {
  const inRange = samples.filter(({ time }) => time >= from && time < to).sort((a, b) => a.time - b.time);
  const byPixel = new Map<number, number[]>();
  for (const { time, value } of inRange) {
    const pixel = Math.min(Math.floor((time - from) * (pixels / (to - from))), pixels - 1);
    const values = byPixel.get(pixel);
    if (values === undefined) byPixel.set(pixel, [value]);
    else values.push(value);
  }
  const columnOf = (of: (values: number[]) => number, empty: number) =>
    Array.from({ length: pixels }, (_, pixel) => {
      const inPixel = byPixel.get(pixel);
      return inPixel === undefined ? empty : of(inPixel);
    });
  const extreme = (pick: (...values: number[]) => number) => (values: number[]) => {
    const numbers = values.filter((value) => !Number.isNaN(value));
    return numbers.length === 0 ? Number.NaN : pick(...numbers);
  };
  return {
    count: columnOf(({ length }) => length, 0),
    min: columnOf(extreme(Math.min), Number.NaN),
    max: columnOf(extreme(Math.max), Number.NaN),
    first: columnOf((values) => values[0] ?? 0, Number.NaN),
    last: columnOf((values) => values.at(-1) ?? 0, Number.NaN),
  };
}

/** Bit by bit, but for the sign of a zero that is least or greatest where zeros of both signs are met. */
function differing(envelope: Envelope, expected: Record<string, number[]>): string[] {
  return (['count', 'min', 'max', 'first', 'last'] as const).flatMap((name) => {
    const isExtreme = name === 'min' || name === 'max';
    const same = (a: number, b: number) => Object.is(a, b) || (isExtreme && a === b);
    const at = expected[name]?.findIndex((value, pixel) => !same(value, envelope[name][pixel] ?? -1)) ?? 0;
    return at < 0 ? [] : [`${name} of pixel ${at} is ${envelope[name][at]}, expected ${expected[name]?.[at]}`];
  });
}

for (const [times, timeOf] of Object.entries(TIMES)) {
  t.test(`charts of samples ${times} are M4 over them, bit by bit`, async (t) => {
    const names = Object.keys(VALUES);
    const rig = new StoreRig(names, 1 << 15);
    const fed = names.map((): Sample[] => []);
    let state = 1;
    for (let i = 0; i < SAMPLES; i += 1) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const noise = state >>> 24;
      const time = timeOf(i, noise);
      for (const [index, name] of names.entries()) {
        const value = VALUES[name]?.(i, noise) ?? 0;
        rig.ring.writeSample(index + 1, time, value);
        fed[index]?.push({ time, value });
      }
      if (i % 1000 < 999) continue;
      rig.commit();
      while (rig.writer.seal() > 0);
    }
    const telemetry = rig.telemetry();
    const end = SAMPLES * STEP_US;
    const ranges = fc.tuple(
      fc.nat(names.length - 1),
      fc.integer({ min: -end / 4, max: end }),
      fc.integer({ min: 1, max: 2 * end }),
      fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 60, max: 2000 })),
    );
    // The clock of the boot is known better as time goes by: nothing, then a shift of all, then a stretch that is slewed.
    const clocks = [[], [{ time: 0, offset: 5_000_000 }], [{ time: end / 2, offset: 4_000_000 }]];
    let shift = (time: number) => time;
    for (const [index, readings] of clocks.entries()) {
      for (const reading of readings) rig.writer.keepClock({ ...reading, error: 1, source: 'gnss' });
      if (index === 1) shift = (time) => time + 5_000_000;
      const raw = (channel: number) =>
        [...telemetry.raw(channel + 1, -10 * end, 10 * end)].flatMap(({ times, values }) =>
          Array.from(times, (time, i) => ({ time, value: values[i] as number })),
        );
      const utc = fed.map((samples, channel) =>
        index === 2 ? raw(channel) : samples.map(({ time, value }) => ({ time: shift(time), value })),
      );
      fc.assert(
        fc.property(ranges, ([channel, from, span, pixels]) => {
          const met = telemetry.envelope(channel + 1, from, from + span, pixels);
          const wrong = differing(met, m4(utc[channel] ?? [], from, from + span, pixels));
          if (wrong.length > 0) throw new Error(`${names[channel]}: ${wrong.join('; ')}`);
        }),
        { numRuns: 40 },
      );
    }
    t.pass();
    telemetry.close();
    rig.dispose();
  });
}

t.test('a block folded to the pixels gives what its stretches give as nodes, whatever is there already', async () => {
  const [pixels, pixelUs] = [4, 100];
  const times = fc.uniqueArray(fc.nat(pixels * pixelUs - 1), { minLength: 1, maxLength: 12 });
  const blocks = fc.array(fc.record({ kind: fc.constantFrom('folded', 'thinned', 'node'), times, value: fc.nat(9) }), {
    maxLength: 6,
  });
  const edges = [new PixelEdges(), new PixelEdges()] as const;
  fc.assert(
    fc.property(blocks, (all) => {
      const [folded, merged] = edges.map((each) => new EnvelopeColumns(0, pixels * pixelUs, pixels, each));
      if (folded === undefined || merged === undefined) return false;
      for (const [index, { kind, times, value }] of all.entries()) {
        const order = { low: index, high: index };
        const ascending = times.toSorted((a, b) => a - b);
        const [first = 0, last = 0] = [ascending[0], ascending.at(-1)];
        const node = (count: number, timeMin: number, timeMax: number) => ({
          ...{ count, timeMin, timeMax, min: value, max: value + count, first: value + timeMin, last: value - timeMax },
          sum: 0,
        });
        if (kind === 'thinned') {
          for (const each of [folded, merged]) each.addThinned(node(times.length, first, last), first, last, order);
          continue;
        }
        if (kind === 'node') {
          for (const each of [folded, merged]) each.addNode(node(1, first, first), 0, order);
          continue;
        }
        const stretches = new Stretches();
        const told = { length: times.length, at: (i: number) => ascending[i] as number };
        if (!folded.grid.findStretches(told, 0, stretches)) return false;
        const { count, ends, timesFirst, timesLast } = stretches;
        const nodes = Array.from(ends.subarray(0, count), (end, i) =>
          node(end - (ends[i - 1] ?? 0), timesFirst[i] as number, timesLast[i] as number),
        );
        const corners = nodes.flatMap((each) => [each.min, each.max, each.first, each.last]);
        folded.addFolded(stretches, Float64Array.from(corners), order);
        for (const each of nodes) merged.addNode(each, 0, order);
      }
      const told = ({ envelope, open }: EnvelopeColumns) => {
        const { count, min, max, first, last } = envelope;
        return JSON.stringify([[count, min, max, first, last].map((each) => Array.from(each, String)), [...open]]);
      };
      return told(folded) === told(merged);
    }),
    { numRuns: 2000 },
  );
});

t.test('stretches of times are the runs of samples of one pixel, and what lies beside the chart', async () => {
  const cases = fc.record({
    steps: fc.array(fc.nat(40), { minLength: 1, maxLength: 300 }),
    from: fc.integer({ min: -50, max: 3000 }),
    span: fc.integer({ min: 1, max: 6000 }),
    pixels: fc.integer({ min: 1, max: 40 }),
    shift: fc.integer({ min: -500, max: 500 }),
  });
  fc.assert(
    fc.property(cases, ({ steps, from, span, pixels, shift }) => {
      let time = 0;
      const times = Float64Array.from(steps, (step) => {
        time += step;
        return time;
      });
      const grid = new PixelGrid(from, from + span, pixels);
      const room = new Stretches();
      const found = grid.findStretches({ length: times.length, at: (i) => times[i] as number }, shift, room);
      const pixelOf = (utc: number) => (grid.holds(utc) ? grid.pixelOf(utc) : -1);
      const expected: [pixel: number, end: number, first: number, last: number][] = [];
      for (const [i, stored] of times.entries()) {
        const utc = stored + shift;
        const before = expected.at(-1);
        // Samples before and after the chart lie beside it on two sides.
        const goesOn =
          before !== undefined && before[0] === pixelOf(utc) && (before[0] >= 0 || before[3] >= from === utc >= from);
        if (goesOn) [before[1], before[3]] = [i + 1, utc];
        else expected.push([pixelOf(utc), i + 1, utc, utc]);
      }
      const small = new Stretches(expected.length - 1);
      if (grid.findStretches({ length: times.length, at: (i) => times[i] as number }, shift, small)) return false;
      const { count, ends, pixels: met, timesFirst, timesLast } = room.copy();
      return (
        found &&
        expected.every(
          ([pixel, end, first, last], i) =>
            met[i] === pixel && ends[i] === end && timesFirst[i] === first && timesLast[i] === last,
        ) &&
        count === expected.length &&
        ends.length === count
      );
    }),
    { numRuns: 500 },
  );
});
