import t from 'tap';
import { SettledRows } from '../../../gateway/store/settled-rows.ts';

const SECOND = 1_000_000;

t.test('what was taken in is settled as far as no row is needed any more', async (t) => {
  const rows = new SettledRows();
  t.equal(rows.before(5), undefined, 'nothing is known');
  for (let second = 10; second <= 20; second += 1) rows.committed(second * SECOND, second);
  t.equal(rows.before(9), undefined, 'what is needed is older than all that is known');
  t.equal(rows.before(15), 13 * SECOND, 'two seconds may pass until a sample is published');
  t.equal(rows.before(15), 13 * SECOND);
  t.equal(rows.before(99), 18 * SECOND, 'where nothing is needed, all that was committed');
});

t.test('marks are as many as they may be while nothing is sealed, and go on afterwards', async (t) => {
  const rows = new SettledRows();
  for (let half = 0; half < 4_000; half += 1) rows.committed((half * SECOND) / 2, half);
  t.equal(rows.before(2_000), 1_023 * (SECOND / 2) - 2 * SECOND, 'less is known than is true');
  rows.committed(9_000 * SECOND, 9_000);
  t.equal(rows.before(9_000), 8_998 * SECOND);
});
