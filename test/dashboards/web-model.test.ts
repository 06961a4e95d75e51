import fc from 'fast-check';
import t from 'tap';
import { enumMarks, fitted, stepDigits } from '../../dashboards/web/model/axis-marks.ts';
import { chartCandidates, chooseCharts } from '../../dashboards/web/model/first-charts.ts';
import { formatAge, formatClock, formatCount, formatNumber, formatValue } from '../../dashboards/web/model/format.ts';
import { fuzzyScore, searchWords } from '../../dashboards/web/model/fuzzy.ts';
import { GatewayClock } from '../../dashboards/web/model/gateway-clock.ts';
import { formatLap, kindsOf, lapLines, parseCycles } from '../../dashboards/web/model/laps.ts';
import { Precision } from '../../dashboards/web/model/precision.ts';
import { exactText, quantityOf, quantityText, rungOf, writtenUnit } from '../../dashboards/web/model/quantity.ts';
import { Series } from '../../dashboards/web/model/series.ts';
import { concernsOf, parseStatus, stateLabel, worstState } from '../../dashboards/web/model/status.ts';
import { seriesOf } from '../../dashboards/web/model/stretch.ts';
import { etaText, syncSummary } from '../../dashboards/web/model/sync.ts';
import { timeStep, timeTicks } from '../../dashboards/web/model/time-ticks.ts';
import { ChannelTree } from '../../dashboards/web/model/tree.ts';
import { groupsAbove, startsOpen } from '../../dashboards/web/model/tree-opening.ts';
import { searchOf, viewOf } from '../../dashboards/web/model/view-url.ts';
import { YRange } from '../../dashboards/web/model/y-range.ts';
import type { WireChannel } from '../../dashboards/wire.ts';
import { fakeStatus } from './fake-telemetry.ts';

function channel(id: number, name: string, changes: Partial<WireChannel> = {}): WireChannel {
  const none = [Number.NaN, Number.NaN, Number.NaN, Number.NaN] as const;
  const known = { decimals: undefined, rateHz: 0, limits: none, gateway: 'g', unit: '', source: 's', description: '' };
  return { id, name, type: 'number', labels: new Map(), ...known, ...changes };
}

t.test('a table of laps has the newest first, and times to the best that is complete', async (t) => {
  const lap = (number: number, from: number, to: number | undefined, more = {}) => {
    return {
      gateway: 'g',
      name: 'lap',
      number,
      label: '',
      from: from * 1e6,
      to: to && to * 1e6,
      state: 'complete',
      ...more,
    };
  };
  const cycles = parseCycles({
    cycles: [
      lap(1, 0, 5, { state: 'aborted', cause: 'began-before' }),
      lap(2, 5, 95.5),
      lap(3, 95.5, 185),
      lap(4, 185, 275),
      lap(5, 275, undefined, { state: 'open' }),
      { ...lap(0, 300, 301), name: 'batch', label: 'B-7' },
      'none',
    ],
  });
  t.same(kindsOf(cycles), ['lap', 'batch']);
  t.same(
    lapLines(cycles, 'lap', 280).map(({ title, seconds, isBest, behind }) => [title, seconds, isBest, behind]),
    [
      ['5', 5, false, undefined],
      ['4', 90, false, 0.5],
      ['3', 89.5, true, undefined],
      ['2', 90.5, false, 1],
      ['1', 5, false, undefined],
    ],
  );
  t.same(
    lapLines(cycles, 'batch', 280).map(({ title, isBest }) => [title, isBest]),
    [['B-7', true]],
  );
  t.same(parseCycles('none'), []);
  const texts = [0.5, 58.2034, 59.9996, 92.345, 3723.004].map(formatLap);
  t.same(texts, ['0.500', '58.203', '1:00.000', '1:32.345', '1:02:03.004']);
});

t.test('what a chart draws of a stretch are the columns of a query, and its gaps', async (t) => {
  const stretches = [
    { from: 0, to: 5e6, state: 'full' },
    { from: 5e6, to: 10e6, state: 'missing' },
  ];
  const columns = { count: [1, 0, 2, 1], min: [1, null, 2, null], max: [1, null, 3, null], last: [1, null, 3, null] };
  const series = seriesOf({ from: 0, to: 10e6, channels: [{ ...columns, coverage: { stretches } }] }, 4);
  t.same([...series.times.subarray(0, series.length)], [1.25, 6.25, 8.75]);
  t.same([...series.max.subarray(0, series.length)], [1, 3, Number.NaN]);
  t.same(series.gaps, [5, 10]);
  t.equal(seriesOf({ from: 0, to: 1 }, 4).length, 0);
});

