import fc from 'fast-check';
import t from 'tap';
import { isZone, TimeWindows, WindowText } from '../../../sync/line/time-windows.ts';

const at = (text: string) => Date.parse(text);

/** 2026-06-01 is a Monday. */
const CASES = [
  { windows: ['22:00-06:00'], now: '2026-06-01T21:59:59Z', isOpen: false, next: '2026-06-01T22:00:00Z' },
  { windows: ['22:00-06:00'], now: '2026-06-01T22:00:00Z', isOpen: true, next: '2026-06-02T06:00:00Z' },
  { windows: ['22:00-06:00'], now: '2026-06-02T05:59:59Z', isOpen: true, next: '2026-06-02T06:00:00Z' },
  { windows: ['sat,sun 00:00-24:00'], now: '2026-06-05T23:00:00Z', isOpen: false, next: '2026-06-06T00:00:00Z' },
  { windows: ['sat,sun 00:00-24:00'], now: '2026-06-06T10:00:00Z', isOpen: true, next: '2026-06-08T00:00:00Z' },
  { windows: ['fri 22:00-02:00'], now: '2026-06-06T01:00:00Z', isOpen: true, next: '2026-06-06T02:00:00Z' },
  { windows: ['fri 22:00-02:00'], now: '2026-06-05T01:00:00Z', isOpen: false, next: '2026-06-05T22:00:00Z' },
  { windows: ['00:00-12:00', '12:00-24:00'], now: '2026-06-05T01:00:00Z', isOpen: true, next: undefined },
  { windows: [], now: '2026-06-05T01:00:00Z', isOpen: false, next: undefined },
  {
    windows: ['08:00-09:00'],
    zone: 'Europe/Berlin',
    now: '2026-06-01T06:30:00Z',
    isOpen: true,
    next: '2026-06-01T07:00:00Z',
  },
  {
    windows: ['08:00-09:00'],
    zone: 'Europe/Berlin',
    now: '2026-01-01T06:30:00Z',
    isOpen: false,
    next: '2026-01-01T07:00:00Z',
  },
  // The night in which clocks of Berlin go on by an hour.
  {
    windows: ['01:00-04:00'],
    zone: 'Europe/Berlin',
    now: '2026-03-29T00:30:00Z',
    isOpen: true,
    next: '2026-03-29T02:00:00Z',
  },
];

for (const { windows, zone, now, isOpen, next } of CASES) {
  t.test(`${windows.join(' and ') || 'no window'} ${zone ?? 'UTC'} at ${now}`, async (t) => {
    const line = new TimeWindows(windows, zone);
    t.equal(line.isOpen(at(now)), isOpen);
    t.equal(line.nextChange(at(now)), next === undefined ? undefined : at(next));
  });
}

t.test('nothing opens or shuts before it says', async () => {
  const time = fc
    .tuple(fc.nat(23), fc.nat(59))
    .map(([h, m]) => [h, m].map((n) => String(n).padStart(2, '0')).join(':'));
  const day = fc.constantFrom('sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat');
  const text = fc
    .tuple(fc.option(day), time, time)
    .map(([on, from, to]) => `${on === null ? '' : `${on} `}${from}-${to}`);
  const zones = fc.constantFrom('UTC', 'Asia/Kathmandu', 'America/Los_Angeles');
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 3 }), zones, fc.nat(20 * 86_400), (texts, zone, second) => {
      const now = at('2026-06-01T00:00:00Z') + second * 1e3;
      const windows = new TimeWindows(texts, zone);
      const next = windows.nextChange(now) ?? now + 86_400_000;
      for (let step = 1; step <= 20; step += 1) {
        const then = now + Math.floor(((next - now - 1) * step) / 20);
        if (windows.isOpen(then) !== windows.isOpen(now)) return false;
      }
      return true;
    }),
    { numRuns: 60 },
  );
});

t.test('windows look as the config wants them, and zones are those there are', async (t) => {
  const pattern = new RegExp(WindowText.pattern ?? '');
  for (const text of ['22:00-06:00', 'mon,tue 00:00-24:00']) t.ok(pattern.test(text), text);
  for (const text of [
    '22-06',
    '24:00-06:00',
    'today 10:00-11:00',
    '10:00-25:00',
    'mon, tue 10:00-11:00',
    '22:00-22:00',
    'fri 00:00-00:00',
  ]) {
    t.notOk(pattern.test(text), text);
  }
  t.same([isZone('Europe/Berlin'), isZone('Mars/Olympus')], [true, false]);
});
