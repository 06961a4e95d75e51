import fc from 'fast-check';
import t from 'tap';
import { withoutRanges } from '../../../sync/central/sequence-range.ts';

t.test('what is left of a range is what no taken range holds, in as few pieces as can be', async (t) => {
  const range = fc
    .tuple(fc.nat(30), fc.integer({ min: 1, max: 10 }))
    .map(([first, count]) => ({ first, end: first + count }));
  const taken = fc.array(fc.nat(40), { maxLength: 12 }).map((edges) => {
    const sorted = [...new Set(edges)].sort((a, b) => a - b);
    return sorted.flatMap((first, i) => (i % 2 === 0 ? [{ first, end: sorted[i + 1] ?? first + 1 }] : []));
  });
  fc.assert(
    fc.property(range, taken, (whole, runs) => {
      const left = withoutRanges(whole, runs);
      for (let n = 0; n < 50; n += 1) {
        const holds = (each: { first: number; end: number }) => n >= each.first && n < each.end;
        t.equal(left.filter(holds).length, holds(whole) && !runs.some(holds) ? 1 : 0);
      }
      for (const [i, each] of left.entries()) t.ok(each.first < each.end && each.first > (left[i - 1]?.end ?? -1));
    }),
  );
});
