import { Buffer } from 'node:buffer';
import process from 'node:process';
import t from 'tap';
import { BLOCK_SAMPLES_MAX } from '../../../../gateway/limits.ts';
import type { BlockSamples } from '../../../../gateway/store/pack/pack-info.ts';
import { type BlockHeader, decodeBlock, describeBlock, encodeBlock, readBlockInfo } from './one-block.ts';
import { HEADER, sameSamples, TIME } from './samples.ts';

const SAMPLES: BlockSamples = {
  times: Float64Array.of(TIME + 20, TIME, TIME + 10),
  values: Float64Array.of(1.5, -0, Number.NaN),
};

const HEADERS: Readonly<Record<string, Partial<BlockHeader>>> = {
  'of bool': { type: 'bool' },
  'of enum': { type: 'enum' },
  'with device stamps': { stamp: 'device' },
  'without a clock': { clockSource: 'none', clockErrorUs: Number.POSITIVE_INFINITY },
  'with an exact clock': { clockSource: 'ptp', clockErrorUs: 0 },
  'with the first sequence number': { firstSequence: 0 },
  'with the last sequence numbers': { firstSequence: Number.MAX_SAFE_INTEGER - 2 },
  'with the longest names': { gateway: 'g'.repeat(64), channel: 'c'.repeat(512) },
  'with names beyond ASCII': { gateway: 'Kiesgrube-Süd', channel: 'Förderband/Öl µm' },
};

for (const [name, part] of Object.entries(HEADERS)) {
  t.test(`gives back the header of a block ${name}`, async (t) => {
    const header = { ...HEADER, ...part };
    const bytes = encodeBlock(header, SAMPLES);
    const info = { ...header, count: 3, timeMin: TIME, timeMax: TIME + 20 };
    t.same(readBlockInfo(bytes), info);
    const { times, values, ...decoded } = decodeBlock(bytes);
    t.same(decoded, info);
    t.ok(sameSamples({ times, values }, SAMPLES));
  });
}

t.test('rounds the error bound of the clock up to whole microseconds, so that it stays a bound', async (t) => {
  t.equal(readBlockInfo(encodeBlock({ ...HEADER, clockErrorUs: 12.25 }, SAMPLES)).clockErrorUs, 13);
});

t.test('gives the same bytes for the same samples, also when they are part of larger arrays', async (t) => {
  const times = Float64Array.of(0, ...SAMPLES.times, 0);
  const values = Float64Array.of(0, 1.5, -0, Number.NaN, 0);
  const bytes = encodeBlock(HEADER, { times: times.subarray(1, 4), values: values.subarray(1, 4) });
  t.same(bytes, encodeBlock(HEADER, SAMPLES));
});

t.test('reads a block that lies within larger bytes', async (t) => {
  const bytes = encodeBlock(HEADER, SAMPLES);
  const around = Buffer.concat([Buffer.from('xyz'), bytes, Buffer.from('xyz')]);
  t.ok(sameSamples(decodeBlock(around.subarray(3, 3 + bytes.length)), SAMPLES));
});

t.test('keeps a lone surrogate of a text as U+FFFD', async (t) => {
  const bytes = encodeBlock({ ...HEADER, type: 'text' }, { times: Float64Array.of(TIME), values: ['a\ud800b'] });
  t.same(decodeBlock(bytes).values, ['a\ufffdb']);
});

t.test('takes a minute of a channel at 1 Hz in few bytes beyond its names', async (t) => {
  const times = Float64Array.from({ length: 60 }, (_, i) => TIME + i * 1_000_000);
  const values = Float64Array.from({ length: 60 }, (_, i) => 21 + Math.round(Math.sin(i / 10) * 10) / 10);
  const bytes = encodeBlock(HEADER, { times, values });
  t.ok(bytes.length - HEADER.gateway.length - HEADER.channel.length <= 90, `${bytes.length} bytes`);
});

t.test('finds a scale that cannot be guessed where the source tells it', async (t) => {
  const gain = 0.0123456789;
  const values = Float64Array.from({ length: 1000 }, (_, i) => ((i * 7919) % 1000) * gain - 7.7);
  const samples = { times: Float64Array.from(values, (_, i) => TIME + i), values };
  const told = encodeBlock(HEADER, samples, { gain, offset: -7.7 });
  t.equal(describeBlock(told).values.encoding, 'scaled');
  t.ok(sameSamples(decodeBlock(told), samples));
  t.ok(told.length < encodeBlock(HEADER, samples).length / 2);
});

