import t from 'tap';
import { BACK_OFF_MAX_MS, BackOff } from '../../../sync/line/back-off.ts';

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

t.test('waits as long as the other end asks for, and by chance longer, never shorter', async (t) => {
  for (const chance of [0, 0.5, 0.999]) {
    const backOff = new BackOff(() => chance);
    t.equal(backOff.next(8_000), Math.round(8_000 * (1 + 0.25 * chance)));
    t.equal(backOff.next(100), Math.round(2_000 * (1 - 0.25 * chance)), 'its own wait where that is longer');
    t.ok(backOff.next(1e12) <= BACK_OFF_MAX_MS * 1.25, 'nobody is kept away for longer than the longest wait');
  }
});
