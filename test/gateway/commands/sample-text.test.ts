import t from 'tap';
import { defineChannel } from '../../../gateway/channel.ts';
import { SampleText } from '../../../gateway/commands/sample-text.ts';

const TIME = 1_748_779_200_000_250;
const CHANNELS = [
  { ...defineChannel({ name: 'car/rpm', unit: 'rpm', source: 'car' }), id: 1, gateway: 'box' },
  {
    ...defineChannel({ name: 'car/gear', type: 'enum', labels: { 0: 'neutral' }, source: 'car' }),
    id: 2,
    gateway: 'box',
  },
  undefined,
];
const NAMES = ['car/rpm', 'car/gear', 'a,"b"'];

t.test('writes samples for people with unit and label', async (t) => {
  const text = new SampleText('table', NAMES, CHANNELS);
  t.equal(text.sampleHead(), 'TIME (UTC)                   CHANNEL   VALUE\n');
  t.equal(text.sample(0, TIME, 4512.5), '2025-06-01T12:00:00.000250Z  car/rpm   4512.5 rpm\n');
  t.equal(text.sample(1, TIME, 0), '2025-06-01T12:00:00.000250Z  car/gear  neutral (0)\n');
  t.equal(text.sample(2, TIME, 'one\ntwo'), '2025-06-01T12:00:00.000250Z  a,"b"     "one\\ntwo"\n');
  t.equal(text.sample(1, TIME, 0, true), '2025-06-01T12:00:00.000250Z  car/gear  neutral (0)  (late)\n');
  t.equal(text.sample(2, TIME, -0), '2025-06-01T12:00:00.000250Z  a,"b"     -0\n');
});

t.test('writes CSV that keeps commas, quotes and line ends', async (t) => {
  const text = new SampleText('csv', NAMES, CHANNELS);
  t.equal(text.sampleHead(), 'time,channel,value,late\n');
  t.equal(text.sample(2, TIME, 'one\n"two"'), '2025-06-01T12:00:00.000250Z,"a,""b""","one\n""two""",0\n');
  t.equal(text.sample(0, TIME, Number.NaN), '2025-06-01T12:00:00.000250Z,car/rpm,NaN,0\n');
});

t.test('writes JSON lines, with text for what JSON has no number for', async (t) => {
  const text = new SampleText('json', NAMES, CHANNELS);
  t.equal(text.sampleHead(), '');
  t.same(JSON.parse(text.sample(0, TIME, 1.5)), { time: TIME, channel: 'car/rpm', value: 1.5 });
  t.same(JSON.parse(text.sample(0, TIME, Number.NEGATIVE_INFINITY)).value, '-Infinity');
  t.same(JSON.parse(text.sample(0, TIME, 1.5, true)).late, true);
});

t.test('writes only the columns of an envelope that have samples', async (t) => {
  const column = (...values: number[]) => Float64Array.from(values);
  const envelope = {
    from: TIME,
    to: TIME + 30,
    pixels: 3,
    count: column(2, 0, 1),
    min: column(1, Number.NaN, 5),
    max: column(2, Number.NaN, 5),
    first: column(2, Number.NaN, 5),
    last: column(1, Number.NaN, 5),
  };
  t.same(
    [...new SampleText('csv', NAMES, CHANNELS).envelope(0, envelope)],
    ['2025-06-01T12:00:00.000250Z,car/rpm,2,1,2,2,1\n', '2025-06-01T12:00:00.000270Z,car/rpm,1,5,5,5,5\n'],
  );
  const [first] = [...new SampleText('json', NAMES, CHANNELS).envelope(0, envelope)];
  t.same(JSON.parse(first ?? ''), { time: TIME, channel: 'car/rpm', count: 2, min: 1, max: 2, first: 2, last: 1 });
});

t.test('people see the digits that mean something, machines every bit', async (t) => {
  const define = (more: object) => ({ ...defineChannel({ name: 'n', source: 'car', ...more }), id: 1, gateway: 'box' });
  const cases = [
    [{ decimals: 2, unit: 'km/h' }, 32.129999999999995, '32.13 km/h'],
    [{ decimals: 2 }, 1, '1.00'],
    [{ decimals: 2 }, -0.001, '0.00'],
    [{ decimals: 1 }, Number.NaN, 'NaN'],
    [{ decimals: 0 }, 2 ** 60, String(2 ** 60)],
    [{ scale: { gain: 0.125, offset: -10 } }, 12.1249999999, '12.125'],
    [{ scale: { gain: 1e-7, offset: 0 } }, 3 * 1e-7, '0.0000003'],
    [{}, 0.1 + 0.2, '0.3'],
    [{}, 1_748_779_200_123, '1748779200123'],
    [{}, 1e-12, '1e-12'],
    [{ type: 'bool', decimals: 2 }, 1, '1'],
  ] as const;
  for (const [definition, value, printed] of cases) {
    const channel = define(definition);
    const line = (format: 'table' | 'csv' | 'json') => new SampleText(format, ['n'], [channel]).sample(0, TIME, value);
    t.equal(line('table').trimEnd().split(/ {2,}/).at(-1), printed);
    t.equal(line('csv').split(',').at(-2), String(value));
    if (Number.isFinite(value)) t.equal(JSON.parse(line('json')).value, value);
  }
});

t.test('the columns of an envelope stand under their names', async (t) => {
  const column = (value: number) => Float64Array.of(value);
  const [low, high, first, last] = [-1.25, 12.5, 0, 3].map(column);
  if (low === undefined || high === undefined || first === undefined || last === undefined)
    throw new Error('no columns');
  const channel = { ...defineChannel({ name: 'n', source: 'car', unit: 'bar', decimals: 2 }), id: 1, gateway: 'box' };
  const text = new SampleText('table', ['n'], [channel]);
  const envelope = { from: TIME, to: TIME + 9, pixels: 1, count: column(7), min: low, max: high, first, last };
  const [line = ''] = text.envelope(0, envelope);
  const ends = (row: string, words: readonly string[]) => words.map((word) => row.indexOf(word) + word.length);
  t.same(
    ends(line, [' 7', '-1.25', '12.50', ' 0.00', ' 3.00']),
    ends(text.envelopeHead(), ['COUNT', 'MIN', 'MAX', 'FIRST', 'LAST']),
  );
  t.match(line, / 3\.00 bar\n$/);
});
