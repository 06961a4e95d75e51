import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { DAMAGED_LINES_MAX, DamagedRows } from '../../../collectors/replay/damaged-rows.ts';
import {
  HEADER_LINES_MAX,
  type RecordedRow,
  RecordingReader,
  SAMPLE_ROWS,
} from '../../../collectors/replay/recording-reader.ts';
import { aim, raceChrono } from './recordings.ts';

function read(pieces: readonly Uint8Array[]) {
  const damage = new DamagedRows();
  const reader = new RecordingReader(damage);
  const rows: RecordedRow[] = [];
  for (const piece of pieces) rows.push(...reader.feed(piece));
  rows.push(...reader.end());
  return { table: reader.table, kinds: reader.kinds, isUnknown: reader.isUnknown, rows, damaged: damage.list() };
}

const readText = (text: string) => read([Buffer.from(text)]);

t.test('a RaceChrono header says what the columns are', async (t) => {
  const { table, rows } = readText(raceChrono(['10.5,3,1.25,31.5,1.2,,9,soft']));
  t.match(table, { epoch: { kind: 'utc' }, timeCell: 0, cells: 8 });
  t.same(
    table?.columns.map(({ path, unit }) => [path, unit]),
    [
      ['session/lap_number', ''],
      ['gps/speed', 'm/s'],
      ['gps/latitude', 'deg'],
      ['calc/speed', 'm/s'],
      ['acc/x_acc', 'G'],
      ['gps_102/speed', 'm/s'],
      ['obd/tyre', ''],
    ],
  );
  t.same(rows, [{ line: 11, time: 10_500_000, values: [3, 1.25, 31.5, 1.2, undefined, 9, 'soft'] }]);
});

t.test('an AiM header says what the columns are, and when the times began', async (t) => {
  const { table, rows } = readText(aim([['0.050', '1.10', '2', '-3.5', '0', 'on']]));
  t.match(table, {
    timeCell: 0,
    rateHz: 20,
    epoch: { kind: 'local', start: Date.UTC(2026, 0, 25, 13, 57) * 1e3 },
  });
  t.same(
    table?.columns.map(({ path, unit }) => [path, unit]),
    [
      ['gps/Speed', 'km/h'],
      ['gps/Speed_2', 'km/h'],
      ['Oil_Water_Temp', '°C'],
      ['Mode_Flag', ''],
      ['column_6', ''],
    ],
  );
  t.same(rows, [{ line: 9, time: 50_000, values: [1.1, 2, -3.5, 0, 'on'] }]);
});

const STARTS: [date: string, time: string, start: string | undefined][] = [
  ['Sunday, January 25, 2026', '1:57 PM', '2026-01-25T13:57:00Z'],
  ['Friday, May 1, 2020', '12:05:09 AM', '2020-05-01T00:05:09Z'],
  ['Friday, May 1, 2020', '12:05 pm', '2020-05-01T12:05:00Z'],
  ['May 1, 2020', '23:59:59', '2020-05-01T23:59:59Z'],
  ['01/05/2020', '23:59', undefined],
  ['domenica, gennaio 25, 2026', '13:57', undefined],
  ['May 1, 2020', 'noon', undefined],
  ['', '', undefined],
];

t.test('a date that can be read is one, any other is none', async (t) => {
  for (const [Date_, Time, start] of STARTS) {
    const { table } = readText(aim([], { Date: Date_, Time }));
    const epoch = start === undefined ? { kind: 'unknown' } : { kind: 'local', start: Date.parse(start) * 1e3 };
    t.same(table?.epoch, epoch, `${Date_} ${Time}`);
  }
});

t.test('a column is a number unless most of its first cells are words, and has the most decimals met', async (t) => {
  const [words, numbers] = [
    ['soft', '', 'hard', '5'],
    ['1.5', 'x', '', '1.250'],
  ];
  const { kinds, rows, damaged } = readText(raceChrono(words.map((word, n) => `${n},1,1,1,1,,${numbers[n]},${word}`)));
  t.match(kinds.slice(5), [
    { type: 'number', decimals: 3 },
    { type: 'text', decimals: 0 },
  ]);
  t.same(
    rows.map(({ values }) => values.slice(5)),
    [
      [1.5, 'soft'],
      [undefined, 'hard'],
      [1.25, '5'],
    ],
  );
  t.same(damaged, [{ reason: 'bad-number', count: 1, lines: [12] }]);
});

t.test('later words do not make text of a number', async (t) => {
  const rows = Array.from({ length: SAMPLE_ROWS * 3 }, (_, n) => `${n},1,1,1,1,,1,${n < SAMPLE_ROWS ? n : 'x'}`);
  const read = readText(raceChrono(rows));
  t.equal(read.kinds[6]?.type, 'number');
  t.equal(read.rows.length, SAMPLE_ROWS);
  t.match(read.damaged, [{ reason: 'bad-number', count: 2 * SAMPLE_ROWS }]);
});

