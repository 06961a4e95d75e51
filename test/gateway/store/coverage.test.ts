import fc from 'fast-check';
import t from 'tap';
import { Coverage, clipped, type SampleRun } from '../../../gateway/store/coverage.ts';
import type { Span } from '../../../gateway/store/derivation.ts';

const [LOW, HIGH] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

function spansOf(runs: readonly SampleRun[], endSequence: number): Span[] {
  const coverage = new Coverage();
  for (const run of runs) coverage.add(run);
  return coverage.spans(endSequence);
}

function run(firstSequence: number, endSequence: number, timeMin: number, timeMax: number): SampleRun {
  return { firstSequence, endSequence, timeMin, timeMax };
}

t.test('what is there wholly covers every time, before and after as well', async (t) => {
  t.same(spansOf([run(0, 10, 100, 109), run(10, 12, 110, 111)], 12), [{ from: LOW, to: HIGH }]);
});

t.test('what is missing is not covered: at the beginning, in the middle, at the end', async (t) => {
  t.same(spansOf([run(5, 10, 100, 109)], 10), [{ from: 100, to: HIGH }]);
  t.same(spansOf([run(0, 10, 100, 109)], 11), [{ from: LOW, to: 110 }]);
  t.same(spansOf([run(0, 10, 100, 109), run(20, 30, 150, 159)], 30), [
    { from: LOW, to: 110 },
    { from: 150, to: HIGH },
  ]);
  t.same(spansOf([], 30), [], 'nothing is there');
});

t.test('where times step back, spans still ascend and stay apart', async () => {
  const anyRuns = fc.array(
    fc.record({ skip: fc.nat(2), count: fc.integer({ min: 1, max: 5 }), a: fc.nat(50), b: fc.nat(50) }),
    {
      maxLength: 6,
    },
  );
  fc.assert(
    fc.property(anyRuns, (made) => {
      let end = 0;
      const runs = made.map(({ skip, count, a, b }) => {
        const first = end + skip;
        end = first + count;
        return run(first, end, Math.min(a, b), Math.max(a, b));
      });
      const spans = spansOf(runs, end);
      return spans.every(({ from, to }, i) => from < to && (i === 0 || (spans[i - 1]?.to ?? HIGH) <= from));
    }),
  );
});

t.test('of spans what lies in one is left', async (t) => {
  const spans = [
    { from: LOW, to: 10 },
    { from: 20, to: 30 },
  ];
  t.same(clipped(spans, { from: 5, to: 25 }), [
    { from: 5, to: 10 },
    { from: 20, to: 25 },
  ]);
  t.same(clipped(spans, { from: 10, to: 20 }), []);
});
