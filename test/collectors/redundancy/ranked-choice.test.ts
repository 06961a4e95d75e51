import fc from 'fast-check';
import t from 'tap';
import { RankedChoice } from '../../../collectors/redundancy/ranked-choice.ts';

const MS = 1e3;

/** Each source is heard every 100 ms in its stretches; returns the changes as [milliseconds, rank]. */
function changes(
  stretches: readonly (readonly [rank: number, fromMs: number, toMs: number])[],
  { silentMs, returnMs = 1000 }: { silentMs?: number; returnMs?: number } = {},
): [number, number][] {
  const silentUs = silentMs === undefined ? undefined : silentMs * MS;
  const choice = new RankedChoice(3, { silentUs, returnUs: returnMs * MS });
  const seen: [number, number][] = [];
  for (let ms = 0; ms < 20_000; ms += 100) {
    for (const [rank, from, to] of stretches) {
      if (ms < from || ms >= to) continue;
      const before = choice.chosen;
      choice.hear(rank, 1e12 + ms * MS + rank);
      if (choice.chosen !== before) seen.push([ms, choice.chosen]);
    }
  }
  return seen;
}

const cases: [behaviour: string, ...given: Parameters<typeof changes>, seen: [number, number][]][] = [
  [
    'the best is chosen as long as it speaks',
    [
      [0, 0, 20e3],
      [1, 0, 20e3],
    ],
    {},
    [[0, 0]],
  ],
  [
    'the next takes over after three intervals',
    [
      [0, 0, 5000],
      [1, 0, 20e3],
    ],
    {},
    [
      [0, 0],
      [5200, 1],
    ],
  ],
  [
    'or after the silence that is declared',
    [
      [0, 0, 5000],
      [1, 0, 20e3],
    ],
    { silentMs: 1000 },
    [
      [0, 0],
      [5900, 1],
    ],
  ],
  [
    'the best takes over again when it has spoken for a while',
    [
      [0, 0, 5000],
      [1, 0, 20e3],
      [0, 8000, 20e3],
    ],
    { returnMs: 2000 },
    [
      [0, 0],
      [5200, 1],
      [10_000, 0],
    ],
  ],
  [
    'a loose plug does not make it go to and fro',
    [
      [0, 0, 5000],
      [1, 0, 20e3],
      [0, 6000, 6500],
      [0, 8000, 8500],
      [0, 10_000, 10_500],
    ],
    {},
    [
      [0, 0],
      [5200, 1],
    ],
  ],
  [
    'a middle one goes before the last',
    [
      [0, 0, 5000],
      [2, 0, 20e3],
      [1, 0, 20e3],
    ],
    {},
    [
      [0, 0],
      [5200, 1],
    ],
  ],
  [
    'where only the best is left it takes over at once',
    [
      [0, 0, 5000],
      [1, 0, 8000],
      [0, 7900, 20e3],
    ],
    { returnMs: 10_000 },
    [
      [0, 0],
      [5200, 1],
      [8300, 0],
    ],
  ],
  [
    'one that nobody waited for is better than none',
    [
      [2, 0, 20e3],
      [0, 3000, 20e3],
    ],
    {},
    [
      [0, 2],
      [4000, 0],
    ],
  ],
];
for (const [behaviour, stretches, settings, seen] of cases) {
  t.test(behaviour, async (t) => {
    t.same(changes(stretches, settings), seen);
  });
}

t.test('what comes in bunches is judged by the time between bunches', async (t) => {
  const choice = new RankedChoice(2, { silentUs: undefined, returnUs: 1e6 });
  let isSwitched = false;
  for (let second = 0; second < 60; second += 1) {
    for (let i = 0; i < 100; i += 1) choice.hear(0, second * 1e6 + i);
    for (let ms = 0; ms < 1000; ms += 10) isSwitched ||= choice.hear(1, second * 1e6 + ms * MS + 500);
  }
  t.notOk(isSwitched);
});

t.test('what is chosen speaks, or one that does is waited for', async () => {
  const hearing = fc.record({ rank: fc.nat({ max: 2 }), afterMs: fc.integer({ min: 0, max: 3000 }) });
  fc.assert(
    fc.property(fc.array(hearing, { maxLength: 200 }), (hearings) => {
      const choice = new RankedChoice(3, { silentUs: 1e6, returnUs: 5e6 });
      const heardAt = [Number.NaN, Number.NaN, Number.NaN];
      let now = 1e12;
      for (const { rank, afterMs } of hearings) {
        now += afterMs * MS;
        const isChosen = choice.hear(rank, now);
        heardAt[rank] = now;
        if (isChosen !== (choice.chosen === rank)) return false;
        const speaks = (other: number) => now - (heardAt[other] ?? 0) <= 1e6;
        // Where the chosen one is silent, one that is better than who is heard speaks, and is waited for.
        if (!speaks(choice.chosen) && ![0, 1].some((better) => better < rank && speaks(better))) return false;
      }
      return true;
    }),
  );
});