t.test('a damaged row is counted by reason, and its line is kept', async (t) => {
  const good = '1767150797.44,8,1.5,31.07,1.5,0.1,1.5,1';
  const rows = [
    good,
    good.slice(0, -4),
    `${good},1`,
    good.replace('1767150797.44', ''),
    good.replace('31.07', '31.0.7'),
    '',
    good.replace('1.5', '"1.5'),
    `${good},${'9'.repeat(70_000)}`,
    good,
  ];
  const { rows: read, damaged } = readText(raceChrono(rows));
  t.same(
    read.map(({ line }) => line),
    [11, 19],
  );
  t.same(damaged, [
    { reason: 'cell-count', count: 2, lines: [12, 13] },
    { reason: 'bad-quotes', count: 1, lines: [17] },
    { reason: 'line-too-long', count: 1, lines: [18] },
    { reason: 'bad-time', count: 1, lines: [14] },
    { reason: 'bad-number', count: 1, lines: [15] },
  ]);
});

t.test('of many damaged rows the first lines are kept, all are counted', async (t) => {
  const { damaged } = readText(raceChrono(Array.from({ length: 1000 }, () => 'x,y')));
  t.same(damaged, [
    { reason: 'cell-count', count: 1000, lines: Array.from({ length: DAMAGED_LINES_MAX }, (_, n) => 11 + n) },
  ]);
});

const STRANGERS: [what: string, text: string][] = [
  ['nothing', ''],
  ['a table of another make', 'utc_s,lat_deg,lon_deg\n1533226488.299,37.7,-122.4\n'],
  ['RaceChrono of another version', raceChrono([]).replace('Format,3', 'Format,2')],
  ['RaceChrono without its unit of time', raceChrono([]).replace('unix time', 's')],
  ['RaceChrono without columns', 'This file is created using RaceChrono Pro\nFormat,3\n'],
  [
    'a header without end',
    `This file is created using RaceChrono Pro\n${'x\n'.repeat(HEADER_LINES_MAX)}${raceChrono([])}`,
  ],
  ['AiM without its unit of time', aim([]).replace('"s"', '"ms"')],
  ['AiM without names of columns', '"Format","AiM CSV File"\n\n"1","2"\n'],
  ['no text', Buffer.from(Uint8Array.from({ length: 100_000 }, (_, n) => (n * 167) & 0xff)).toString('latin1')],
];

for (const [what, text] of STRANGERS) {
  t.test(`${what} is no recording`, async (t) => {
    const { table, isUnknown, rows } = readText(text);
    t.match({ table, isUnknown, rows }, { table: undefined, isUnknown: true, rows: [] });
  });
}

t.test('line ends and a byte order mark make no difference', async (t) => {
  const rows = ['1,8,1.5,31.07,1.5,0.1,1.5,soft', '2,8,1.5,31.07,1.5,0.1,1.5,hard'];
  t.same(readText(`\ufeff${raceChrono(rows, '\n')}`), readText(raceChrono(rows)));
});

t.test('however a recording is chopped, the same rows come out', async (t) => {
  const rows = Array.from({ length: SAMPLE_ROWS + 6 }, (_, n) => `${n}.25,8,${n / 3},31,,"1.${n}",1,s°ft`);
  const text = Buffer.from(raceChrono([...rows, 'cut,off', '"']));
  const whole = read([text]);
  t.equal(whole.rows.length, rows.length);
  t.equal(whole.damaged.length, 2);
  t.same(read([...text].map((byte) => Uint8Array.of(byte))), whole, 'byte by byte');
  const expected = JSON.stringify(whole);
  for (let at = 0; at <= text.length; at += 1) {
    const split = JSON.stringify(read([text.subarray(0, at), text.subarray(at)]));
    if (split !== expected) t.fail(`split at ${at}`);
  }
  fc.assert(
    fc.property(fc.array(fc.nat({ max: text.length }), { maxLength: 20 }), (cuts) => {
      const ends = [...cuts.sort((a, b) => a - b), text.length];
      const pieces = ends.map((end, n) => text.subarray(ends[n - 1] ?? 0, end));
      return JSON.stringify(read(pieces)) === expected;
    }),
    { numRuns: 50 },
  );
});

t.test('nothing that is fed makes it throw', async () => {
  const text = Buffer.from(raceChrono(['1,8,1.5,31.07,1.5,0.1,1.5,1', '2,8,1.5,31.07,1.5,0.1,1.5,1']));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: text.length - 1 }), fc.nat({ max: 255 })), { maxLength: 12 }),
      (edits) => {
        const damaged = Uint8Array.from(text);
        for (const [at, byte] of edits) damaged[at] = byte;
        read([damaged]);
      },
    ),
    { numRuns: 500 },
  );
});
