import t from 'tap';
import {
  encodeBegin,
  encodeEnd,
  encodeEndAfterwards,
  encodeLate,
  encodeSummed,
} from '../../../gateway/analysis/cycles/cycle-channels.ts';
import type { EndedCycle } from '../../../gateway/analysis/cycles/cycle-tracker.ts';
import { CycleReading, cycleChannels, type RecordedCycle, sumChannels } from '../../../gateway/query/cycles.ts';
import type { Gap } from '../../../gateway/query/telemetry.ts';
import { MemoryTelemetry } from '../../sync/memory-telemetry.ts';

/** UTC is so much more than box time. */
const OFFSET = 1000;

const [FIRST, LAST] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

function begin(number: number, from: number): [number, string] {
  return [from + OFFSET, encodeBegin({ number, label: '', from, isSeen: true }, 'car/lap')];
}

function end(number: number, from: number, to: number, more: Partial<EndedCycle> = {}): [number, string] {
  const cycle = {
    number,
    label: '',
    from,
    to,
    isSeen: true,
    state: 'complete',
    cause: undefined,
  } as const;
  return [to + OFFSET, encodeEnd({ ...cycle, ...more })];
}

/** What a later run of the process says of an end, at its own time. */
function endAfterwards(at: number, number: number, from: number, to: number): [number, string] {
  return [at, encodeEndAfterwards({ number, label: '', from, isSeen: true }, to, 'unclean-stop')];
}

function gap(from: number, to: number, cause: string): Gap {
  return { channel: 1, boot: 'a', firstSequence: 0, count: 0, from: from + OFFSET, to: to + OFFSET, cause };
}

interface Case {
  readonly name: string;
  readonly records: readonly (readonly [number, string])[];
  readonly own?: readonly Gap[];
  readonly told?: readonly Gap[];
  readonly range?: readonly [number, number];
  readonly cycles: readonly Partial<RecordedCycle>[];
}

const CASES: readonly Case[] = [
  {
    name: 'a begin and its end are one cycle, in UTC; the last is open',
    records: [begin(1, 10), end(1, 10, 20), begin(2, 20)],
    cycles: [
      { name: 'lap', gateway: 'box', number: 1, from: 1010, to: 1020, state: 'complete', cause: '' },
      { number: 2, from: 1020, to: undefined, state: 'open' },
    ],
  },
  {
    name: 'records come in any order',
    records: [begin(2, 20), end(1, 10, 20), begin(1, 10)],
    cycles: [
      { number: 1, from: 1010, to: 1020 },
      { number: 2, from: 1020, state: 'open' },
    ],
  },
  {
    name: 'of a cycle that began before what was read, its end tells when',
    records: [end(1, 10, 20)],
    cycles: [{ number: 1, from: 1010, to: 1020, state: 'complete' }],
  },
  {
    name: 'only what touches the range',
    records: [begin(1, 10), end(1, 10, 20), begin(2, 20), end(2, 20, 30), begin(3, 30), end(3, 30, 40), begin(4, 40)],
    range: [1020, 1040],
    cycles: [{ number: 2 }, { number: 3 }],
  },
  {
    name: 'a kill ends a cycle with the last that is known of what tells',
    records: [begin(1, 10)],
    own: [gap(10, 90, 'unclean-stop')],
    told: [gap(15, 90, 'unclean-stop')],
    cycles: [{ number: 1, from: 1010, to: 1016, state: 'aborted', cause: 'unclean-stop' }],
  },
  {
    name: 'or, where nothing is known of that, when the next run began',
    records: [begin(1, 10)],
    own: [gap(10, 90, 'unclean-stop')],
    cycles: [{ from: 1010, to: 1090, state: 'aborted', cause: 'unclean-stop' }],
  },
  {
    name: 'an end for which there was no room has the cause of the ledger',
    records: [begin(1, 10), begin(3, 30)],
    own: [gap(20, 20, 'ring-full')],
    cycles: [
      { number: 1, from: 1010, to: 1020, state: 'aborted', cause: 'ring-full' },
      { number: 3, state: 'open' },
    ],
  },
  {
    name: 'an end that did not come here yet is said to',
    records: [begin(1, 10), begin(2, 30), end(2, 30, 40)],
    cycles: [
      { number: 1, from: 1010, to: 1030, state: 'aborted', cause: 'not-sent' },
      { number: 2, state: 'complete' },
    ],
  },
  {
    name: 'an end that a later run told stands where the cycle was cut off, whatever the clock is by then',
    records: [begin(1, 10), endAfterwards(50, 1, 10, 25), begin(2, 100)],
    own: [gap(10, 90, 'unclean-stop')],
    told: [gap(15, 90, 'unclean-stop')],
    cycles: [
      { number: 1, from: 1010, to: 1025, state: 'aborted', cause: 'unclean-stop', hasEnd: true },
      { number: 2, from: 1100, state: 'open' },
    ],
  },
  {
    name: 'where sums are, and what came too late for them, is known of whose they are',
    records: [
      ...[begin(1, 10), end(1, 10, 20), begin(2, 20), end(2, 20, 30), [1020, encodeSummed(10)] as const],
      ...[[1050, encodeSummed(20)] as const, [1060, encodeLate(10, 3)] as const, [1070, encodeLate(10, 7)] as const],
      [1080, encodeSummed(5)] as const,
    ],
    cycles: [
      { number: 1, late: 7, sumsAt: 1020 },
      { number: 2, late: 0, sumsAt: 1050 },
    ],
  },
  {
    name: 'what is no record is none',
    records: [
      ...[
        '',
        'no json',
        'null',
        '[]',
        '{"state":"open"}',
        '{"state":"gone","number":1,"label":"","from":1,"isSeen":true}',
      ],
      ...['{"state":"complete","number":1,"label":"","from":10,"to":5,"late":0,"isSeen":true}'],
    ].map((text, i) => [i, text] as const),
    cycles: [],
  },
];

for (const { name, records, own = [], told = [], range = [FIRST, LAST], cycles } of CASES) {
  t.test(name, async (t) => {
    const reading = new CycleReading({ gateway: 'box', name: 'caisson/cycles/lap' });
    const times = Float64Array.from(records.map(([time]) => time));
    reading.add({ times, values: records.map(([, text]) => text) });
    const got = reading.cycles(...(range as [number, number]), own, told);
    t.equal(got.length, cycles.length);
    t.match(got, cycles);
  });
}

t.test('channels of cycles are known by their names', async (t) => {
  const telemetry = new MemoryTelemetry();
  const none = () => [][Symbol.iterator]();
  const names = [
    'caisson/cycles/lap',
    'caisson/cycles/haul',
    'caisson/cycles/lap/car/rpm',
    'car/lap',
    'caisson/ring/used',
  ];
  for (const gateway of ['box', 'other']) for (const name of names) telemetry.add(name, none, gateway, 'text');
  telemetry.add('caisson/cycles/number', none, 'box', 'number');
  const named = (channels: readonly { gateway: string; name: string }[]) =>
    channels.map((each) => `${each.gateway} ${each.name}`);
  const channels = telemetry.channels();
  t.same(named(cycleChannels(channels, 'box')), ['box caisson/cycles/lap', 'box caisson/cycles/haul']);
  t.same(named(cycleChannels(channels, '', 'lap')), ['box caisson/cycles/lap', 'other caisson/cycles/lap']);
  t.same(named(sumChannels(channels, 'other', 'lap')), ['other caisson/cycles/lap/car/rpm']);
});
