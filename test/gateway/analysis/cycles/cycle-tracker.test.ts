import t from 'tap';
import { type BegunCycle, CycleTracker, type EndedCycle } from '../../../../gateway/analysis/cycles/cycle-tracker.ts';
import type { CycleConfig } from '../../../../gateway/analysis/cycles/cycles-config.ts';

const S = 1e6;

interface Case {
  readonly name: string;
  readonly config: CycleConfig;
  /** Of the channel that tells: seconds and value. */
  readonly samples: readonly (readonly [seconds: number, value: number | string])[];
  /** When nothing more comes; undefined: it goes on. */
  readonly stopped?: number;
  /** Number or label, from, to, and why it is not complete. */
  readonly ended: readonly (readonly [number | string, from: number, to: number, cause?: string])[];
  readonly open?: readonly [number | string, from: number];
}

const lap = { trigger: 'value', channel: 'car/lap' } as const;
const line = { trigger: 'rising', channel: 'car/beacon', threshold: 0.5 } as const;
const haul = { trigger: 'above', channel: 'truck/load', threshold: 40, hysteresis: 10 } as const;

const CASES: readonly Case[] = [
  {
    name: 'a lap counter numbers its laps, and what was under way at the start is not complete',
    config: lap,
    samples: [
      [0, 3],
      [1, 3],
      [2, 4],
      [3, 4],
      [5, 5],
    ],
    ended: [
      [3, 0, 2, 'began-before'],
      [4, 2, 5],
    ],
    open: [5, 5],
  },
  {
    name: 'a batch may have any number, and a later one may be less',
    config: lap,
    samples: [
      [0, 9],
      [1, 4711],
      [2, 12],
      [3, 13],
    ],
    ended: [
      [9, 0, 1, 'began-before'],
      [4711, 1, 2],
      [12, 2, 3],
    ],
    open: [13, 3],
  },
  {
    name: 'a batch that has a name keeps it as its label',
    config: lap,
    samples: [
      [0, 'A'],
      [1, 'B-7'],
      [4, 'C'],
    ],
    ended: [
      ['A', 0, 1, 'began-before'],
      ['B-7', 1, 4],
    ],
    open: ['C', 4],
  },
  {
    name: 'a value that is none changes nothing',
    config: lap,
    samples: [
      [0, 1],
      [1, Number.NaN],
      [1.5, Number.POSITIVE_INFINITY],
      [2, 1],
      [3, 2],
    ],
    ended: [[1, 0, 3, 'began-before']],
    open: [2, 3],
  },
  {
    name: 'what comes late changes nothing',
    config: lap,
    samples: [
      [0, 1],
      [5, 2],
      [4, 1],
      [6, 2],
    ],
    ended: [[1, 0, 5, 'began-before']],
    open: [2, 5],
  },
  {
    name: 'a stop ends what is open',
    config: lap,
    samples: [
      [0, 1],
      [5, 2],
      [6, 2],
    ],
    stopped: 7,
    ended: [
      [1, 0, 5, 'began-before'],
      [2, 5, 7, 'stopped'],
    ],
  },
  {
    name: 'a cycle lasts for its least time, after which a value that is still there counts',
    config: { ...lap, minSeconds: 10 },
    samples: [
      [0, 1],
      [20, 2],
      [21, 7],
      [22, 2],
      [29, 3],
      [30, 3],
      [31, 3],
    ],
    ended: [
      [1, 0, 20, 'began-before'],
      [2, 20, 30],
    ],
    open: [3, 30],
  },
  {
    name: 'no two cycles begin at one time',
    config: lap,
    samples: [
      [0, 1],
      [1, 2],
      [1, 3],
      [1, 4],
      [2, 4],
    ],
    ended: [
      [1, 0, 1, 'began-before'],
      [2, 1, 2],
    ],
    open: [4, 2],
  },
  {
    name: 'a beacon that is on at the start begins nothing, each rise does',
    config: line,
    samples: [
      [0, 1],
      [1, 0],
      [2, 1],
      [3, 1],
      [4, 0],
      [5, 1],
    ],
    ended: [[1, 2, 5]],
    open: [2, 5],
  },
  {
    name: 'a beacon that is seen twice counts once within the least time',
    config: { ...line, minSeconds: 30 },
    samples: [
      [0, 0],
      [1, 1],
      [2, 0],
      [3, 1],
      [4, 0],
      [61, 1],
    ],
    ended: [[1, 1, 61]],
    open: [2, 61],
  },
  {
    name: 'a falling edge is the mirror of a rising one',
    config: { trigger: 'falling', channel: 'a', threshold: 10, hysteresis: 2 },
    samples: [
      [0, 20],
      [1, 10],
      [2, 11],
      [3, 9],
      [4, 12.5],
      [5, 10],
    ],
    ended: [[1, 1, 5]],
    open: [2, 5],
  },
  {
    name: 'a haul lasts as long as the load, whatever trembles within the hysteresis',
    config: haul,
    samples: [
      [0, 0],
      [1, 40],
      [2, 35],
      [3, 41],
      [4, 29],
      [5, 35],
      [6, 50],
      [9, 0],
    ],
    ended: [
      [1, 1, 4],
      [2, 6, 9],
    ],
  },
  {
    name: 'a truck that is laden at the start has a haul that began before',
    config: haul,
    samples: [
      [0, 60],
      [1, 0],
      [2, 60],
    ],
    ended: [[1, 0, 1, 'began-before']],
    open: [2, 2],
  },
  {
    name: 'below is the mirror of above',
    config: { trigger: 'below', channel: 'a', threshold: -1 },
    samples: [
      [0, 0],
      [1, -1],
      [2, -0.5],
      [3, -3],
    ],
    ended: [[1, 1, 2]],
    open: [2, 3],
  },
  {
    name: 'of a channel that speaks at each passage every sample counts',
    config: { trigger: 'sample', channel: 'a', minSeconds: 2 },
    samples: [
      [0, 7],
      [1, 7],
      [3, 7],
      [6, 'text'],
    ],
    ended: [
      [1, 0, 3],
      [2, 3, 6],
    ],
    open: [3, 6],
  },
  {
    name: 'text crosses no threshold',
    config: line,
    samples: [
      [0, 0],
      [1, 'on'],
      [2, 1],
    ],
    ended: [],
    open: [1, 2],
  },
];

