import fc from 'fast-check';
import t from 'tap';
import { chartCandidates, chooseCharts } from '../../dashboards/web/model/first-charts.ts';
import { formatAge, formatClock, formatCount, formatNumber, formatValue } from '../../dashboards/web/model/format.ts';
import { fuzzyScore, searchWords } from '../../dashboards/web/model/fuzzy.ts';
import { GatewayClock } from '../../dashboards/web/model/gateway-clock.ts';
import { Series } from '../../dashboards/web/model/series.ts';
import { parseStatus } from '../../dashboards/web/model/status.ts';
import { timeStep, timeTicks } from '../../dashboards/web/model/time-ticks.ts';
import { ChannelTree } from '../../dashboards/web/model/tree.ts';
import { searchOf, viewOf } from '../../dashboards/web/model/view-url.ts';
import { YRange } from '../../dashboards/web/model/y-range.ts';
import type { WireChannel } from '../../dashboards/wire.ts';
import { fakeStatus } from './fake-telemetry.ts';

function channel(id: number, name: string, changes: Partial<WireChannel> = {}): WireChannel {
  const none = [Number.NaN, Number.NaN, Number.NaN, Number.NaN] as const;
  const known = { decimals: undefined, rateHz: 0, limits: none, gateway: 'g', unit: '', source: 's', description: '' };
  return { id, name, type: 'number', labels: new Map(), ...known, ...changes };
}

t.test('numbers are written with the decimals of their channel, a real minus and no minus zero', async (t) => {
  for (const [value, decimals, text] of [
    [12.345, 1, '12.3'],
    [-12.345, 2, '\u221212.35'],
    [-0.04, 1, '0.0'],
    [5, undefined, '5'],
    [Number.NaN, 1, 'no value'],
    [Number.NEGATIVE_INFINITY, 1, '\u2212\u221e'],
    [1e300, 1, '1.000e+300'],
  ] as const) {
    t.equal(formatNumber(value, decimals), text);
  }
});

t.test('values are written as their type says', async (t) => {
  const map = channel(1, 'map', { type: 'enum', labels: new Map([[2, 'race']]) });
  t.equal(formatValue(map, 2), 'race');
  t.equal(formatValue(map, 3), '3', 'a value without a label is a number');
  t.equal(formatValue(channel(1, 'b', { type: 'bool' }), 1), 'on');
  t.equal(formatValue(channel(1, 'b', { type: 'bool' }), 0), 'off');
  t.equal(formatValue(channel(1, 'b', { type: 'text' }), 'hello'), 'hello');
  t.equal(formatValue(channel(1, 'b'), undefined), '');
});

t.test('ages and counts are short at every size', async (t) => {
  const ages = [0, 12e-6, 0.04, 0.9999, 1.23, 9.96, 59, 100, 3600, 7200, 864_000, -3, Number.NaN].map(formatAge);
  t.same(ages, [
    '0 ms',
    '12 µs',
    '40 ms',
    '1.0 s',
    '1.2 s',
    '10 s',
    '59 s',
    '2 min',
    '60 min',
    '2 h',
    '10 d',
    '\u22123.0 s',
    '',
  ]);
  t.same([0, 980, 21_400, 999_600, 1.2e6, 123_456_789].map(formatCount), [
    '0',
    '980',
    '21.4 k',
    '1.0 M',
    '1.2 M',
    '123 M',
  ]);
  fc.assert(fc.property(fc.double({ min: 0, max: 1e9 }), (age) => formatAge(age).length <= 9));
});

t.test('a clock shows as many digits as its step needs', async (t) => {
  t.match(formatClock(1.25, 1), /^\d\d:\d\d:01$/);
  t.match(formatClock(1.25, 0.1), /^\d\d:\d\d:01\.2$/);
  t.match(formatClock(1.25, 0.001), /^\d\d:\d\d:01\.250$/);
});

t.test('marks of time lie on whole steps with room between them', async (t) => {
  t.equal(timeStep(60, 900, 90), 10);
  t.equal(timeStep(10, 900, 90), 1);
  t.equal(timeStep(300, 300, 90), 120);
  t.same(timeTicks(9.5, 31, 10), [10, 20, 30]);
});

