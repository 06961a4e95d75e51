import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import {
  FRAME_BRS,
  FRAME_ERROR,
  FRAME_EXTENDED,
  FRAME_FD,
  FRAME_REMOTE,
  INTERFACES_MAX,
} from '../../../../hardware/can/can-frame.ts';
import { recording } from '../../../data-dir.ts';
import { requireTools } from '../../../debian.ts';
import { decodePieces, type Line, readRecording } from './decode.ts';

function decode(pieces: readonly Uint8Array[], capacity = 4, utcOffsetUs = 0) {
  const { lines, errors } = decodePieces('candump', pieces, { capacity, utcOffsetUs });
  return { lines, errors };
}

const CASES: readonly (readonly [text: string, line: Line])[] = [
  [
    '(1533226488.230547) can0 260#08FFFB0000001884',
    { time: 1533226488230547, bus: 'can0', id: 0x260, flags: 0, length: 8, data: '08fffb0000001884' },
  ],
  ['(0000000000.000001) vcan12 7ff#', { time: 1, bus: 'vcan12', id: 0x7ff, flags: 0, length: 0, data: '' }],
  [
    '(1701363725.986550) can1 18F75E89#FF3528',
    { time: 1701363725986550, bus: 'can1', id: 0x18f75e89, flags: FRAME_EXTENDED, length: 3, data: 'ff3528' },
  ],
  [
    '(1701363725.9) can1 00000123#00',
    { time: 1701363725900000, bus: 'can1', id: 0x123, flags: FRAME_EXTENDED, length: 1, data: '00' },
  ],
  [
    '(1701363725.123456789) can1 123#00 R',
    { time: 1701363725123456, bus: 'can1', id: 0x123, flags: 0, length: 1, data: '00' },
  ],
  ['(1.5) can0 123#R', { time: 1500000, bus: 'can0', id: 0x123, flags: FRAME_REMOTE, length: 0, data: '' }],
  [
    '(1.5) can0 00000123#R4',
    { time: 1500000, bus: 'can0', id: 0x123, flags: FRAME_REMOTE | FRAME_EXTENDED, length: 4, data: '' },
  ],
  ['(1.5) can0 123##0', { time: 1500000, bus: 'can0', id: 0x123, flags: FRAME_FD, length: 0, data: '' }],
  [
    `(1.5) can0 123##1${'ab'.repeat(12)}`,
    { time: 1500000, bus: 'can0', id: 0x123, flags: FRAME_FD | FRAME_BRS, length: 12, data: 'ab'.repeat(12) },
  ],
  [
    `(1.5) can0 1FFFFFFF##5${'cd'.repeat(64)}`,
    {
      time: 1500000,
      bus: 'can0',
      id: 0x1fffffff,
      flags: FRAME_FD | FRAME_BRS | FRAME_EXTENDED,
      length: 64,
      data: 'cd'.repeat(64),
    },
  ],
  [
    '(1.5) can0 20000004#0001000000000000',
    { time: 1500000, bus: 'can0', id: 4, flags: FRAME_ERROR, length: 8, data: '0001000000000000' },
  ],
  [
    '(1.5) can0 123#1122334455667788_9',
    { time: 1500000, bus: 'can0', id: 0x123, flags: 0, length: 8, data: '1122334455667788' },
  ],
  ['(1.5)  can0  123#11\r', { time: 1500000, bus: 'can0', id: 0x123, flags: 0, length: 1, data: '11' }],
];

t.test('every kind of line is read', async (t) => {
  for (const [text, line] of CASES) t.same(decode([Buffer.from(`${text}\n`)]), { lines: [line], errors: {} }, text);
});

