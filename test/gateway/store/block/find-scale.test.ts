import fc from 'fast-check';
import t from 'tap';
import { findScale, type Scaled } from '../../../../gateway/store/block/find-scale.ts';

/** What a source makes of its counts. */
function valuesOf(gain: number, offset: number, counts: readonly number[]): Float64Array {
  return Float64Array.from(counts, (count) => count * gain + offset);
}

function wave(length: number, from: number, height: number): number[] {
  return Array.from({ length }, (_, i) => Math.round(from + height * Math.sin(i / 40) + (i % 3)));
}

function back({ integers, scale: { gain, offset, divide } }: Scaled): number[] {
  return Array.from(integers, (integer) => (divide ? integer / gain : integer * gain + offset));
}

for (const [gain, offset] of [
  [0.01, -67.67],
  [0.01, -327.68],
  [0.1, -6000],
  [0.244, 180],
  [0.001, -12.345],
] as const) {
  t.test(`finds that a source counts in ${gain} from ${offset}, which needs no exception`, async (t) => {
    const values = valuesOf(gain, offset, wave(3000, Math.round(20 / gain - offset / gain), 900));
    const found = findScale(values);
    t.equal(found?.exceptions.length, 0);
    t.same(found && back(found), Array.from(values));
  });
}

t.test('whatever is found gives back every number but the exceptions', async () => {
  const part = {
    gain: fc.integer({ min: 1, max: 9999 }),
    places: fc.nat(5),
    offset: fc.integer({ min: -1e5, max: 1e5 }),
  };
  fc.assert(
    fc.property(fc.record(part), fc.integer({ min: 1, max: 700 }), ({ gain, places, offset }, length) => {
      const unit = 10 ** places;
      const values = valuesOf(gain / unit, offset / unit, wave(length, 500, 400));
      const found = findScale(values);
      if (found === undefined) return true;
      const exceptions = new Set(found.exceptions);
      return back(found).every((value, i) => exceptions.has(i) || Object.is(value, values[i]));
    }),
    { numRuns: 200 },
  );
});
