import t from 'tap';
import type { Attention, BoxDisk, BoxFacts } from '../../../gateway/fleet.ts';
import { byAttention } from '../../../sync/fleet/attention.ts';

const NOW = 1_750_000_000_000_000;
const [SECOND, MINUTE, HOUR, DAY] = [1e6, 60e6, 3600e6, 86_400e6];

const ROOMY: BoxDisk = {
  rung: 'none',
  usedBytes: 1e9,
  limitBytes: 1e10,
  roomBytes: 1e11,
  hoursLeft: 900,
  isOverWearBudget: false,
};

/** A box of which nothing needs to be said. */
const GOOD: BoxFacts = {
  gateway: 'good',
  line: { state: 'running', kind: 'pull', place: '10.0.0.5:7443' },
  heard: NOW - 5 * SECOND,
  newest: NOW - 20 * SECOND,
  behind: { positions: 0, bytes: 0 },
  gaps: 1,
  lost: 12,
  lostToday: 0,
  version: '1.2.0',
  certificate: { expires: NOW + 200 * DAY },
  clock: { source: 'gnss', errorUs: 100, aheadUs: 2000 },
  disk: ROOMY,
  sources: { count: 3, waiting: [], staleChannels: 0 },
  refused: 0,
};

const disk = (more: Partial<BoxDisk>) => ({ disk: { ...ROOMY, ...more } });
const down = (silent: number): Partial<BoxFacts> => ({
  line: { state: 'waiting', kind: 'pull', problem: 'nobody there' },
  heard: NOW - silent,
});

const CASES: readonly [string, Partial<BoxFacts>, Attention, readonly string[]][] = [
  ['is well', {}, 'good', []],
  [
    'has a double',
    { namesake: NOW - MINUTE },
    'act',
    ['two boxes have the name good: switch the copy off, and enrol it under a name of its own'],
  ],
  [
    'hears two centrals of one name',
    { stores: 2 },
    'act',
    ['it hears 2 stores with the name of this central: give a second central another name with --name'],
  ],
  ['has a line that was cut a moment ago', down(30 * SECOND), 'good', []],
  ['has no line for minutes', down(5 * MINUTE), 'watch', ['no line for 5 min: nobody there']],
  ['has no line for hours', down(7 * HOUR), 'act', ['no line for 7 h: nobody there']],
  [
    'comes by a relay, hours ago',
    { line: { state: 'none' }, heard: NOW - 4 * DAY, carried: NOW - 5 * HOUR, newest: NOW - 6 * HOUR },
    'good',
    [],
  ],
  [
    'came by a relay, and comes no more',
    { line: { state: 'none' }, heard: NOW - 4 * DAY, carried: NOW - 3 * DAY },
    'watch',
    ['no line, and no file of it for 3 d'],
  ],
  ['comes by another central', { line: { state: 'beyond' } }, 'good', []],
  ['is up and brings nothing new', { newest: NOW - HOUR }, 'act', ['the line is up, its newest sample is 60 min old']],
  [
    'is far behind and catching up',
    { newest: NOW - 6 * HOUR, behind: { positions: 900, bytes: 12_300_000 } },
    'watch',
    ['6 h behind, about 12.3 MB to come'],
  ],
  ['gives samples up for want of room', disk({ rung: 'thin-bulk' }), 'act', ['the disk runs short: thin-bulk']],
  ['is full in hours', disk({ hoursLeft: 3 }), 'act', ['full in 3 h']],
  ['is full in a day', disk({ hoursLeft: 24 }), 'watch', ['full in 24 h']],
  ['is as full as its config wants', disk({ hoursLeft: 0 }), 'good', []],
  [
    'wears its disk out',
    disk({ isOverWearBudget: true, yearsLeft: 1.25 }),
    'watch',
    ['more is written to its disk than planned: worn out in 1.3 years'],
  ],
  ['lost samples today', { lostToday: 1 }, 'watch', ['1 sample lost within a day']],
  [
    'has a store that its disk damaged',
    { mended: { since: NOW - 2 * 3600e6, lost: 12 } },
    'watch',
    ['its disk damaged the store 2 h ago, which was made anew without 12 samples'],
  ],
  ['refuses samples', { refused: 70 }, 'watch', ['70 samples refused since its start: its disk is slow']],
  [
    'has sources that wait',
    { sources: { count: 5, waiting: ['a', 'b', 'c', 'd'], staleChannels: 0 } },
    'watch',
    ['4 of 5 sources wait: a, b, c and 1 more'],
  ],
  [
    'has no source that runs',
    { sources: { count: 1, waiting: ['can0'], staleChannels: 0 } },
    'act',
    ['no source runs: can0'],
  ],
  [
    'has channels that went quiet',
    { sources: { count: 1, waiting: [], staleChannels: 2 } },
    'watch',
    ['2 channels went quiet'],
  ],
  ['has no clock', { clock: { source: 'none', aheadUs: 0 } }, 'watch', ['its clock is not synchronised']],
  [
    'has a clock that is wrong',
    { clock: { source: 'rtc', aheadUs: -90 * SECOND } },
    'act',
    ['its clock is 90 s behind'],
  ],
  [
    'has a certificate that was not renewed',
    { certificate: { expires: NOW + 30 * DAY } },
    'watch',
    ['its certificate is good for 30 d only, and was not renewed'],
  ],
  [
    'has a certificate that ends soon',
    { certificate: { expires: NOW + 4 * DAY } },
    'act',
    ['its certificate is good for 4 d only, and was not renewed'],
  ],
  [
    'has a certificate that expired',
    { certificate: { expires: NOW - 4 * DAY } },
    'act',
    ['its certificate expired 4 d ago: invite and enrol it again'],
  ],
  [
    'was shut out',
    { certificate: { expires: NOW + 100 * DAY, revoked: NOW - 5 * DAY }, line: { state: 'none' } },
    'watch',
    ['its certificate was taken back 5 d ago'],
  ],
];

