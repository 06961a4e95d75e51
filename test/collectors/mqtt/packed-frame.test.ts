import { Buffer } from 'node:buffer';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import {
  decodePackedFrame,
  encodePackedFrame,
  isPackedFrame,
  PACKED_I16_GAP,
  type PackedChannel,
  type PackedFrame,
} from '../../../collectors/mqtt/packed-frame.ts';
import { PackedTopic } from '../../../collectors/mqtt/payload/packed.ts';
import { Field } from '../../../collectors/payload/field.ts';
import { PayloadError } from '../../../collectors/payload/payload-error.ts';
import { SampleBatch } from '../../../collectors/payload/sample-batch.ts';
import { KIND_BOOL } from '../../../collectors/payload/sample-kind.ts';
import { PROJECT_ROOT } from '../../data-dir.ts';
import { describeFrame, packedVectors } from './packed-frame-vectors.ts';

const VECTORS = join(PROJECT_ROOT, 'test/vectors/packed-frame');

/** CAISSON_WRITE_VECTORS=1 writes the files anew; without it they are only compared. */
if (process.env.CAISSON_WRITE_VECTORS === '1') {
  mkdirSync(VECTORS, { recursive: true });
  for (const { name, bytes, expected } of packedVectors()) {
    writeFileSync(join(VECTORS, `${name}.bin`), bytes);
    writeFileSync(join(VECTORS, `${name}.json`), `${JSON.stringify(expected, null, 2)}\n`);
  }
}

t.test('the vector files are what their generator makes', async (t) => {
  const names = packedVectors().flatMap(({ name }) => [`${name}.bin`, `${name}.json`]);
  t.same(readdirSync(VECTORS).sort(), names.sort());
  for (const { name, bytes, expected } of packedVectors()) {
    t.ok(readFileSync(join(VECTORS, `${name}.bin`)).equals(bytes), name);
    t.same(JSON.parse(readFileSync(join(VECTORS, `${name}.json`), 'utf8')), JSON.parse(JSON.stringify(expected)), name);
  }
});

for (const { name, expected, canonical = true } of packedVectors()) {
  const bytes = readFileSync(join(VECTORS, `${name}.bin`));
  if ('refused' in expected) {
    t.test(`refuses ${name} by ${expected.refused}`, async (t) => {
      t.throws(() => decodePackedFrame(bytes), {
        reason: 'packed-invalid',
        message: new RegExp(`^${expected.refused}:`),
      });
    });
    continue;
  }
  t.test(`reads ${name}${canonical ? ' and writes the same bytes' : ''}`, async (t) => {
    const frame = decodePackedFrame(bytes);
    t.same(describeFrame(frame), expected.frame);
    if (canonical) t.ok(bytes.equals(encodePackedFrame(frame)));
  });
}

t.test('the worked example of the specification is the vector of that name', async (t) => {
  const page = readFileSync(join(PROJECT_ROOT, 'collectors/mqtt/PACKED_FRAME.md'), 'utf8');
  const example = page.slice(page.indexOf('## Worked example'));
  const hex = [...example.matchAll(/^ {4}((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2}|$)/gm)]
    .map((match) => match[1])
    .join('');
  t.equal(hex.replaceAll(' ', ''), readFileSync(join(VECTORS, 'worked-example.bin')).toString('hex'));
});

t.test('every clause that refuses a frame has a vector', async (t) => {
  const page = readFileSync(join(PROJECT_ROOT, 'collectors/mqtt/packed-frame.ts'), 'utf8');
  const thrown = new Set([...page.matchAll(/invalid\('(PF-[\d.]+)'/g)].map((match) => match[1]));
  const covered = new Set(
    packedVectors().map(({ expected }) => ('refused' in expected ? expected.refused : undefined)),
  );
  for (const clause of thrown) t.ok(covered.has(clause), `${clause}`);
});

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const name = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0'));
const span = { name, firstUs: u32, intervalUs: u32 };
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const channel: fc.Arbitrary<PackedChannel> = fc.oneof(
  fc.record({
    ...span,
    type: fc.constant('f32' as const),
    values: fc.array(u32).map((a) => new Float32Array(Uint32Array.from(a).buffer)),
  }),
  fc.record({
    ...span,
    type: fc.constant('f64' as const),
    values: fc.array(fc.bigInt(0n, 2n ** 64n - 1n)).map((a) => new Float64Array(BigUint64Array.from(a).buffer)),
  }),
  fc.record({
    ...span,
    type: fc.constant('i16' as const),
    gain: finite.filter((gain) => gain !== 0),
    offset: finite,
    values: fc.int16Array(),
  }),
  fc.record({
    ...span,
    type: fc.constant('bool' as const),
    values: fc.array(fc.integer({ min: 0, max: 1 })).map((a) => Uint8Array.from(a)),
  }),
);
const frame: fc.Arbitrary<PackedFrame> = fc.record({
  baseTimeUs: fc.maxSafeNat(),
  channels: fc.array(channel, { minLength: 1, maxLength: 8 }),
});

t.test('any frame comes back bit by bit, NaN payloads included', async () => {
  fc.assert(
    fc.property(frame, (frame) => {
      const bytes = encodePackedFrame(frame);
      const back = decodePackedFrame(bytes);
      const same = JSON.stringify(describeFrame(back)) === JSON.stringify(describeFrame(frame));
      return same && Buffer.compare(encodePackedFrame(back), bytes) === 0;
    }),
  );
});

t.test('damaged frames are refused or read, and never do anything else', async () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
  fc.assert(
    fc.property(frame, damage, fc.nat(), (frame, changes, cut) => {
      const bytes = encodePackedFrame(frame);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      try {
        decodePackedFrame(bytes.subarray(0, cut % 4 === 0 ? cut % bytes.length : bytes.length));
        return true;
      } catch (error) {
        return error instanceof PayloadError && /^PF-\d(\.\d)?: /.test(error.message);
      }
    }),
    { numRuns: 500 },
  );
});

