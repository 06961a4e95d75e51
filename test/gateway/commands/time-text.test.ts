import fc from 'fast-check';
import t from 'tap';
import { formatTime, parseDuration, parseTime } from '../../../gateway/commands/time-text.ts';

t.test('reads durations', async (t) => {
  const cases = { '500us': 500, '20ms': 20_000, '60s': 60e6, '1.5m': 90e6, '2h': 7_200e6, '1d': 86_400e6 };
  for (const [text, us] of Object.entries(cases)) t.equal(parseDuration(text), us, text);
  for (const text of ['', '60', 's', '-1s', '0s', '1 s', '1w', '1e3s', '0.1us', '999999999999d']) {
    t.throws(() => parseDuration(text), { message: /is no duration, expected/ }, text);
  }
});

t.test('reads times as ISO 8601 and as microseconds', async (t) => {
  const noon = 1_748_779_200_000_000;
  const cases = {
    '2025-06-01T12:00:00Z': noon,
    '2025-06-01T12:00': noon,
    '2025-06-01 12:00:00': noon,
    '2025-06-01T14:00:00+02:00': noon,
    '2025-06-01T12:00:00.00025': noon + 250,
    '2025-06-01T12:00:00.999999Z': noon + 999_999,
    '2025-06-01': noon - 12 * 3_600e6,
    '1969-12-31T23:59:59.5Z': -500_000,
    [String(noon)]: noon,
  };
  for (const [text, us] of Object.entries(cases)) t.equal(parseTime(text), us, text);
  for (const text of [
    '',
    'now',
    '2025-13-01',
    '2025-06-01T25:00',
    '2025-06-01T12:00:00.1234567',
    '12:00',
    '99999999999999999',
  ]) {
    t.throws(() => parseTime(text), { message: /is no time, expected/ }, text);
  }
});

t.test('what it writes it reads back to the same microsecond', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: -60_000_000_000_000_000, max: 9_007_199_254_740_991 }), (raw) => {
      const us = Math.max(raw, Number.MIN_SAFE_INTEGER);
      const text = formatTime(us);
      if (/^\d{4}-/.test(text)) t.equal(parseTime(text), us, text);
    }),
  );
  t.equal(formatTime(1_748_779_200_000_250), '2025-06-01T12:00:00.000250Z');
  t.equal(formatTime(-1), '1969-12-31T23:59:59.999999Z');
});
