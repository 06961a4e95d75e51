import fc from 'fast-check';
import t from 'tap';
import { type KeptCopy, keptCopies } from '../../../sync/drill/keep-rule.ts';

const copy = (begun: string, isRestored = true): KeptCopy => ({ begun, isRestored });

t.test('the newest are kept, and the newest of so many days and months before', async (t) => {
  const copies = ['2025-01-03', '2025-02-10', '2025-02-11', '2025-03-01', '2025-03-02'].flatMap((day) =>
    ['T02:00:00.000Z', 'T14:00:00.000Z'].map((time) => copy(`${day}${time}`)),
  );
  const kept = (newest: number, daily: number, monthly: number) =>
    keptCopies(copies, { newest, daily, monthly }).map(({ begun }) => begun.slice(0, 13));
  t.same(kept(3, 0, 0), ['2025-03-02T14', '2025-03-02T02', '2025-03-01T14']);
  t.same(kept(1, 3, 0), ['2025-03-02T14', '2025-03-01T14', '2025-02-11T14']);
  t.same(kept(1, 0, 3), ['2025-03-02T14', '2025-02-11T14', '2025-01-03T14']);
  t.same(kept(2, 2, 2), ['2025-03-02T14', '2025-03-02T02', '2025-03-01T14', '2025-02-11T14']);
});

t.test('a backup that was not restored does not count, and the last right one never goes', async (t) => {
  const rule = { newest: 1, daily: 0, monthly: 0 };
  const [old, bad, worse] = [copy('2025-01-01'), copy('2025-01-02', false), copy('2025-01-03', false)] as const;
  t.same(keptCopies([old, bad, worse], rule), [worse, old], 'of those the newest stays, to be looked at');
  t.same(keptCopies([old, bad, worse, copy('2025-01-04')], rule), [copy('2025-01-04')]);
  fc.assert(
    fc.property(fc.array(fc.record({ day: fc.integer({ min: 1, max: 999 }), isRestored: fc.boolean() })), (drawn) => {
      const copies = drawn.map(({ day, isRestored }) => copy(`2025-01-01T${String(day).padStart(3, '0')}`, isRestored));
      const restored = copies.filter(({ isRestored }) => isRestored).map(({ begun }) => begun);
      const kept = keptCopies(copies, rule).filter(({ isRestored }) => isRestored);
      return kept[0]?.begun === restored.sort().at(-1) && kept.length <= 1;
    }),
  );
});