t.test('no text begins as a packed frame does', async () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !isPackedFrame(Buffer.from(text, 'utf8'))));
});

t.test('the encoder refuses what the format cannot carry', async (t) => {
  const bits: PackedChannel = { type: 'bool', name: 'a', firstUs: 0, intervalUs: 1, values: Uint8Array.of(1) };
  const cases: [string, PackedFrame][] = [
    ['PF-1.4', { baseTimeUs: -1, channels: [bits] }],
    ['PF-1.4', { baseTimeUs: 0.5, channels: [bits] }],
    ['PF-4.1', { baseTimeUs: 0, channels: [] }],
    ['PF-2.3', { baseTimeUs: 0, channels: [{ ...bits, name: 'x'.repeat(256) }] }],
    ['PF-2.3', { baseTimeUs: 0, channels: [{ ...bits, name: 'a\0b' }] }],
    ['PF-3.1', { baseTimeUs: 0, channels: [{ ...bits, firstUs: 2 ** 32 }] }],
    ['PF-3.1', { baseTimeUs: 0, channels: [{ ...bits, intervalUs: -1 }] }],
    ['PF-2.1', { baseTimeUs: 0, channels: [{ ...bits, values: new Uint8Array(65_530) }] }],
    ['PF-3.5', { baseTimeUs: 0, channels: [{ ...bits, values: Uint8Array.of(2) }] }],
  ];
  for (const [clause, frame] of cases) t.throws(() => encodePackedFrame(frame), { message: new RegExp(`^${clause}:`) });
});

t.test('frames of one topic become the samples of their channels, whatever the frame before held', async () => {
  const shortName = fc.constantFrom('', 'a', 'b', 'ü');
  const frames = fc.array(
    fc.record({
      baseTimeUs: fc.constantFrom(0, 1e15),
      channels: fc.array(
        fc.tuple(channel, shortName).map(([one, name]): PackedChannel => ({ ...one, name })),
        {
          minLength: 1,
          maxLength: 4,
        },
      ),
    }),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(frames, (frames) => {
      const topic = new PackedTopic(new Field('t', () => {}), () => {});
      const batch = new SampleBatch();
      for (const frame of frames) {
        batch.clear();
        topic.read(encodePackedFrame(frame), batch);
        const met = Array.from({ length: batch.count }, (_, at) => [
          batch.fields[at]?.path,
          batch.times[at],
          batch.values[at],
          batch.kinds[at] === KIND_BOOL,
        ]);
        if (JSON.stringify(met) !== JSON.stringify(samplesOf(frame))) return false;
      }
      return true;
    }),
  );
});

/** What PF-3 says a frame holds, where the arrival is time 0. */
function samplesOf({ baseTimeUs, channels }: PackedFrame): unknown[] {
  const last = channels.map(({ firstUs, intervalUs, values }) => firstUs + intervalUs * (values.length - 1));
  const latest = Math.max(0, ...last.filter((_, at) => (channels[at]?.values.length ?? 0) > 0));
  const base = baseTimeUs === 0 ? -latest : baseTimeUs;
  return channels.flatMap((one) =>
    [...one.values].flatMap((value, index) => {
      if (one.type === 'i16' && value === PACKED_I16_GAP) return [];
      const path = one.name === '' ? 't' : `t/${one.name}`;
      const number = one.type === 'i16' ? value * one.gain + one.offset : value;
      return [[path, base + one.firstUs + index * one.intervalUs, number, one.type === 'bool']];
    }),
  );
}
