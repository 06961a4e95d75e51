import fc from 'fast-check';
import t from 'tap';
import { type EnvelopeNode, envelopeOf, mergeNodes, nodeOf } from '../../../gateway/store/envelope-node.ts';

/** A node by the letter of its definition. */
function referenceNode(times: readonly number[], values: readonly number[]): EnvelopeNode {
  const timeMin = Math.min(...times);
  const timeMax = Math.max(...times);
  const numbers = values.filter((value) => !Number.isNaN(value));
  const extreme = (better: (a: number, b: number) => boolean) =>
    numbers.reduce((best, value) => (Number.isNaN(best) || better(value, best) ? value : best), Number.NaN);
  return {
    count: values.length,
    timeMin,
    timeMax,
    min: extreme((a, b) => a < b),
    max: extreme((a, b) => a > b),
    first: values[times.indexOf(timeMin)] ?? 0,
    last: values[times.lastIndexOf(timeMax)] ?? 0,
    sum: numbers.reduce((sum, value) => sum + value, 0),
  };
}

const value = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }),
  fc.constantFrom(Number.NaN, 0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);
const ordinary = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(-0, 0.25));
const samples = fc.oneof(
  fc.array(fc.tuple(fc.nat(50), value), { minLength: 1, maxLength: 400 }),
  fc.array(fc.tuple(fc.nat(50), ordinary), { minLength: 1, maxLength: 400 }),
  fc.array(fc.tuple(fc.nat(5), fc.constant(Number.NaN)), { minLength: 1, maxLength: 100 }),
);

t.test('a node is what its definition says, to the sign of a zero, of few samples and of many', async () => {
  fc.assert(
    fc.property(samples, fc.nat(20), (all, before) => {
      const times = Float64Array.from([...Array(before).fill(-1), ...all.map(([time]) => time), -1]);
      const values = Float64Array.from([...Array(before).fill(-1e9), ...all.map(([, value]) => value), 1e9]);
      const met = nodeOf(times, values, before, before + all.length);
      const expected = referenceNode(
        all.map(([time]) => time),
        all.map(([, value]) => value),
      );
      return (Object.keys(expected) as (keyof EnvelopeNode)[]).every((key) => Object.is(met[key], expected[key]));
    }),
    { numRuns: 500 },
  );
});

t.test('the nodes of two halves make the node of the whole', async () => {
  fc.assert(
    fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (all, where) => {
      const times = Float64Array.from(all, ([time]) => time);
      const values = Float64Array.from(all, ([, value]) => value);
      const cut = Math.floor(where * all.length);
      if (cut === 0 || cut === all.length) return true;
      const whole = nodeOf(times, values, 0, all.length);
      const merged = mergeNodes(nodeOf(times, values, 0, cut), nodeOf(times, values, cut, all.length));
      return (Object.keys(whole) as (keyof EnvelopeNode)[]).every((key) => Object.is(merged[key], whole[key]));
    }),
    { numRuns: 300 },
  );
});

t.test('the envelope of a whole block of noise is that of its parts', async (t) => {
  const values = Float64Array.from({ length: 4096 }, (_, i) =>
    i % 97 === 0 ? Number.NaN : ((i * 7919) % 4093) - 2000,
  );
  const { min, max, sum } = envelopeOf(values, 1, 4096);
  const numbers = values.subarray(1).filter((value) => !Number.isNaN(value));
  t.same([min, max, sum], [Math.min(...numbers), Math.max(...numbers), numbers.reduce((a, b) => a + b)]);
});
