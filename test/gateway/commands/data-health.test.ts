import t from 'tap';
import { dataBefore, judge, type TrialMoment } from '../../../gateway/commands/config-trial/data-health.ts';
import type { GatewayStatus, SourceStatus } from '../../../gateway/status.ts';
import { exampleStatus } from '../../sync/memory-telemetry.ts';

/** UTC at which the old config ended, microseconds; all sources but `asleep` were heard a moment before. */
const NOW = 1e15;

const SOURCE: SourceStatus = {
  ...{ name: 'can0', kind: 'can', state: 'running', received: 1000, samples: 1000, rate: 10, errors: { bad: 10 } },
  dropped: 0,
};

function status(sources: readonly Partial<SourceStatus>[], more: Partial<GatewayStatus['store']> = {}): GatewayStatus {
  const example = exampleStatus();
  return {
    ...example,
    now: NOW,
    ring: { slots: 1, used: 0, refused: 0 },
    store: { ...example.store, lost: 0, ...more },
    sources: sources.map((source) => ({ ...SOURCE, ...source })),
  };
}

const WATCH_MS = 60_000;

const BEFORE = dataBefore(
  status([
    { lastSeen: NOW - 1e5 },
    { name: 'idle', samples: 0, state: 'starting', errors: {} },
    { name: 'held', samples: 0, state: 'waiting', problem: 'none', errors: {} },
    { name: 'slow', samples: 2, errors: {}, lastSeen: NOW - 40e6 },
    { name: 'asleep', errors: {}, lastSeen: NOW - 3600e6 },
  ]),
  100,
);

const AT_END = { elapsedMs: WATCH_MS };

const CASES: readonly [string, Partial<SourceStatus>[], Partial<TrialMoment>, string | undefined][] = [
  ['all is as it was and the time is not over', [{}], {}, undefined],
  ['all is as it was', [{}], AT_END, ''],
  ['a source has no data yet', [{ samples: 0 }], { elapsedMs: 2_000 }, undefined],
  [
    'a source has no data',
    [{ samples: 0, state: 'waiting', problem: 'no such device' }],
    { elapsedMs: 30_000 },
    'source can0 had data and has none after 30 s: no such device',
  ],
  [
    'a source has no data at the end of a short trial',
    [{ samples: 0 }],
    { elapsedMs: 5_000, watchMs: 5_000 },
    'source can0 had data and has none after 5 s',
  ],
  ['a source that had none has none', [{ name: 'idle', samples: 0, state: 'waiting' }], AT_END, ''],
  [
    'a source that had none cannot run',
    [{ name: 'idle', samples: 0, state: 'waiting', problem: 'address already in use' }],
    AT_END,
    'source idle cannot run: address already in use',
  ],
  ['a source that could not run cannot', [{ name: 'held', samples: 0, state: 'waiting', problem: 'none' }], AT_END, ''],
  ['a source that was silent for an hour is silent', [{ name: 'asleep', samples: 0 }], AT_END, ''],
  ['a source of a sample every 50 s has none yet', [{ name: 'slow', samples: 0 }], AT_END, ''],
  [
    'a source of a sample every 50 s has none for three of them',
    [{ name: 'slow', samples: 0 }],
    { elapsedMs: 150_000, watchMs: 600_000 },
    'source slow had data and has none after 150 s',
  ],
  ['a source is new', [{ name: 'fresh', samples: 0, state: 'waiting' }], AT_END, ''],
  ['a source was taken away', [], AT_END, ''],
  ['a source stopped', [{ state: 'waiting' }], AT_END, 'source can0 ran and does not'],
  [
    'a source cannot use what it gets',
    [{ received: 100, errors: { bad: 40 } }],
    {},
    'source can0 cannot use 40.0 % of what it gets, 1.0 % before',
  ],
  ['a source makes the errors it made', [{ received: 4000, errors: { bad: 60 } }], {}, undefined],
  ['central is not back as the time is over', [{}], { ...AT_END, centralSilentMs: undefined }, undefined],
  ['central went again', [{}], { ...AT_END, centralSilentMs: 60_000 }, undefined],
  [
    'central does not come back',
    [{}],
    { elapsedMs: 150_000, centralSilentMs: undefined },
    'the line to central did not come back',
  ],
];

for (const [name, sources, moment, expected] of CASES) {
  const end = expected === undefined ? 'goes on' : expected === '' ? 'ends well' : 'is taken back';
  t.test(`a trial where ${name} ${end}`, async (t) => {
    const now = { elapsedMs: 10_000, watchMs: WATCH_MS, centralSilentMs: 500, ...moment, status: status(sources) };
    const state = expected === undefined ? 'open' : expected === '' ? 'good' : 'worse';
    t.same(judge(BEFORE, now as TrialMoment), { state, why: expected ?? '' });
  });
}

t.test('a trial that loses samples is taken back, unless they were lost before as well', async (t) => {
  const moment = { elapsedMs: 10_000, watchMs: WATCH_MS, centralSilentMs: 1, status: status([{}], { lost: 30 }) };
  t.equal(judge(BEFORE, moment).why, '30 samples were lost');
  t.equal(judge(dataBefore(status([{}], { lost: 500 }), 100), moment).state, 'open');
});

t.test('a trial whose store does not open is taken back at its end', async (t) => {
  const closed = { ...status([]), boot: '' };
  const moment = { elapsedMs: 10_000, watchMs: WATCH_MS, centralSilentMs: 1, status: closed };
  t.equal(judge(BEFORE, moment).state, 'open');
  t.equal(judge(BEFORE, { ...moment, ...AT_END }).why, 'the store did not open');
});