t.test('a search finds whole words first, then pieces, then scattered letters, and needs every word', async (t) => {
  const score = (text: string, search: string) => fuzzyScore(text, searchWords(search)) ?? Number.NEGATIVE_INFINITY;
  t.ok(score('car/engine/rpm', 'rpm') > score('car/engine/rpm_limit', 'rpm'));
  t.ok(score('car/engine/rpm_limit', 'rpm') > score('car/trpmx', 'rpm'));
  t.ok(score('car/oil_pressure', 'oilp') > Number.NEGATIVE_INFINITY, 'letters may be left out');
  t.equal(score('car/engine/rpm', 'rpm tyre'), Number.NEGATIVE_INFINITY);
  t.equal(searchWords('  A  b ').length, 2);
});

t.test('the tree groups by path in natural order, closes groups and finds leaves', async (t) => {
  const paths = ['car/wheel/10/speed', 'car/wheel/2/speed', 'car/rpm', 'box'];
  const tree = new ChannelTree(paths.map((path, i) => ({ id: i + 1, path })));
  const lines = (isOpen: (path: string) => boolean) =>
    tree.rows(isOpen).map((row) => `${'  '.repeat(row.depth)}${row.label}`);
  t.same(
    lines(() => true),
    ['car', '  wheel', '    2', '      speed', '    10', '      speed', '  rpm', 'box'],
  );
  t.same(
    lines((path) => path === 'car'),
    ['car', '  wheel', '  rpm', 'box'],
  );
  const [first] = tree.search('10 spe');
  t.equal(first?.path, 'car/wheel/10/speed');
  const single = new ChannelTree([
    { id: 1, path: 'a/b/c/x' },
    { id: 2, path: 'a/b/c/y' },
  ]);
  t.same(
    single.rows(() => true).map((row) => row.label),
    ['a / b / c', 'x', 'y'],
    'groups with nothing but one group are one line',
  );
});

t.test('a series holds what came, in columns, in any order of time', async () => {
  const sample = fc.record({
    time: fc.integer({ min: 0, max: 9_999_999 }),
    value: fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
  });
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 80 }), (samples) => {
      const series = new Series(100_000, 100);
      for (const { time, value } of samples) series.add(time, value, value, value);
      const columns = new Map<number, { value: number }[]>();
      for (const one of samples) {
        const column = Math.floor(one.time / 100_000);
        columns.set(column, [...(columns.get(column) ?? []), one]);
      }
      const expected = [...columns].sort(([a], [b]) => a - b);
      return (
        series.length === expected.length &&
        expected.every(([column, inside], i) => {
          const values = inside.map(({ value }) => value);
          return (
            Math.floor(((series.times[i] ?? 0) * 1e6) / 100_000) === column &&
            series.min[i] === Math.min(...values) &&
            series.max[i] === Math.max(...values) &&
            series.last[i] === values.at(-1)
          );
        })
      );
    }),
  );
});

t.test('a series keeps at least one window and no more than two', async (t) => {
  const series = new Series(1_000_000, 50);
  for (let second = 0; second < 1000; second++) series.add(second * 1e6, second, second, second);
  t.ok(series.length >= 50 && series.length <= 100, `${series.length} columns`);
  t.equal(series.last[series.length - 1], 999);
  t.same(series.spread(989, 2000), { min: 989, max: 999 });
  t.equal(series.spread(2000, 3000), undefined);
  t.equal(series.typicalInterval(), 1);
});

t.test('a series made of a history goes on in the same grid', async (t) => {
  const series = Series.fromHistory({
    type: 'history',
    channel: 1,
    from: 5_000_000,
    columnUs: 100_000,
    columns: 10,
    index: Uint16Array.of(0, 9),
    min: Float64Array.of(1, 2),
    max: Float64Array.of(3, 4),
    last: Float64Array.of(2, 3),
    gaps: Float64Array.of(5_100_000, 5_900_000),
  });
  series.add(5_950_000, 1, 9, 5);
  t.equal(series.length, 2, 'a sample in the last column is merged into it');
  t.equal(series.max[1], 9);
  series.add(6_000_000, 7, 7, 7);
  t.equal(series.length, 3);
  t.same(series.gaps, [5.1, 5.9]);
  t.equal(series.indexAt(6.05, 1), 2);
  t.equal(series.indexAt(5.5, 0.2), -1, 'nothing is known in the middle of a gap');
});