for (const [name, facts, attention, reasons] of CASES) {
  t.test(`a box that ${name} needs ${attention === 'good' ? 'nobody' : `somebody to ${attention}`}`, async (t) => {
    const [box] = byAttention([{ ...GOOD, ...facts }], NOW);
    t.equal(box?.attention, attention);
    t.same(box?.reasons, reasons);
  });
}

t.test('a box that was never heard says so, and not that it was shut out long ago', async (t) => {
  const { heard: _heard, ...unheard } = GOOD;
  const [box] = byAttention([{ ...unheard, line: { state: 'none' } }], NOW);
  t.same(box?.reasons, ['no line since this central started']);
});

t.test('what needs attention comes first, of the same urgency what has more reasons', async (t) => {
  const boxes = [
    { ...GOOD, gateway: 'd-good' },
    { ...GOOD, gateway: 'c-watch', lostToday: 5 },
    { ...GOOD, gateway: 'b-watch-twice', lostToday: 5, refused: 1 },
    { ...GOOD, gateway: 'a-good' },
    { ...GOOD, gateway: 'z-act', ...disk({ hoursLeft: 1 }) },
  ];
  t.same(
    byAttention(boxes, NOW).map(({ gateway }) => gateway),
    ['z-act', 'b-watch-twice', 'c-watch', 'a-good', 'd-good'],
  );
});

t.test('a box is told apart by its version where most have another one', async (t) => {
  const boxes = ['1.2.0', '1.1.0', '1.2.0', '1.2.0'].map((version, i) => ({ ...GOOD, gateway: `box${i}`, version }));
  const [first, ...others] = byAttention(boxes, NOW);
  t.equal(first?.gateway, 'box1');
  t.same(first?.reasons, ['runs 1.1.0, most run 1.2.0']);
  t.ok(others.every(({ reasons }) => reasons.length === 0));
});

t.test('urgent reasons come before others', async (t) => {
  const [box] = byAttention([{ ...GOOD, lostToday: 3, clock: { source: 'rtc', aheadUs: 90 * SECOND } }], NOW);
  t.same(box?.reasons, ['its clock is 90 s ahead', '3 samples lost within a day']);
});