t.test('frames are the same whole, byte by byte, cut at every place, and without an end of line', async (t) => {
  const wire = Buffer.from(`# a comment\n\n${CASES.map(([text]) => text).join('\n')}\n`);
  const expected = { lines: CASES.map(([, line]) => line), errors: {} };
  t.same(decode([wire], 64), expected);
  t.same(decode([...wire].map((byte) => Uint8Array.of(byte))), expected);
  t.same(decode([wire.subarray(0, -1)]), expected);
  const text = JSON.stringify(expected);
  const differing = Array.from(wire.keys()).filter((cut) => {
    return JSON.stringify(decode([wire.subarray(0, cut), wire.subarray(cut)])) !== text;
  });
  t.same(differing, []);
});

const DATE_US = Date.UTC(2021, 6, 26, 3, 14, 14) * 1e3;

/** What candump shows on a console, with its options, and what versions of before 2012 did. */
const CONSOLE: readonly (readonly [text: string, line: Line])[] = [
  ['  can0  123   [2]  11 22', { time: Number.NaN, bus: 'can0', id: 0x123, flags: 0, length: 2, data: '1122' }],
  [
    ' (1436509052.249713)  vcan0  044   [3]  2A 36 6C',
    { time: 1436509052249713, bus: 'vcan0', id: 0x44, flags: 0, length: 3, data: '2a366c' },
  ],
  [
    ' (2021-07-26 05:14:14.294700)  can1  00000123   [0] ',
    { time: DATE_US + 294700, bus: 'can1', id: 0x123, flags: FRAME_EXTENDED, length: 0, data: '' },
  ],
  [
    " (001.000500)  can0  RX - -  123   [2]  11 22   '.\"'",
    { time: 1000500, bus: 'can0', id: 0x123, flags: 0, length: 2, data: '1122' },
  ],
  ['can0  123  [01]  AB', { time: Number.NaN, bus: 'can0', id: 0x123, flags: FRAME_FD, length: 1, data: 'ab' }],
  [
    'can0  18FEF100   [4]  remote request',
    { time: Number.NaN, bus: 'can0', id: 0x18fef100, flags: FRAME_REMOTE | FRAME_EXTENDED, length: 4, data: '' },
  ],
  [
    'can0  20000004   [8]  00 01 00 00 00 00 00 00   ERRORFRAME',
    { time: Number.NaN, bus: 'can0', id: 4, flags: FRAME_ERROR, length: 8, data: '0001000000000000' },
  ],
  [
    '<0x18eeff01> [8] 05 a0 be 1c 00 a0 a0 c0 ',
    { time: Number.NaN, bus: 'can0', id: 0x18eeff01, flags: FRAME_EXTENDED, length: 8, data: '05a0be1c00a0a0c0' },
  ],
  ['<0x123> [1] ff', { time: Number.NaN, bus: 'can0', id: 0x123, flags: 0, length: 1, data: 'ff' }],
];

t.test('what candump shows on a console is read as what it logs, with its times or none', async (t) => {
  for (const [text, line] of CONSOLE) {
    t.same(decode([Buffer.from(`${text}\n`)], 4, 7200e6), { lines: [line], errors: {} }, text);
  }
});

t.test('an old candump names its interface once', async (t) => {
  const text = 'interface = can3, family = 29, type = 3, proto = 1\n<0x123> [1] ff\n';
  t.equal(decode([Buffer.from(text)]).lines[0]?.bus, 'can3');
});

t.test('where the first line of each kind of error stands is told', async (t) => {
  const { places } = decodePieces('candump', [Buffer.from('# x\n\nnonsense\n(1.5) can0 123#1\nnonsense\n')]);
  t.same(places, { 'bad-line': 'line 3', 'bad-data': 'line 4' });
});

for (const [name, frames] of [
  ['candumpSample1.txt', 6026],
  ['candumpSample3.txt', 2368],
] as const) {
  const path = recording(`can/nmea2000/${name}`);
  t.test(`all lines of a recording that others made are read: ${name}`, { skip: path === undefined }, async (t) => {
    const { lines, errors } = await readRecording(path ?? '');
    t.same(errors, {});
    t.equal(lines.length, frames);
  });
}

