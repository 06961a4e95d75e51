import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import type { BlockSamples } from '../../../../gateway/store/pack/pack-info.ts';
import type { BlockHeader } from './one-block.ts';

/** Blocks for tests: a header, and shapes of samples that steer into each encoding. */

export const HEADER: BlockHeader = {
  gateway: 'car7-box',
  boot: '00112233aabbccdd',
  channel: 'car7/engine/rpm',
  type: 'number',
  stamp: 'arrival',
  firstSequence: 1_000_000,
  clockSource: 'gnss',
  clockErrorUs: 30,
};

/** A Wednesday in 2023, microseconds. */
export const TIME = 1_700_000_000_000_000;

/** The float64 of 64 bits, which need not be a canonical NaN; written as bytes, so that no bit of it is touched. */
export function fromBits(bits: readonly bigint[]): Float64Array {
  return new Float64Array(BigUint64Array.from(bits).buffer);
}

export function bitsOf(values: Float64Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex');
}

/** True where all times and values are the same, bit by bit. */
export function sameSamples(a: BlockSamples, b: BlockSamples): boolean {
  if (bitsOf(a.times) !== bitsOf(b.times)) return false;
  if (a.values instanceof Float64Array && b.values instanceof Float64Array)
    return bitsOf(a.values) === bitsOf(b.values);
  return JSON.stringify(a.values) === JSON.stringify(b.values);
}

const counts = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 4096 }));

/** A cheap repeatable source of whole numbers below `below`. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Columns whose element `i` is what `make` gives for it; `make` is given a source of whole numbers. */
function each(make: (random: (below: number) => number) => (i: number) => number): fc.Arbitrary<Float64Array> {
  return fc.tuple(counts, fc.nat()).map(([count, seed]) => {
    const next = make(randomFrom(seed));
    return Float64Array.from({ length: count }, (_, i) => next(i));
  });
}

/** Times by what they are like. */
export const TIME_SHAPES: Readonly<Record<string, fc.Arbitrary<Float64Array>>> = {
  'on an exact grid': each(() => (i) => TIME + i * 10_000),
  'on a grid of a fraction of a microsecond': each(() => (i) => TIME + Math.round((i * 1e6) / 120)),
  'on a grid with jitter': each((random) => (i) => TIME + i * 10_000 + random(9)),
  'on a grid with gaps': each((random) => {
    let gap = 0;
    return (i) => {
      if (random(200) === 0) gap += random(5_000_000);
      return TIME + i * 10_000 + gap;
    };
  }),
  'in whole milliseconds': each((random) => (i) => TIME + i * 100_000 + random(40) * 1000),
  'at ever longer steps': each(() => (i) => TIME + i * i * 7),
  'all the same': each(() => () => TIME),
  'in bursts': each((random) => (i) => TIME + Math.floor(i / 7) * 20_000 + random(3)),
  'in any order': each((random) => () => TIME + random(3_600_000_000)),
  'before 1970': each((random) => (i) => -TIME + i * 1000 + random(50)),
  'over all that a time can be': fc
    .array(fc.maxSafeInteger(), { minLength: 1, maxLength: 300 })
    .map((times) => Float64Array.from(times)),
  'at both ends of what a time can be': each(
    (random) => () => (random(2) === 0 ? 1 : -1) * (Number.MAX_SAFE_INTEGER - random(3)),
  ),
};

/** Numbers by what they are like, and the encoding of long columns of them; undefined where it depends. */
export const NUMBER_SHAPES: Readonly<
  Record<string, { values: fc.Arbitrary<Float64Array>; encoding: string | undefined }>
