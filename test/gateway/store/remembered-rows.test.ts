import t from 'tap';
import { RememberedRows } from '../../../gateway/store/remembered-rows.ts';

t.test(
  'rows that cover a roster are remembered until anything is committed, others until something is given up',
  async (t) => {
    const remembered = new RememberedRows<string>();
    remembered.renew(1, '1');
    remembered.keepRoots(7, ['root'], 1);
    remembered.keepRowsUnder(7, 1, 0, ['under'], 1);
    remembered.keepRecent(7, 0, 'recent', 1);
    const known = () => [remembered.roots(7), remembered.rowsUnder(7, 1, 0), remembered.recent(7, 0)];
    t.same(known(), [['root'], ['under'], 'recent']);
    remembered.renew(2, '1');
    t.same(known(), [undefined, ['under'], 'recent'], 'after a commit');
    remembered.keepRoots(7, ['new root'], 1);
    remembered.renew(2, '1');
    t.same(known(), [['new root'], ['under'], 'recent'], 'after none');
    remembered.renew(3, '2');
    t.same(known(), [undefined, undefined, undefined], 'after a commit that gave something up');
  },
);

t.test('of too many rows those used longest ago are forgotten', async (t) => {
  const remembered = new RememberedRows<number>();
  remembered.renew(1, '1');
  for (let ordinal = 0; ordinal < 3; ordinal += 1) {
    remembered.keepRecent(1, ordinal, ordinal, 30_000);
    remembered.recent(1, 0);
  }
  t.same(
    [0, 1, 2].map((ordinal) => remembered.recent(1, ordinal)),
    [0, undefined, 2],
  );
});
