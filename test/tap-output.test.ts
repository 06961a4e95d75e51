import t from 'tap';
import { readTap } from './tap-output.ts';

const cases: {
  name: string;
  output: string[];
  passed: number;
  /** One a failure, if not said. */
  failed?: number;
  failures?: string[];
  details?: string;
  skips?: [name: string, reason: string][];
}[] = [
  { name: 'nothing', output: [], passed: 0 },
  {
    name: 'assertions outside of any test, each',
    output: ['TAP version 14', 'ok 1 - a', 'ok 2 - b', 'not ok 3 - c', '1..3'],
    passed: 2,
    failures: ['c'],
  },
  {
    name: 'a test once, however many assertions it makes',
    output: ['# Subtest: many', '    ok 1 - a', '    ok 2 - b', '    1..2', 'ok 1 - many # time=17.009ms', '', '1..1'],
    passed: 1,
  },
  {
    name: 'a test without assertions',
    output: ['# Subtest: silent', '    1..0', 'ok 1 - silent # time=0.7ms', '1..1'],
    passed: 1,
  },
  {
    name: 'each failed assertion by its path, with its details',
    output: [
      '# Subtest: outer',
      '    # Subtest: inner',
      '        not ok 1 - should be equal',
      '          ---',
      '          diff: |',
      '            ok 9 - not a point',
      '          ...',
      '        1..1',
      '    not ok 1 - inner # time=6ms',
      '      ---',
      '      at: {}',
      '      ...',
      '    1..1',
      'not ok 1 - outer # time=7ms',
      '1..1',
    ],
    passed: 0,
    failures: ['outer > inner > should be equal'],
    details: 'diff: |\n  ok 9 - not a point',
  },
  {
    name: 'a failed test once, however many of its assertions fail',
    output: ['# Subtest: many', '    not ok 1 - a', '    not ok 2 - b', '    1..2', 'not ok 1 - many', '1..1'],
    passed: 0,
    failed: 1,
    failures: ['many > a', 'many > b'],
  },
  {
    name: 'inner tests instead of the outer one',
    output: [
      '# Subtest: outer',
      '    # Subtest: one',
      '        ok 1 - a',
      '        1..1',
      '    ok 1 - one',
      '    # Subtest: two',
      '        ok 1 - a',
      '        1..1',
      '    ok 2 - two',
      '    1..2',
      'ok 1 - outer',
      '1..1',
    ],
    passed: 2,
  },
  {
    name: 'a test that fails without a failed assertion, such as by its plan',
    output: ['# Subtest: planned', '    ok 1 - a', '    1..2', 'not ok 1 - planned', '1..1'],
    passed: 0,
    failures: ['planned'],
  },
  {
    name: 'skipped tests, with the reason from either way to skip',
    output: [
      'ok 1 - by option # SKIP no browser',
      '# Subtest: from within',
      '    ok 1 - no recordings # SKIP',
      '    1..1',
      'ok 2 - from within # time=0.7ms',
      '1..2',
    ],
    passed: 0,
    skips: [
      ['by option', 'no browser'],
      ['from within', 'no recordings'],
    ],
  },
  {
    name: 'a failed test that is still to do as passed',
    output: ['not ok 1 - later # TODO', '1..1'],
    passed: 1,
  },
  {
    name: 'a test that the end of the file cut off as failed',
    output: ['# Subtest: outer', '    # Subtest: inner', '        ok 1 - a'],
    passed: 0,
    failures: ['outer > inner'],
  },
  {
    name: 'no line that a program under test printed',
    output: ['ok', 'ok then', 'not ok at all', '# Sub', '  ok 1 - odd indent', 'ok 1 - real', '1..1'],
    passed: 1,
  },
];

for (const { name, output, passed, failures = [], failed = failures.length, details, skips = [] } of cases) {
  t.test(`counts ${name}`, async (t) => {
    const result = readTap(output.join('\n'));
    t.equal(result.passed, passed, 'passed');
    t.equal(result.failed, failed, 'failed');
    t.same(
      result.failures.map((failure) => failure.name),
      failures,
      'failures',
    );
    t.same(
      result.skips.map((skip) => [skip.name, skip.reason]),
      skips,
      'skips',
    );
    if (details !== undefined) t.equal(result.failures[0]?.details, details);
  });
}
