import t from 'tap';
import { dataBefore, type TrialMoment, worsening } from '../../../gateway/commands/config-trial/data-health.ts';
import type { GatewayStatus, SourceStatus } from '../../../gateway/status.ts';
import { exampleStatus } from '../../sync/memory-telemetry.ts';

const SOURCE: SourceStatus = {
  ...{ name: 'can0', kind: 'can', state: 'running', received: 1000, samples: 1000, rate: 10, errors: { bad: 10 } },
  dropped: 0,
};

function status(sources: readonly Partial<SourceStatus>[], more: Partial<GatewayStatus['store']> = {}): GatewayStatus {
  const example = exampleStatus();
  return {
    ...example,
    ring: { slots: 1, used: 0, refused: 0 },
    store: { ...example.store, lost: 0, ...more },
    sources: sources.map((source) => ({ ...SOURCE, ...source })),
  };
}

const BEFORE = dataBefore(status([{}, { name: 'idle', samples: 0, state: 'starting', errors: {} }]), 100);

const CASES: readonly [string, Partial<SourceStatus>[], Partial<TrialMoment>, string | undefined][] = [
  ['all is as it was', [{}], { isLast: true }, undefined],
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
    { elapsedMs: 5_000, isLast: true },
    'source can0 had data and has none after 5 s',
  ],
  ['a source that had none has none', [{ name: 'idle', samples: 0, state: 'waiting' }], { isLast: true }, undefined],
  ['a source is new', [{ name: 'fresh', samples: 0, state: 'waiting' }], { isLast: true }, undefined],
  ['a source was taken away', [], { isLast: true }, undefined],
  ['a source stopped', [{ state: 'waiting' }], { isLast: true }, 'source can0 ran and does not'],
  [
    'a source cannot use what it gets',
    [{ received: 100, errors: { bad: 40 } }],
    {},
    'source can0 cannot use 40.0 % of what it gets, 1.0 % before',
  ],
  ['a source makes the errors it made', [{ received: 4000, errors: { bad: 60 } }], {}, undefined],
  [
    'the line to central did not come back',
    [{}],
    { isLast: true, centralSilentMs: undefined },
    'the line to central did not come back',
  ],
  ['the line to central is not back yet', [{}], { centralSilentMs: undefined }, undefined],
  [
    'the line to central went again',
    [{}],
    { isLast: true, centralSilentMs: 60_000 },
    'the line to central did not come back',
  ],
];

for (const [name, sources, moment, expected] of CASES) {
  t.test(`a trial where ${name} ${expected === undefined ? 'goes on' : 'is taken back'}`, async (t) => {
    const now = { elapsedMs: 10_000, centralSilentMs: 500, isLast: false, ...moment, status: status(sources) };
    t.equal(worsening(BEFORE, now as TrialMoment), expected);
  });
}

t.test('a trial that loses samples is taken back, unless they were lost before as well', async (t) => {
  const moment = { elapsedMs: 10_000, centralSilentMs: 1, isLast: false, status: status([{}], { lost: 30 }) };
  t.equal(worsening(BEFORE, moment), '30 samples were lost');
  t.equal(worsening(dataBefore(status([{}], { lost: 500 }), 100), moment), undefined);
});
