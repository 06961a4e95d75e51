import t from 'tap';
import { Ladder, rungText } from '../../../../gateway/store/retention/ladder.ts';
import { RUNGS } from '../../../../gateway/store/retention/retention-plan.ts';

const MINUTE_MS = 60_000;

t.test('a rung is entered at once and left when it was not needed for ten minutes', async (t) => {
  const ladder = new Ladder();
  t.equal(ladder.observe('thin-bulk', 0.9, 0), 'none');
  t.equal(ladder.rung, 'thin-bulk');
  for (let now = 0; now < 60 * MINUTE_MS; now += MINUTE_MS) {
    t.equal(ladder.observe('none', 1.1, now), undefined, 'a step made room');
    t.equal(ladder.observe('thin-bulk', 0.9, now), undefined, 'and it was used');
  }
  t.equal(ladder.observe('none', 9, 68 * MINUTE_MS), undefined);
  t.equal(ladder.observe('none', 9, 69 * MINUTE_MS), 'thin-bulk');
  t.equal(ladder.rung, 'none');
});

t.test('intake of the lesser classes is refused until there is room to spare', async (t) => {
  const ladder = new Ladder();
  ladder.observe('critical-only', 0.5, 0);
  t.equal(ladder.refuses, true);
  ladder.observe('none', 1.1, 20 * MINUTE_MS);
  t.equal(ladder.refuses, true, 'what has just become free would be full again at once');
  t.equal(ladder.rung, 'critical-only');
  ladder.observe('none', 1.3, 20 * MINUTE_MS);
  t.equal(ladder.refuses, false);
  t.equal(ladder.rung, 'none');
});

t.test('every rung has words of its own', async (t) => {
  t.equal(new Set(RUNGS.map(rungText)).size, RUNGS.length);
});