t.test('a late tick that leaves nothing out is no gap', async (t) => {
  const series = new Series(100_000, 100);
  series.add(1_000_000, 1, 1, 1);
  series.add(3_000_000, 1, 2, 2, true);
  series.add(5_000_000, 3, 3, 3, false);
  t.same(Array.from(series.joined.subarray(0, 3)), [0, 1, 0]);
  t.equal(series.indexAt(2, 0.3), 0);
  t.equal(series.indexAt(4, 0.3), -1);
  series.add(2_000_000, 1, 1, 1, true);
  t.same(Array.from(series.joined.subarray(0, 4)), [0, 1, 1, 0], 'a column in between moves the others along');
});

t.test('a vertical range grows at once and shrinks slowly', async (t) => {
  const range = new YRange();
  range.follow({ min: 0, max: 10 });
  t.same([range.low, range.high], [-1, 11]);
  range.follow({ min: -100, max: 10 });
  t.ok(range.low < -100);
  const before = range.low;
  range.follow({ min: 0, max: 10 });
  t.ok(range.low > before && range.low < -80, 'a little');
  range.follow(undefined);
  for (let i = 0; i < 500; i++) range.follow({ min: 4, max: 4 });
  t.ok(range.low > 3 && range.low < 4 && range.high > 4 && range.high < 5, 'a flat line has room on both sides');
});

t.test('the gateway clock follows the fastest frame and heals when the path gets slower', async (t) => {
  const clock = new GatewayClock();
  t.notOk(clock.isSet);
  clock.observe(1_000_000, 50);
  clock.observe(1_100_000, 140);
  t.equal(clock.now(140), 1_100_000, 'ten milliseconds faster');
  clock.observe(1_200_000, 260);
  t.ok(Math.abs(clock.now(260) - 1_220_000) < 200, 'a slow frame does not set it back');
  for (let ms = 300; ms < 200_000; ms += 100) clock.observe(ms * 1000 + 900_000, ms);
  t.ok(Math.abs(clock.now(200_000) - 200_900_000) < 500, 'but slow frames only do');
});

t.test('a view is told by its address and back', async (t) => {
  const paths = ['car/engine/rpm', 'a b&c=d/é', '100%/x?'];
  t.same(viewOf(searchOf(paths, 10)), { charts: paths, span: 10 });
  t.equal(searchOf(['car/rpm'], 60), '?c=car/rpm');
  t.same(viewOf(''), { charts: undefined, span: 60 });
  t.same(viewOf(searchOf([], 300)), { charts: [], span: 300 }, 'no chart on purpose');
  t.equal(viewOf('?w=7').span, 60);
});

t.test('the first charts are moving, different and worth seeing', async (t) => {
  const channels = [
    channel(1, 'car/can/checksum_speed', { rateHz: 100 }),
    channel(2, 'car/wheels/fl/speed', { unit: 'km/h', rateHz: 100 }),
    channel(3, 'car/wheels/fr/speed', { unit: 'km/h', rateHz: 100 }),
    channel(4, 'car/engine/rpm', { unit: 'rpm', rateHz: 100 }),
    channel(5, 'car/driver/throttle', { unit: '%' }),
    channel(6, 'car/note', { type: 'text' }),
    channel(7, 'car/brake', { unit: 'bar' }),
  ];
  const candidates = chartCandidates(channels);
  t.notOk(
    candidates.some(({ id }) => id === 6),
    'text has no chart',
  );
  t.same(
    chooseCharts(candidates, (id) => id !== 5, 3),
    [2, 4, 7],
  );
  t.same(
    chooseCharts(candidates, () => false, 4),
    [2, 4, 5, 7],
    'where nothing moves, the likeliest',
  );
});

t.test('any text in the place of a status is read without an error', async (t) => {
  const status = parseStatus(JSON.stringify(fakeStatus(7)));
  t.match(status, {
    clockSource: 'gnss',
    commitMs: 3.2,
    sources: [{ name: 'car', errors: 2 }, {}, { state: 'waiting' }],
  });
  t.equal(parseStatus('{'), undefined);
  t.equal(parseStatus('[]'), undefined);
  fc.assert(fc.property(fc.json(), (json) => parseStatus(json) !== null));
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('clock', 'ring', 'store', 'sources', 'problems'), fc.jsonValue()),
      (root) => {
        return parseStatus(JSON.stringify(root)) !== undefined;
      },
    ),
  );
});
