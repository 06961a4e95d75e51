import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import {
  FRAME_BRS,
  FRAME_BYTES_MAX,
  FRAME_ERROR,
  FRAME_EXTENDED,
  FRAME_FD,
  FRAME_REMOTE,
  FrameBatch,
  INTERFACES_MAX,
} from '../../../hardware/can/can-frame.ts';
import { CandumpLog } from '../../../hardware/can/candump-log.ts';
import { recording } from '../../data-dir.ts';
import { requireTools } from '../../debian.ts';

interface Line {
  readonly time: number;
  readonly bus: string;
  readonly id: number;
  readonly flags: number;
  readonly length: number;
  readonly data: string;
}

function decode(pieces: readonly Uint8Array[], capacity = 4): { lines: Line[]; errors: Record<string, number> } {
  const log = new CandumpLog();
  const batch = new FrameBatch(capacity);
  const lines: Line[] = [];
  const take = (): void => {
    for (let i = 0; i < batch.count; i++) {
      const [flags = 0, length = 0, time = 0, id = 0] = [
        batch.flags[i],
        batch.lengths[i],
        batch.times[i],
        batch.ids[i],
      ];
      const bytes = (flags & FRAME_REMOTE) === 0 ? length : 0;
      const data = Buffer.from(batch.data.subarray(i * FRAME_BYTES_MAX, i * FRAME_BYTES_MAX + bytes)).toString('hex');
      lines.push({ time, bus: log.interfaces[batch.interfaces[i] ?? 0] ?? '', id, flags, length, data });
    }
    batch.clear();
  };
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; take()) at = log.decode(piece, at, batch);
  }
  log.end(batch);
  take();
  return { lines, errors: { ...log.errors } };
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

const BAD: readonly (readonly [line: string, reason: string])[] = [
  ['(1.5 can0 123#11', 'bad-time'],
  ['1.5 can0 123#11', 'bad-time'],
  ['(1.x) can0 123#11', 'bad-time'],
  ['(99999999999999.0) can0 123#11', 'bad-time'],
  ['can0  123   [2]  11 22', 'bad-time'],
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
  [`(1.5) can0 123#${'0'.repeat(600)}`, 'line-too-long'],
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