t.test('is lossless also where the scale that the source tells is wrong', async (t) => {
  for (const scale of [
    { gain: 0.3, offset: 0 },
    { gain: 0, offset: 1 },
    { gain: Number.NaN, offset: Number.NaN },
    { gain: 1e-320, offset: 0 },
  ]) {
    t.ok(sameSamples(decodeBlock(encodeBlock(HEADER, SAMPLES, scale)), SAMPLES));
  }
});

const REFUSED: Readonly<Record<string, [Partial<BlockHeader>, BlockSamples, RegExp]>> = {
  'without samples': [
    {},
    { times: new Float64Array(0), values: new Float64Array(0) },
    /BLOCK-3\.2: count is 0, expected 1 to 4096/,
  ],
  'with too many samples': [
    {},
    { times: new Float64Array(BLOCK_SAMPLES_MAX + 1), values: new Float64Array(BLOCK_SAMPLES_MAX + 1) },
    /BLOCK-3\.2: count is 4097/,
  ],
  'with more times than values': [
    {},
    { times: new Float64Array(2), values: new Float64Array(1) },
    /1 values for 2 times/,
  ],
  'of text that is numbers': [{ type: 'text' }, SAMPLES, /BLOCK-4\.1: .*text/],
  'of numbers that are text': [{}, { times: new Float64Array(1), values: ['1'] }, /BLOCK-4\.1: .*number/],
  'with a time of half a microsecond': [
    {},
    { times: Float64Array.of(0.5), values: Float64Array.of(1) },
    /BLOCK-3\.4: time is 0\.5/,
  ],
  'with a time that is no number': [
    {},
    { times: Float64Array.of(Number.NaN), values: Float64Array.of(1) },
    /time is NaN/,
  ],
  'with a time of 2^53': [
    {},
    { times: Float64Array.of(2 ** 53), values: Float64Array.of(1) },
    /time is 9007199254740992/,
  ],
  'with a boot that is not hex': [{ boot: 'x'.repeat(16) }, SAMPLES, /PACK-3\.5: boot is x+, expected 16 hex digits/],
  'without a gateway': [{ gateway: '' }, SAMPLES, /PACK-3\.4: length of gateway is 0/],
  'with too long a gateway': [{ gateway: 'ü'.repeat(33) }, SAMPLES, /PACK-3\.4: length of gateway is 66/],
  'without a channel': [{ channel: '' }, SAMPLES, /PACK-5\.1/],
  'with too long a channel': [{ channel: 'c'.repeat(513) }, SAMPLES, /PACK-5\.1: length of channel is 513/],
  'with a broken sequence number': [{ firstSequence: -1 }, SAMPLES, /PACK-5\.3: first sequence is -1/],
  'with sequence numbers that end beyond 2^53': [{ firstSequence: Number.MAX_SAFE_INTEGER - 1 }, SAMPLES, /PACK-5\.3/],
  'with a negative error bound': [{ clockErrorUs: -1 }, SAMPLES, /PACK-3\.3: clock error is -1/],
  'with an error bound that is no number': [{ clockErrorUs: Number.NaN }, SAMPLES, /PACK-3\.3: clock error is NaN/],
  'with too long a text': [
    { type: 'text' },
    { times: Float64Array.of(1), values: ['x'.repeat(65_537)] },
    /BLOCK-8\.1: length of a text is 65537/,
  ],
};

for (const [name, [part, samples, message]] of Object.entries(REFUSED)) {
  t.test(`refuses to make a block ${name}`, async (t) => {
    t.throws(() => encodeBlock({ ...HEADER, ...part }, samples), { code: 'block-invalid', message });
  });
}

t.test('takes no longer for numbers that no scale gives back', async (t) => {
  const times = Float64Array.from({ length: BLOCK_SAMPLES_MAX }, (_, i) => TIME + i);
  const values = times.map((_, i) => (i % 4 === 0 ? -0 : ((i * 7) % 61) / 8));
  const before = process.cpuUsage();
  const bytes = encodeBlock(HEADER, { times, values }, { gain: 0.125, offset: 0 });
  const { user } = process.cpuUsage(before);
  t.ok(user < 500e3, `${user / 1e3} ms`);
  t.ok(sameSamples(decodeBlock(bytes), { times, values }));
});
