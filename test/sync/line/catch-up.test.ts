import t from 'tap';
import { CatchUp } from '../../../sync/line/catch-up.ts';

/** Positions once a second for so long: what a destination has, and the end of the feed. */
function noted(seconds: number, position: (s: number) => number, end: (s: number) => number): CatchUp {
  const catchUp = new CatchUp();
  for (let s = 0; s <= seconds; s += 1) catchUp.note(s * 1e3, position(s), end(s));
  return catchUp;
}

t.test('tells nothing of what nobody noted, and no rate of a moment', async (t) => {
  t.equal(new CatchUp().now, undefined);
  const catchUp = new CatchUp();
  catchUp.note(0, 10, 110);
  t.same(catchUp.now, { positions: 100 });
  catchUp.note(1_000, 110, 110);
  t.same(catchUp.now, { positions: 0, caughtUpS: 0 });
});

t.test('has all when what it takes beyond what comes in makes up for what it lacks', async (t) => {
  const { now } = noted(
    60,
    (s) => 30 * s,
    (s) => 6_000 + 10 * s,
  );
  t.same(now, { positions: 4_800, positionsPerS: 30, caughtUpS: 240 });
});

t.test('never, where it takes no more than comes in', async (t) => {
  const slower = noted(
    60,
    (s) => 5 * s,
    (s) => 6_000 + 10 * s,
  );
  t.same(slower.now, { positions: 6_300, positionsPerS: 5 });
  const cut = noted(
    60,
    () => 0,
    (s) => 6_000 + 10 * s,
  );
  t.same(cut.now, { positions: 6_600, positionsPerS: 0 });
});

t.test('is up to date where it lacks no more than comes in within a word of what was kept', async (t) => {
  const { now } = noted(
    60,
    (s) => 10 * Math.max(0, 5 * Math.floor(s / 5) - 5),
    (s) => 10 * s,
  );
  t.equal(now?.caughtUpS, 0);
});

t.test('begins anew where a store was set back, and forgets what is long ago', async (t) => {
  const catchUp = noted(
    60,
    (s) => 30 * s,
    () => 6_000,
  );
  catchUp.note(61_000, 100, 200);
  t.same(catchUp.now, { positions: 100 });
  const slowed = noted(
    300,
    (s) => (s < 200 ? 30 * s : 6_000 + (s - 200)),
    () => 10_000,
  );
  t.equal(slowed.now?.positionsPerS, 1);
});