t.test('numbers are written with the decimals of their channel, a real minus and no minus zero', async (t) => {
  for (const [value, decimals, text] of [
    [12.345, 1, '12.3'],
    [-12.345, 2, '\u221212.35'],
    [-0.04, 1, '0.0'],
    [5, undefined, '5'],
    [Number.NaN, 1, 'no value'],
    [Number.NEGATIVE_INFINITY, 1, '\u2212\u221e'],
    [1e300, 1, '1.000e+300'],
    [9999, 1, '9999.0'],
    [-12345.678, 2, '\u221212\u202f345.68'],
    [1234567, 0, '1\u202f234\u202f567'],
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

t.test('bytes and other ladders are written with three digits in the unit that fits', async (t) => {
  for (const [unit, value, text, shown] of [
    ['B', 83_532_283_904, '83.5', 'GB'],
    ['B', 999_600, '1.00', 'MB'],
    ['B', 812, '812', 'B'],
    ['B', 0, '0', 'B'],
    ['B/s', -3_396_268, '\u22123.40', 'MB/s'],
    ['us', 23_500, '23.5', 'ms'],
    ['us', 12, '12', '\u00b5s'],
    ['bit/s', 1e16, '10\u202f000', 'Tbit/s'],
  ] as const) {
    const memory = channel(1, 'box/memory', { unit, decimals: 0 });
    t.same(quantityOf(memory, 0, value), { text, unit: shown });
    t.equal(exactText(memory, value), `${value} ${unit}`);
  }
  const speed = channel(1, 'speed', { unit: 'km/h', decimals: 1 });
  t.same(quantityOf(speed, 1, 123456.78), { text: '123\u202f456.8', unit: 'km/h' }, 'other units stay');
  t.equal(quantityText(speed, quantityOf(speed, 1, 5)), '5.0', 'the unit beside it is not repeated');
  const memory = channel(1, 'memory', { unit: 'B' });
  t.equal(quantityText(memory, quantityOf(memory, 0, 5e6)), '5.00 MB', 'another unit is named');
  t.equal(quantityOf(memory, 0, Number.NaN).text, 'no value');
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: 0, max: 9e14 }), (bytes) => {
      const { text, unit } = quantityOf(memory, 0, bytes);
      const size = rungOf('B', bytes)?.size ?? Number.NaN;
      return (
        text.replace('.', '').length <= 3 &&
        unit.endsWith('B') &&
        Math.abs(Number(text) * size - bytes) <= Math.max(0.5, bytes * 0.005)
      );
    }),
  );
});

t.test('units that sources spell in ASCII are written as people write them', async (t) => {
  const units = ['degC', 'deg', 'deg/s2', 'm/s^2', 'deg/sec', 'km/h', 'kB2B', 'm3/h', 'CO2', '', '%'].map(writtenUnit);
  t.same(units, [
    '\u00b0C',
    '\u00b0',
    '\u00b0/s\u00b2',
    'm/s\u00b2',
    '\u00b0/s',
    'km/h',
    'kB2B',
    'm\u00b3/h',
    'CO2',
    '',
    '%',
  ]);
});

t.test(
  'where no decimals are told, five digits of the greatest value mean something, and no more than needed',
  async (t) => {
    const decimalsOf = (...values: number[]) => {
      const precision = new Precision();
      for (const value of values) precision.observe(value);
      return precision.decimals;
    };
    t.equal(decimalsOf(-51.42337, 0.0012345), 3, 'an angle that goes through zero');
    t.equal(decimalsOf(105.80000000000001, 99.3), 1, 'rounding errors of doubles need no digits');
    t.equal(decimalsOf(3, 4, 5), 0);
    t.equal(decimalsOf(0.000012345), 6);
    t.equal(decimalsOf(123456.789), 0);
    t.equal(decimalsOf(Number.NaN, Number.POSITIVE_INFINITY), 0);
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 }), (values) => {
        const texts = values.map((value) => formatNumber(value, decimalsOf(...values)));
        return texts.every((text) => text.length <= 11);
      }),
    );
  },
);

t.test('marks of an axis are told apart by their digits', async (t) => {
  t.same([100, 2.5, 2, 0.25, 0.1, 0.30000000000000004, 0.005, 0].map(stepDigits), [0, 1, 0, 2, 1, 1, 3, 0]);
});

