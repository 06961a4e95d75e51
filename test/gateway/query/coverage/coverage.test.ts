import fc from 'fast-check';
import t from 'tap';
import {
  type BootEvidence,
  COVERAGE_STRETCHES_MAX,
  coverageOf,
  type Evidence,
  isFull,
} from '../../../../gateway/query/coverage/coverage.ts';

const RANGE = { from: 0, to: 1_000 };

type Part = Partial<Evidence> & Pick<Evidence, 'first' | 'end' | 'from' | 'to'>;

function boot(began: number, ...parts: readonly Part[]): BootEvidence {
  const plain = { state: 'full', cause: '', count: 0, isAhead: false } as const;
  return { began, parts: parts.map((part) => ({ ...plain, ...part })) };
}

const gap = { state: 'missing', cause: 'ring-full', count: 5 } as const;
const outline = { state: 'outline', cause: 'not-sent', count: 10, isAhead: true } as const;

function told(boots: readonly BootEvidence[], until?: number): string[] {
  const { stretches } = coverageOf(RANGE, boots, until === undefined ? undefined : { until, waits: '' });
  return stretches.map(({ from, to, state, cause, count }) => `${from}-${to} ${state} ${cause} ${count}`);
}

const cases: {
  readonly title: string;
  readonly boots: BootEvidence[];
  readonly until?: number;
  readonly told: string[];
}[] = [
  { title: 'nothing is known of a channel without samples', boots: [], told: ['0-1000 missing not-heard 0'] },
  {
    title: 'on a gateway what is not in a gap is there',
    boots: [],
    until: Number.POSITIVE_INFINITY,
    told: ['0-1000 full  0'],
  },
  {
    title: 'numbers that follow one another lack nothing between them, nor before them',
    boots: [boot(50, { first: 0, end: 9, from: 100, to: 199 }, { first: 9, end: 20, from: 300, to: 399 })],
    told: ['0-400 full  0', '400-1000 missing not-heard 0'],
  },
  {
    title: 'numbers between two that are there were not sent',
    boots: [boot(50, { first: 0, end: 9, from: 100, to: 199 }, { first: 12, end: 20, from: 300, to: 399 })],
    told: ['0-200 full  0', '200-300 missing not-sent 3', '300-400 full  0', '400-1000 missing not-heard 0'],
  },
  {
    title: 'numbers before the first that is there lack since the boot began',
    boots: [boot(50, { first: 3, end: 9, from: 100, to: 199 })],
    told: ['0-50 full  0', '50-100 missing not-sent 3', '100-200 full  0', '200-1000 missing not-heard 0'],
  },
  {
    title: 'a gap has its cause, and a stretch between two boots has none that lacks',
    boots: [
      boot(50, { first: 0, end: 9, from: 100, to: 199 }, { first: 9, end: 14, from: 200, to: 249, ...gap }),
      boot(300, { first: 0, end: 9, from: 500, to: 599 }),
    ],
    told: ['0-200 full  0', '200-250 missing ring-full 5', '250-600 full  0', '600-1000 missing not-heard 0'],
  },
  {
    title: 'outlines that follow one another are one stretch',
    boots: [
      boot(
        50,
        { first: 0, end: 10, from: 100, to: 190, ...outline },
        { first: 10, end: 20, from: 200, to: 300, ...outline },
      ),
    ],
    told: ['0-100 missing not-heard 0', '100-301 outline not-sent 20', '301-1000 missing not-heard 0'],
  },
  {
    title: 'behind what came in its turn only what came ahead is known',
    boots: [
      boot(50, { first: 0, end: 9, from: 100, to: 199 }),
      boot(
        300,
        { first: 0, end: 10, from: 500, to: 599, ...outline },
        { first: 10, end: 20, from: 600, to: 699, isAhead: true },
      ),
    ],
    told: [
      ...['0-200 full  0', '200-500 missing not-heard 0', '500-600 outline not-sent 10', '600-700 full  0'],
      '700-1000 missing not-heard 0',
    ],
  },
  {
    title: 'a later stretch without numbers says nothing of what was before it',
    boots: [boot(50, { first: 0, end: 0, from: 500, to: 599, state: 'missing', cause: 'stopped', isAhead: true })],
    told: ['0-500 missing not-heard 0', '500-600 missing stopped 0', '600-1000 missing not-heard 0'],
  },
  {
    title: 'what a gateway has told of is settled',
    boots: [boot(50, { first: 0, end: 9, from: 100, to: 199 })],
    until: 900,
    told: ['0-900 full  0', '900-1000 missing not-heard 0'],
  },
  {
    title: 'where times overlap, as stamps of devices may, the worst is told',
    boots: [boot(0, { first: 0, end: 9, from: 100, to: 599 }, { first: 9, end: 14, from: 300, to: 399, ...gap })],
    told: ['0-300 full  0', '300-400 missing ring-full 5', '400-600 full  0', '600-1000 missing not-heard 0'],
  },
];

for (const { title, boots, until, told: expected } of cases) {
  t.test(title, async (t) => t.same(told(boots, until), expected));
}

t.test('what keeps the rest from coming is told where something is to come, and nowhere else', async (t) => {
  const waits = 'lte: budget used up';
  const kept = [boot(0, { first: 0, end: 9, from: 0, to: 999 })];
  t.equal(coverageOf(RANGE, [], { until: 500, waits }).waits, waits);
  t.equal(coverageOf(RANGE, kept, { until: 500, waits }).waits, '');
  t.ok(isFull(coverageOf(RANGE, kept)));
  t.notOk(isFull(coverageOf(RANGE, [])));
});

t.test('stretches cover the range without a hole, at most so many, and nothing that lacks is called full', async () => {
  const part = fc.record({
    skipped: fc.nat(2),
    length: fc.integer({ min: 1, max: 5 }),
    pause: fc.nat(3),
    lasts: fc.nat(3),
    state: fc.constantFrom('full', 'outline', 'missing'),
  });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 900 }), (list) => {
      let [number, time] = [0, 10];
      const lacking: number[] = [];
      const parts = list.map(({ skipped, length, pause, lasts, state }): Part => {
        const first = number + skipped;
        const from = time + pause + skipped;
        number = first + length;
        if (skipped > 0 && from > time) lacking.push(from - 1);
        time = from + lasts + 1;
        if (state !== 'full') lacking.push(from, time - 1);
        const cause = state === 'full' ? '' : state;
        return { first, end: number, from, to: time - 1, state: state as Evidence['state'], cause };
      });
      const { stretches } = coverageOf({ from: 0, to: 20_000 }, [boot(10, ...parts)]);
      const isClosed = stretches.every(({ from, to }, i) => from < to && from === (stretches[i - 1]?.to ?? 0));
      const full = stretches.filter(({ state }) => state === 'full');
      const isTrue = lacking.every((moment) => !full.some(({ from, to }) => from <= moment && moment < to));
      return isClosed && stretches.at(-1)?.to === 20_000 && stretches.length <= COVERAGE_STRETCHES_MAX && isTrue;
    }),
    { numRuns: 100 },
  );
});