const BAD: readonly (readonly [line: string, reason: string])[] = [
  ['(1.5 can0 123#11', 'bad-time'],
  ['1.5 can0 123#11', 'bad-line'],
  ['(1.x) can0 123#11', 'bad-time'],
  ['(99999999999999.0) can0 123#11', 'bad-time'],
  ['(2021-07-26 05:14:14) can0 123#11', 'bad-time'],
  ['can0  123   [9]  11 22 33 44 55 66 77 88 99', 'bad-data'],
  ['can0  123   [2]  11', 'bad-data'],
  ['can0  123   [2]  11 2Z', 'bad-data'],
  ['can0  123   [09]  11 22 33 44 55 66 77 88 99', 'bad-data'],
  ['can0  923   [1]  11', 'bad-id'],
  ['<0x> [1] 11', 'bad-line'],
  ['(1.5) can0', 'bad-line'],
  ['(1.5) can0 123', 'bad-line'],
  ['(1.5) can0 1234#11', 'bad-id'],
  ['(1.5) can0 800#11', 'bad-id'],
  ['(1.5) can0 12X#11', 'bad-id'],
  ['(1.5) can0 80000123#11', 'bad-id'],
  ['(1.5) can0 123#1', 'bad-data'],
  ['(1.5) can0 123#1Z', 'bad-data'],
  ['(1.5) can0 123#112233445566778899', 'bad-data'],
  ['(1.5) can0 123##', 'bad-data'],
  ['(1.5) can0 123##1112233445566778899', 'bad-data'],
  ['(1.5) can0 123#R9', 'bad-data'],
  [`(1.5) can0 123#${'0'.repeat(3000)}`, 'line-too-long'],
];

t.test('a bad line is counted by reason, and the next is read', async (t) => {
  const [good] = CASES;
  for (const [bad, reason] of BAD) {
    t.same(
      decode([Buffer.from(`${bad}\n${good?.[0]}\n`)]),
      { lines: [good?.[1]], errors: { [reason]: 1 } },
      bad.slice(0, 60),
    );
  }
});

t.test('interfaces beyond the maximum are counted, not kept', async (t) => {
  const text = Array.from({ length: INTERFACES_MAX + 3 }, (_, n) => `(1.5) can${n} 123#11\n`).join('');
  const { lines, errors } = decode([Buffer.from(text)]);
  t.equal(lines.length, INTERFACES_MAX);
  t.same(errors, { 'too-many-interfaces': 3 });
});

const RAV4 = 'can/comma2k19-rav4/rav4_20180802_60s.candump.log.gz';

t.test(
  'a real recording holds the frames that log2asc of can-utils finds in it',
  { skip: recording(RAV4) === undefined ? `no recording ${RAV4}` : false },
  async (t) => {
    if (!requireTools(t, 'can-utils')) return;
    const text = gunzipSync(readFileSync(recording(RAV4) ?? ''));
    const { lines, errors } = decode([text], 1024);
    t.same(errors, {});
    t.equal(lines.length, 98_800);
    const asc = execFileSync('log2asc', ['can0', 'can1'], { input: text, maxBuffer: 1 << 26 }).toString();
    const theirs = asc.split('\n').flatMap((row) => {
      const found = /^\s*[\d.]+ (\d)\s+([0-9A-F]+x?)\s+Rx\s+d (\d)((?: [0-9A-F]{2})*)/.exec(row);
      return found === null
        ? []
        : [`can${Number(found[1]) - 1} ${found[2]} ${found[4]?.replaceAll(' ', '').toLowerCase()}`];
    });
    const ours = lines.map(({ bus, id, flags, data }) => {
      return `${bus} ${id.toString(16).toUpperCase()}${(flags & FRAME_EXTENDED) === 0 ? '' : 'x'} ${data}`;
    });
    t.equal(theirs.length, ours.length);
    t.equal(
      theirs.findIndex((row, index) => row !== ours[index]),
      -1,
      'every frame is the same',
    );
  },
);