t.test('labels of an enum keep apart and are cut to their room', async (t) => {
  t.same(enumMarks([15, 0, 1, 2, 3], 0, 15, 30, 10), [0, 15], 'in 30 pixels');
  t.same(enumMarks([15, 0, 1, 2, 3], 0, 5, 100, 10), [0, 1, 2, 3], 'only what is on the axis');
  const measure = (text: string) => text.length;
  t.equal(fitted('Balanced', 8, measure), 'Balanced');
  t.equal(fitted('Balanced', 5, measure), 'Bala\u2026');
  t.equal(fitted('Balanced', 0, measure), '');
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

t.test(
  'the tree has the largest group first and the gateway itself last, at central within each gateway',
  async (t) => {
    const leaves = ['a/x', 'box/cpu', 'box/load', 'box/disk', 'car/b/x', 'car/b/y', 'car/a/z'].map((path, i) => ({
      id: i + 1,
      path,
      isOwn: path.startsWith('box/'),
    }));
    const groups = (tree: ChannelTree) =>
      tree.rows(() => true).flatMap((row) => (row.kind === 'group' ? `${row.path}${row.isOwn ? ' own' : ''}` : []));
    t.same(groups(new ChannelTree(leaves)), ['car', 'car/a', 'car/b', 'a', 'box own']);
    const twice = ['g2', 'g1'].flatMap((gateway, at) =>
      leaves.map((leaf) => ({ ...leaf, id: leaf.id + at * 10, path: `${gateway}/${leaf.path}` })),
    );
    const central = groups(new ChannelTree(twice, 1));
    t.same(central.slice(0, 6), ['g1', 'g1/car', 'g1/car/a', 'g1/car/b', 'g1/a', 'g1/box own']);
    t.equal(new ChannelTree(leaves).foreignChannels, 4);
  },
);

t.test('few channels start open, of many only the way to what is charted, the gateway itself never', async (t) => {
  const few = startsOpen(20, 0, new Set());
  t.same([few('car', 0, false), few('car/engine', 1, false), few('box', 0, true)], [true, true, false]);
  const many = startsOpen(300, 0, new Set(groupsAbove('car/engine/rpm')));
  t.same([many('car', 0, false), many('car/engine', 1, false), many('car/wheels', 1, false)], [true, true, false]);
  t.ok(startsOpen(0, 0, new Set())('box', 0, true), 'unless there is nothing else');
  t.ok(startsOpen(300, 1, new Set())('gateway/car', 1, false), 'at central sources are one level deeper');
  t.same(groupsAbove('a/b/c'), ['a', 'a/b']);
  t.same(groupsAbove('a'), []);
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
  t.same(viewOf(searchOf(paths, 10)), { charts: paths, span: 10, stretch: undefined });
  t.equal(searchOf(['car/rpm'], 60), '?c=car/rpm');
  t.same(viewOf(''), { charts: undefined, span: 60, stretch: undefined });
  t.same(viewOf(searchOf([], 300)), { charts: [], span: 300, stretch: undefined }, 'no chart on purpose');
  t.equal(viewOf('?w=7').span, 60);
  const stretch = { from: 1_795_375_518.523549, to: 1_795_375_608.316662, title: 'lap 2' };
  t.same(viewOf(searchOf(paths, 10, stretch)), { charts: paths, span: 10, stretch }, 'to the microsecond');
  for (const none of ['?from=2&to=1', '?from=1', '?from=a&to=b']) t.equal(viewOf(none).stretch, undefined, none);
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
    chooseCharts(candidates, (id) => id !== 2, 3),
    [3, 4, 5],
  );
  t.same(
    chooseCharts(candidates, () => false, 4),
    [2, 4, 5, 7],
    'where nothing moves, the likeliest',
  );
});

t.test('a speed is charted while the car stands, other things only where too little moves', async (t) => {
  const channels = [
    channel(1, 'car/OilTemperature', { unit: 'degC' }),
    channel(2, 'car/WheelSpeedFL', { unit: 'km/h' }),
    channel(3, 'car/WheelSpeedFR', { unit: 'km/h' }),
    channel(4, 'car/OilPressure', { unit: 'bar' }),
  ];
  const chosenOf = (moving: readonly number[], count: number) =>
    chooseCharts(chartCandidates(channels), (id) => moving.includes(id), count);
  t.same(chosenOf([1], 2), [2, 1]);
  t.same(chosenOf([1], 3), [2, 4, 1], 'best first, whether it moves or not');
  t.same(chosenOf([3], 1), [3], 'of one subject the one that moves');
});

t.test('the first charts are told by unit where names are cryptic, and one subject is shown once', async (t) => {
  const chosenOf = (channels: readonly WireChannel[]) => {
    const names = new Map(channels.map(({ id, name }) => [id, name]));
    return chooseCharts(chartCandidates(channels), () => true, 4).map((id) => names.get(id));
  };
  const cryptic: readonly (readonly [string, string])[] = [
    ['rav4/can1/TRACK_A_0/REL_SPEED', 'm/s'],
    ['rav4/can0/ECT1F03/NT', 'rpm'],
    ['rav4/can0/ENG1F07/NE1', 'rpm'],
    ['rav4/can0/VSC1F01/VXFL', 'km/h'],
    ['rav4/can0/VSC1F01/VXFR', 'km/h'],
    ['rav4/can0/STR1S01/SSA', 'deg'],
    ['rav4/can0/VSC1F01/VSC1SUM', ''],
    ['rav4/can1/TRACK_A_0/LONG_DIST', 'm'],
    ['rav4/gps/longitude', 'deg'],
    ['rav4/can0/VSC1S08/GL2Z', 'm/s^2'],
  ];
  t.same(chosenOf(cryptic.map(([name, unit], i) => channel(i + 1, name, { unit }))), [
    'rav4/can0/VSC1F01/VXFL',
    'rav4/can0/ENG1F07/NE1',
    'rav4/can0/STR1S01/SSA',
    'rav4/can0/VSC1S08/GL2Z',
  ]);
  const plain: readonly (readonly [string, string])[] = [
    ['car/TurboSpeed', 'rpm'],
    ['car/BrakeDiscTempFL', 'degC'],
    ['car/BrakePressFront', 'bar'],
    ['car/BrakePedalTravel', '%'],
    ['car/EngineSpeed', 'rpm'],
    ['car/WheelSpeedFL', 'km/h'],
    ['car/ThrottlePedal', '%'],
  ];
  t.same(chosenOf(plain.map(([name, unit], i) => channel(i + 1, name, { unit }))), [
    'car/WheelSpeedFL',
    'car/EngineSpeed',
    'car/ThrottlePedal',
    'car/BrakePressFront',
  ]);
});

t.test('what a person should look into is told in sentences, what lasts first', async (t) => {
  const status = parseStatus(
    JSON.stringify({
      ...fakeStatus(7),
      problems: [
        { time: 1, text: 'old' },
        { time: 2, text: 'new' },
      ],
    }),
  );
  if (status === undefined) throw new Error('the status was not read');
  t.same(concernsOf(status), [
    { time: undefined, text: 'tyres: no device has published yet' },
    { time: 2, text: 'new' },
    { time: 1, text: 'old' },
  ]);
  t.same(
    concernsOf({ ...status, lost: 3, refused: 2, sources: [], problems: [] }).map(({ text }) => text),
    ['2 samples were refused for want of room', '3 samples were lost'],
  );
  const retention = { rung: 'thin-bulk', hoursLeft: null, roomBytes: 5, classes: [{ reachUs: 3e6 }, { reachUs: 9e6 }] };
  const short = parseStatus(JSON.stringify({ store: { retention }, wear: { bytesPerDay: 7, yearsLeft: null } }));
  t.same(short?.recorder, {
    hoursLeft: undefined,
    reach: 9,
    rung: 'thin-bulk',
    roomBytes: 5,
    writtenPerDay: 7,
    yearsLeft: undefined,
  });
  t.match(short === undefined ? [] : concernsOf(short), [{ text: /the disk runs short/ }]);
  t.equal(worstState(status.sources), 'waiting');
  t.equal(worstState([]), 'running');
  t.equal(stateLabel('starting'), 'none yet', 'a source that nobody has sent to is not at fault');
  t.same(status.sources[0]?.errorReasons, [['dlc-short', 2]]);
  t.same(status.sources[0]?.errorPlaces, { 'dlc-short': 'frame 1d0 has 3 bytes' });
});

t.test('what centrals have is told at a glance, and where somebody should look it stands out', async (t) => {
  const of = (status: object) => parseStatus(JSON.stringify({ role: 'gateway', ...status }))?.destinations ?? [];
  const line = { gateway: 'hq', name: 'lte', state: 'in-use', why: 'idle' };
  const behind = { bytes: 5_000_000, caughtUpS: 60 };
  const upToDate = { bytes: 0, caughtUpS: 0 };
  const summary = (lines: object[], destinations: object[]) => syncSummary(of({ lines, destinations }));
  t.same(syncSummary(of({})), { text: '', tone: '' });
  t.same(summary([line], [{ name: 'hq', behind: upToDate }]), { text: 'up to date', tone: '' });
  t.same(summary([line], [{ name: 'hq', behind }]), { text: '5.0 MB behind', tone: 'is-unsure' });
  const dead = { ...line, state: 'dead', why: 'no answer' };
  t.same(summary([dead], [{ name: 'hq', behind }]), { text: '5.0 MB behind', tone: 'is-bad' });
  t.equal(of({ role: 'central', lines: [line] }).length, 0, 'lines of a central are those of its boxes');
  t.match(of({ lines: [dead, line], destinations: [] }), [{ name: 'hq', line: { state: 'in-use' }, told: undefined }]);
  const [known, never, unknown] = of({ destinations: [{ behind }, { behind: { bytes: 1 } }, {}] });
  t.same(
    [known, never, unknown].map((each) => each && etaText(each)),
    ['in 60 s', 'not at this rate', 'not known'],
  );
  t.same(of({ lines: [{ budgetBytes: 10, budgetUsedBytes: 12 }] })[0]?.line?.budgetLeft, 0);
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