for (const { name, config, samples, stopped, ended, open } of CASES) {
  t.test(name, async (t) => {
    const done: EndedCycle[] = [];
    let begun: BegunCycle | undefined;
    const tracker = new CycleTracker(config, {
      begun: (cycle) => {
        begun = cycle;
      },
      ended: (cycle) => {
        t.equal(cycle.from, begun?.from, 'what ends is what began');
        begun = undefined;
        done.push(cycle);
      },
    });
    for (const [seconds, value] of samples) tracker.look(seconds * S, value);
    if (stopped !== undefined) tracker.stop(stopped * S);
    const nameOf = ({ number, label }: BegunCycle) => (label === '' ? number : label);
    t.same(
      done.map((cycle) => [nameOf(cycle), cycle.from / S, cycle.to / S, ...(cycle.cause ? [cycle.cause] : [])]),
      ended,
    );
    for (const { state, cause } of done) t.equal(state, cause === undefined ? 'complete' : 'aborted');
    t.same(begun && [nameOf(begun), begun.from / S], open);
  });
}

t.test('numbers go on after the last one of an earlier run, where the channel that tells has none', async (t) => {
  const numbers = (config: CycleConfig) => {
    const begun: number[] = [];
    const sink = { begun: ({ number }: BegunCycle) => void begun.push(number), ended: () => {} };
    const tracker = new CycleTracker(config, sink, 41);
    for (const [i, value] of [0, 1, 0, 1].entries()) tracker.look(i, value);
    return begun;
  };
  t.same(numbers(line), [42, 43]);
  t.same(numbers(lap), [0, 1, 0, 1]);
});
