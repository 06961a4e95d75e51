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
  t.equal(text.sample(2, TIME, -0), '2025-06-01T12:00:00.000250Z  a,"b"     -0\n');
});

t.test('writes CSV that keeps commas, quotes and line ends', async (t) => {
  const text = new SampleText('csv', NAMES, CHANNELS);
  t.equal(text.sampleHead(), 'time,channel,value\n');
  t.equal(text.sample(2, TIME, 'one\n"two"'), '2025-06-01T12:00:00.000250Z,"a,""b""","one\n""two"""\n');
  t.equal(text.sample(0, TIME, Number.NaN), '2025-06-01T12:00:00.000250Z,car/rpm,NaN\n');
});

t.test('writes JSON lines, with text for what JSON has no number for', async (t) => {
  const text = new SampleText('json', NAMES, CHANNELS);
  t.equal(text.sampleHead(), '');
  t.same(JSON.parse(text.sample(0, TIME, 1.5)), { time: TIME, channel: 'car/rpm', value: 1.5 });
  t.same(JSON.parse(text.sample(0, TIME, Number.NEGATIVE_INFINITY)).value, '-Infinity');
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
