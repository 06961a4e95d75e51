import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { decodeBlock, describeBlock, encodeBlock } from './one-block.ts';
import { HEADER, NUMBER_SHAPES, sameSamples, TEXT_SHAPES, TIME, TIME_SHAPES } from './samples.ts';

const RUNS = 60;

for (const [shape, arbitrary] of Object.entries(TIME_SHAPES)) {
  t.test(`gives back times ${shape}`, async () => {
    fc.assert(
      fc.property(arbitrary, (times) => {
        const samples = { times, values: new Float64Array(times.length) };
        return sameSamples(decodeBlock(encodeBlock(HEADER, samples)), samples);
      }),
      { numRuns: RUNS },
    );
  });
}

/** Long columns are expected to take the encoding that was made for them; short ones take whatever is smallest. */
const LONG = 1000;

for (const [shape, { values: arbitrary, encoding }] of Object.entries(NUMBER_SHAPES)) {
  t.test(`gives back every bit of ${shape}`, async (t) => {
    const met = new Set<string>();
    fc.assert(
      fc.property(arbitrary, (values) => {
        const samples = { times: Float64Array.from(values, (_, i) => TIME + i), values };
        const bytes = encodeBlock(HEADER, samples);
        if (values.length >= LONG) met.add(describeBlock(bytes).values.encoding);
        return sameSamples(decodeBlock(bytes), samples);
      }),
      { numRuns: RUNS },
    );
    if (encoding !== undefined) t.same([...met], [encoding]);
  });
}

t.test('gives back any mix of shapes', async () => {
  const values = fc.oneof(...Object.values(NUMBER_SHAPES).map(({ values }) => values));
  fc.assert(
    fc.property(values, values, (a, b) => {
      const joined = new Float64Array(Math.min(4096, a.length + b.length));
      joined.set(a);
      joined.set(b.subarray(0, joined.length - a.length), a.length);
      const samples = { times: Float64Array.from(joined, (_, i) => TIME + i), values: joined };
      return sameSamples(decodeBlock(encodeBlock(HEADER, samples)), samples);
    }),
    { numRuns: 200 },
  );
});

t.test('gives back whole numbers of every scale that is told', async () => {
  const anyScale = fc.record({ gain: fc.double(), offset: fc.double() });
  fc.assert(
    fc.property(fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: 100 }), anyScale, (integers, scale) => {
      const values = Float64Array.from(integers, (integer) => integer * scale.gain + scale.offset);
      const samples = { times: Float64Array.from(values, (_, i) => TIME + i), values };
      return sameSamples(decodeBlock(encodeBlock(HEADER, samples, scale)), samples);
    }),
    { numRuns: 300 },
  );
});

for (const [shape, arbitrary] of Object.entries(TEXT_SHAPES)) {
  t.test(`gives back texts ${shape}`, async () => {
    fc.assert(
      fc.property(arbitrary, (texts) => {
        const values = texts.map((text) => Buffer.from(text).toString());
        const samples = { times: Float64Array.from(texts, (_, i) => TIME + i), values };
        return sameSamples(decodeBlock(encodeBlock({ ...HEADER, type: 'text' }, samples)), samples);
      }),
      { numRuns: RUNS },
    );
  });
}
