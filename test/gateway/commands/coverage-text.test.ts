import t from 'tap';
import { COVERAGE_HEADS, coverageLines, lackLines } from '../../../gateway/commands/coverage-text.ts';
import type { Coverage } from '../../../gateway/query/coverage/coverage.ts';

const AT = 1_748_779_200_000_000;

const COVERAGE: Coverage = {
  ...{ from: AT, to: AT + 4e6, waits: 'lte: budget used up' },
  stretches: [
    { from: AT, to: AT + 1e6, state: 'full', cause: '', count: 0 },
    { from: AT + 1e6, to: AT + 2e6, state: 'outline', cause: 'not-sent', count: 700 },
    { from: AT + 2e6, to: AT + 3e6, state: 'missing', cause: 'ring-full', count: 5 },
    { from: AT + 3e6, to: AT + 4e6, state: 'missing', cause: 'not-heard', count: 0 },
  ],
};

t.test('beside samples only what lacks is named, with its cause and what it waits for', async (t) => {
  t.same(lackLines('a', COVERAGE), [
    'a: 2025-06-01T12:00:01.000000Z to 2025-06-01T12:00:02.000000Z envelopes only: not sent yet, 700 samples',
    'a: 2025-06-01T12:00:02.000000Z to 2025-06-01T12:00:03.000000Z missing: ring-full, 5 samples',
    'a: 2025-06-01T12:00:03.000000Z to 2025-06-01T12:00:04.000000Z missing: not heard of yet',
    'a: lte: budget used up',
  ]);
  const full = COVERAGE.stretches.slice(0, 1);
  t.same(lackLines('a', { ...COVERAGE, stretches: full, waits: '' }), []);
  const many = Array.from({ length: 7 }, () => COVERAGE.stretches.slice(2, 3)).flat();
  t.match(lackLines('a', { ...COVERAGE, stretches: many, waits: '' }).at(-1), 'and 2 more');
});

t.test('every stretch is a line of a table or of CSV, every channel a line of JSON', async (t) => {
  const lines = (format: 'table' | 'csv' | 'json') => [...coverageLines(format, 'a', COVERAGE)];
  t.match(COVERAGE_HEADS.table + lines('table').join(''), 'a: lte: budget used up\n2025-06-01T12:00:00.000000Z');
  t.equal(lines('table').length, 5);
  t.equal(lines('csv')[1], '"a",2025-06-01T12:00:01.000000Z,2025-06-01T12:00:02.000000Z,outline,not-sent,700\n');
  t.same(JSON.parse(lines('json').join('')), { channel: 'a', ...COVERAGE });
});
