import t from 'tap';
import { Admission } from '../../../sync/line/admission.ts';

/** Lines that connect at a time. */
const PLACES = 8;

/** How long a place is held where nothing is to happen by time. */
const HOUR_MS = 3_600_000;

const IDLE = { blockedMs: 0 };

/** Lines that ask to be let in, by number; `in` has those that were, in their order. */
function lines(admission: Admission, count: number, signals: readonly AbortSignal[] = []) {
  const inside: number[] = [];
  const leaves = new Map<number, () => void>();
  const all = Array.from({ length: count }, (_, line) =>
    admission.enter(signals[line] ?? new AbortController().signal).then((leave) => {
      inside.push(line);
      leaves.set(line, leave);
    }),
  );
  /** Resolves when everything that is decided by now has happened. */
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { inside, all, settled, leave: (line: number) => leaves.get(line)?.() };
}

t.test('lets some in at a time, in the order in which they came', async (t) => {
  const admission = new Admission({ lag: IDLE, heldMs: HOUR_MS });
  const { inside, all, settled, leave } = lines(admission, PLACES + 3);
  await settled();
  t.same(inside, [0, 1, 2, 3, 4, 5, 6, 7]);
  t.equal(admission.waiting, 3);
  leave(1);
  leave(1);
  await settled();
  t.same(inside.slice(PLACES), [8], 'who leaves twice gives up one place');
  leave(0);
  await settled();
  t.same(inside.slice(PLACES), [8, 9]);
  leave(8);
  await Promise.all(all);
  t.same(inside.slice(PLACES), [8, 9, 10]);
  t.equal(admission.waiting, 0);
});

t.test('one to which nobody answers keeps the others waiting for a while only', async (t) => {
  const { inside, all } = lines(new Admission({ lag: IDLE, heldMs: 5 }), 3 * PLACES);
  // Timers of a place do not keep a process alive.
  const alive = setInterval(() => {}, 1_000);
  await Promise.all(all);
  clearInterval(alive);
  t.equal(inside.length, 3 * PLACES);
});

t.test('for longer while this end is too busy to answer', async (t) => {
  let looks = 0;
  const busy = {
    get blockedMs() {
      looks += 1;
      return looks > 10 * PLACES ? 0 : performance.now();
    },
  };
  const { all } = lines(new Admission({ lag: busy, heldMs: 5, heldBusyMsMax: HOUR_MS }), PLACES + 1);
  const alive = setInterval(() => {}, 1_000);
  await Promise.all(all);
  clearInterval(alive);
  t.ok(looks > 10 * PLACES, `looked ${looks} times`);
});

t.test('but not for ever', async (t) => {
  const busy = {
    get blockedMs() {
      return performance.now();
    },
  };
  const { inside, all } = lines(new Admission({ lag: busy, heldMs: 5, heldBusyMsMax: 20 }), PLACES + 1);
  const alive = setInterval(() => {}, 1_000);
  await Promise.all(all);
  clearInterval(alive);
  t.equal(inside.length, PLACES + 1);
});

t.test('a line that is stopped waits no longer, and keeps nobody from a place', async (t) => {
  const admission = new Admission({ lag: IDLE, heldMs: HOUR_MS });
  const stop = new AbortController();
  const signals = Array.from(
    { length: PLACES + 1 },
    (_, line) => (line === PLACES ? stop : new AbortController()).signal,
  );
  const { inside, all, settled, leave } = lines(admission, PLACES + 2, signals);
  stop.abort();
  await settled();
  t.same(inside.slice(PLACES), [PLACES]);
  t.equal(admission.waiting, 1);
  leave(PLACES);
  await settled();
  t.equal(inside.length, PLACES + 1, 'the others are still connecting');
  leave(0);
  await Promise.all(all);
  t.equal(inside.at(-1), PLACES + 1);
});