> = {
  'one whole number': { values: each((random) => constantly(random(1000))), encoding: 'scaled' },
  'one number with many digits': { values: each(() => () => Math.PI), encoding: 'constant' },
  'one signalling NaN': {
    values: counts.map((count) => fromBits(Array(count).fill(0x7ff4_0000_dead_beefn))),
    encoding: 'constant',
  },
  'whole numbers': { values: each((random) => () => random(10_000) - 5000), encoding: 'scaled' },
  'a counter that wraps': { values: each(() => (i) => i % 256), encoding: 'scaled' },
  'a ramp that bends': { values: each(() => (i) => i * i * 3), encoding: 'scaled' },
  'decimals from text': { values: each((random) => () => (random(100_000) - 50_000) / 100), encoding: 'scaled' },
  'a gain of 0.01': { values: each((random) => () => random(65_536) * 0.01), encoding: 'scaled' },
  'a gain of 1/256': { values: each((random) => () => random(65_536) * 0.00390625), encoding: 'scaled' },
  'a gain of 0.244 from -125': { values: each((random) => () => random(1024) * 0.244 - 125), encoding: 'scaled' },
  'a gain of 0.03589 from -18.375': {
    values: each((random) => () => random(1024) * 0.03589 - 18.375),
    encoding: 'scaled',
  },
  'whole numbers with a NaN now and then': {
    values: each((random) => () => (random(40) === 0 ? Number.NaN : random(500))),
    encoding: undefined,
  },
  'zeros of both signs': { values: each((random) => () => (random(2) === 0 ? -0 : 0)), encoding: 'float32' },
  'a few numbers with many digits': {
    values: each((random) => () => Math.sqrt(2 + random(5))),
    encoding: 'dictionary',
  },
  'float32 of a sine': { values: each(() => (i) => Math.fround(Math.sin(i / 50) * 100)), encoding: 'float32' },
  'float32 of anything': {
    values: each((random) => () => new Float32Array(Uint32Array.of(random(2 ** 32)).buffer)[0] ?? 0),
    encoding: undefined,
  },
  'a smooth sine': { values: each(() => (i) => 1000 + Math.sin(i / 500)), encoding: 'xor' },
  'numbers of all magnitudes': {
    values: each((random) => () => (random(2 ** 31) + random(2 ** 31) / 2 ** 31) * 2 ** (random(1500) - 1000)),
    encoding: 'words',
  },
  denormals: { values: each((random) => () => random(2 ** 31) * 5e-324), encoding: undefined },
  'numbers beside 2^53': { values: each((random) => () => 2 ** 53 - random(2 ** 20)), encoding: undefined },
  'any 64 bits': {
    values: fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 1, maxLength: 500 }).map(fromBits),
    encoding: undefined,
  },
  'any 64 bits of few kinds': {
    values: fc
      .array(
        fc.constantFrom(
          0x7ff0_0000_0000_0001n,
          0xfff8_0000_0000_0000n,
          0x8000_0000_0000_0000n,
          0x7ff0_0000_0000_0000n,
          1n,
          0n,
        ),
        { minLength: 1, maxLength: 500 },
      )
      .map(fromBits),
    encoding: undefined,
  },
};

/** Texts by what they are like. */
export const TEXT_SHAPES: Readonly<Record<string, fc.Arbitrary<string[]>>> = {
  'of any kind': fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 200 }),
  'of few kinds': fc.array(fc.constantFrom('pit', 'out lap', 'in lap', '', 'Größe 12 µm'), {
    minLength: 1,
    maxLength: 500,
  }),
  'all the same': counts.map((count) => Array<string>(count).fill('running')),
};

/** A block of any shapes, for what holds of all. */
export const anyBlock: fc.Arbitrary<{ header: BlockHeader; samples: BlockSamples }> = fc
  .tuple(
    fc.oneof(...Object.values(TIME_SHAPES)),
    fc.oneof(...Object.values(NUMBER_SHAPES).map(({ values }) => values), ...Object.values(TEXT_SHAPES)),
  )
  .map(([times, values]) => {
    const count = Math.min(times.length, values.length);
    return {
      header: { ...HEADER, type: values instanceof Float64Array ? 'number' : 'text' },
      samples: { times: times.subarray(0, count), values: values.slice(0, count) },
    };
  });

function constantly(value: number): () => number {
  return () => value;
}
