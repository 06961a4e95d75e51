import fc from 'fast-check';
import t from 'tap';
import { StaleWatch } from '../../gateway/stale-watch.ts';

const SECOND = 1e6;

/** A watch over one channel, looked at every second; `isHeard` tells whether it is heard in that second. */
function rig() {
  const watch = new StaleWatch();
  const heard = new Uint8Array(4);
  let now = 1e15;
  return {
    watch,
    skip: (us: number) => {
      now += us;
    },
    now: () => now,
    second: (isHeard: boolean) => {
      now += SECOND;
      if (isHeard) heard[2] = 1;
      watch.look(now, heard, heard.length);
      return watch.stale.has(2);
    },
  };
}

t.test('a channel of every second is stale after three, says since when, and recovers by itself', async (t) => {
  const { watch, now, second } = rig();
  for (let i = 0; i < 10; i += 1) t.notOk(second(true));
  const heardAt = now();
  t.same(
    [0, 1, 2, 3, 4].map(() => second(false)),
    [false, false, false, true, true],
  );
  t.equal(watch.heardAt(2), heardAt);
  t.notOk(second(true));
  t.same([...watch.stale], []);
});

t.test('a slow channel is judged by its own intervals', async (t) => {
  const { second } = rig();
  for (let i = 0; i < 100; i += 1) t.notOk(second(i % 10 === 0));
  let silent = 9;
  while (!second(false)) silent += 1;
  t.ok(silent >= 20 && silent <= 35, `${silent} s`);
});

t.test('a channel that was heard a few times only never is stale', async (t) => {
  const { second } = rig();
  for (let i = 0; i < 5; i += 1) second(true);
  for (let i = 0; i < 1000; i += 1) t.notOk(second(false));
});

t.test('one that becomes slower for good is called stale a few times, not for ever', async (t) => {
  const { second } = rig();
  for (let i = 0; i < 60; i += 1) second(true);
  let alarms = 0;
  let was = false;
  for (let i = 0; i < 100 * 60; i += 1) {
    const isStale = second(i % 60 === 0);
    if (isStale && !was) alarms += 1;
    was = isStale;
  }
  t.ok(alarms >= 1 && alarms <= 6, `${alarms} alarms`);
});

t.test('an outage of an hour does not make it patient with the next', async (t) => {
  const { second } = rig();
  for (let i = 0; i < 60; i += 1) second(true);
  for (let i = 0; i < 3600; i += 1) second(false);
  for (let i = 0; i < 60; i += 1) second(true);
  let silent = 0;
  while (!second(false)) silent += 1;
  t.ok(silent < 6, `${silent} s`);
});

t.test('a box that slept accuses nobody', async (t) => {
  const { second, skip } = rig();
  for (let i = 0; i < 20; i += 1) second(true);
  skip(600 * SECOND);
  t.notOk(second(false));
  t.notOk(second(true));
});

t.test('whatever its jitter, a channel heard at least every so often is not stale once that is known', async (t) => {
  const gaps = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(gaps, (gaps) => {
      const { second } = rig();
      const round = () =>
        gaps.some((gap) => Array.from({ length: gap }, (_, i) => second(i === gap - 1)).includes(true));
      for (let i = 0; i < 20; i += 1) round();
      // The longest of 50 intervals may have been forgotten when it comes again; those of a few are not.
      return gaps.length > 10 || !round();
    }),
    { numRuns: 50 },
  );
  t.pass();
});

t.test(
  'who looks at a channel sees it stale before it was heard, and then only where silence means something',
  async (t) => {
    const { watch, second } = rig();
    const steady = { id: 2, type: 'number' } as const;
    const held = { id: 2, type: 'enum' } as const;
    t.same([watch.isStale(steady), watch.isStale(held)], [true, true]);
    for (let i = 0; i < 10; i += 1) second(true);
    t.same([watch.isStale(steady), watch.isStale(held)], [false, false]);
    for (let i = 0; i < 5; i += 1) second(false);
    t.same([watch.isStale(steady), watch.isStale(held)], [true, false]);
    t.equal(watch.isStale({ ...held, rateHz: 1 }), true, 'one that says its rate is steady');
  },
);
