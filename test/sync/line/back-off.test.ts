import t from 'tap';
import { BackOff } from '../../../sync/line/back-off.ts';

t.test('waits 1 s, 2 s, 4 s ... 2 min, and begins anew after a success', async (t) => {
  const backOff = new BackOff(() => 0);
  const waits = Array.from({ length: 9 }, () => backOff.next());
  t.same(
    waits,
    [1, 2, 4, 8, 16, 32, 64, 120, 120].map((seconds) => seconds * 1000),
  );
  backOff.reset();
  t.equal(backOff.next(), 1000);
});

t.test('takes away up to a quarter of a wait by chance', async (t) => {
  for (const [chance, wait] of [
    [0, 1000],
    [0.5, 875],
    [0.999999, 750],
  ] as const) {
    t.equal(new BackOff(() => chance).next(), wait);
  }
});
