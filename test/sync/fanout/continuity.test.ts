import t from 'tap';
import type { BootAccount } from '../../../gateway/query/telemetry.ts';
import { Continuity, headOf, missingBehind } from '../../../sync/fanout/continuity.ts';
import type { NewsItem } from '../../../sync/fanout/news.ts';

const samples = (boot: string, firstSequence: number, count: number): NewsItem => {
  const columns = { times: new Float64Array(count), values: new Float64Array(count), utcOffset: 0 };
  return { kind: 'samples', position: 0, run: { boot, channel: 'a', firstSequence, ...columns } };
};
const missed = (boot: string, firstSequence: number, count: number): NewsItem => {
  return {
    kind: 'missed',
    position: 0,
    run: { boot, channel: 'a', firstSequence, count, from: 0, to: 0, cause: 'lost' },
  };
};
const account = (boot: string, missing: BootAccount['missing'], origin?: string): BootAccount => {
  return { boot, origin, end: 1000, held: [], unsealed: 0, missing, days: [] };
};
const run = (first: number, count: number) => {
  return { first, end: first + count, count, from: 1, to: 2, cause: 'disk-full' };
};

const CASES: readonly { name: string; items: readonly NewsItem[]; suspects: unknown }[] = [
  { name: 'what begins anywhere', items: [samples('b1', 40, 10)], suspects: [] },
  { name: 'what goes on', items: [samples('b1', 0, 10), samples('b1', 10, 5)], suspects: [] },
  { name: 'a told gap', items: [samples('b1', 0, 10), missed('b1', 10, 5), samples('b1', 15, 5)], suspects: [] },
  { name: 'what comes again', items: [samples('b1', 0, 10), samples('b1', 3, 5), samples('b1', 10, 1)], suspects: [] },
  {
    name: 'numbers passed over',
    items: [samples('b1', 0, 10), samples('b1', 12, 5)],
    suspects: [['a', { boot: 'b1', next: 10 }]],
  },
  {
    name: 'another boot, whose beginning and whose predecessor may lack something',
    items: [samples('b1', 0, 10), samples('b2', 0, 5), samples('b2', 7, 5)],
    suspects: [['a', { boot: 'b1', next: 10 }]],
  },
];

for (const { name, items, suspects } of CASES) {
  t.test(`looks at the account, or not: ${name}`, async (t) => {
    const continuity = new Continuity(new Map(), new Map());
    for (const item of items) continuity.note(item);
    t.same(continuity.takeSuspects(), suspects);
    t.same(continuity.takeSuspects(), [], 'once');
  });
}

t.test('looks at the account of everything when a reader comes back', async (t) => {
  const heads = new Map([['a', { boot: 'b1', next: 10 }]]);
  t.same(new Continuity(heads, new Map()).takeSuspects(), [...heads]);
});

t.test(
  'what a store gave up behind a head is missing, what stood before it and what was made anew is not',
  async (t) => {
    const accounts = [
      account('b0', [run(0, 7)]),
      account('b1', [run(0, 5), run(8, 4), run(20, 3)]),
      account('d1', [run(0, 9)], 'b1'),
      account('b2', [run(0, 2)]),
    ];
    t.same(
      missingBehind('a', { boot: 'b1', next: 10 }, accounts).map(({ boot, firstSequence, count }) => [
        boot,
        firstSequence,
        count,
      ]),
      [
        ['b1', 8, 4],
        ['b1', 20, 3],
        ['b2', 0, 2],
      ],
    );
  },
);

t.test('begins at the end of the newest boot that was taken in', async (t) => {
  t.same(headOf([account('b1', []), account('b2', []), account('d1', [], 'b1')]), { boot: 'b2', next: 1000 });
  t.same(headOf([]), { boot: '', next: 0 });
});
