import { Buffer } from 'node:buffer';
import t from 'tap';
import {
  FRAME_BRS,
  FRAME_ERROR,
  FRAME_ESI,
  FRAME_EXTENDED,
  FRAME_FD,
  FRAME_REMOTE,
} from '../../../../hardware/can/can-frame.ts';
import { decodePieces, differingSplits, type Line } from './decode.ts';

const START = Date.UTC(2021, 6, 26, 22, 14, 2, 300) * 1e3;

const ASC_HEAD = `date Mon Jul 26 10:14:02.300 pm 2021
base hex  timestamps absolute
internal events logged
// version 9.0.0
Begin Triggerblock Mon Jul 26 10:14:02.300 pm 2021
   0.000000 Start of measurement
`;

type Case = readonly [text: string, line: Partial<Line>];

/** Lines as CANoe, CANalyzer, CANape and log2asc write them. */
const ASC: readonly Case[] = [
  [
    '   0.017701 1  7E8             Rx   d 8 04 41 11 25 00 00 00 00',
    { time: START + 17701, bus: 'can1', id: 0x7e8, flags: 0, length: 8, data: '0441112500000000' },
  ],
  [
    '  2.5009 2  18EBFF00x       Rx   d 2 01 A0  Length = 273910 BitCount = 141 ID = 418119424x',
    { time: START + 2500900, bus: 'can2', id: 0x18ebff00, flags: FRAME_EXTENDED, data: '01a0' },
  ],
  ['1.000000001 1 123 Tx d 0', { time: START + 1e6, id: 0x123, length: 0, data: '' }],
  ['1.5 1  123  TxRq   d 1 FF', { data: 'ff' }],
  ['1.5 1  200             Rx   r', { id: 0x200, flags: FRAME_REMOTE, length: 0 }],
  ['1.5 1  200x            Rx   r 8', { flags: FRAME_REMOTE | FRAME_EXTENDED, length: 8 }],
  ['1.5 3  ErrorFrame', { bus: 'can3', flags: FRAME_ERROR, length: 0 }],
  ['1.5 1  ErrorFrame    ECC: 10100010', { flags: FRAME_ERROR }],
  [
    '1.5 CANFD   1 Rx        300  Generic_Name_12                1 0 8 8 01 02 03 04 05 06 07 08   102203  133   303000 e0006659',
    { id: 0x300, flags: FRAME_FD | FRAME_BRS, length: 8, data: '0102030405060708' },
  ],
  [
    '1.5 CANFD   1 Tx   1FFFFFFFx 0 1 9 12 00 01 02 03 04 05 06 07 08 09 0A 0B',
    { flags: FRAME_FD | FRAME_ESI | FRAME_EXTENDED, length: 12 },
  ],
  ['1.5 CANFD   1 Rx   123   0 0 2 2 AA BB   0   0   0 0 0 0 0', { flags: 0, length: 2, data: 'aabb' }],
  ['1.5 CANFD   1 Rx   123   0 0 4 0   0   0   10 0 0 0 0', { flags: FRAME_REMOTE, length: 4 }],
  ['1.5 CANFD   1 Rx   ErrorFrame   Not Acknowledge error, dominant error flag', { flags: FRAME_ERROR }],
];

t.test('lines of ASC are read as the tools write them', async (t) => {
  for (const [text, line] of ASC) {
    const { lines, errors } = decodePieces('asc', [Buffer.from(`${ASC_HEAD}${text}\n`)]);
    t.same(errors, {}, text);
    t.match(lines, [line], text);
  }
});

t.test('what is no frame in ASC is passed over', async (t) => {
  const text = `${ASC_HEAD}   0.015991 CAN 1 Status:chip status error passive - TxErr: 132 RxErr: 0
   0.1 1 Statistic: D 0 R 0 XD 0 XR 0 E 0 O 0 B 0.00%
   0.2 J1939TP FEE3p 6 0 0 - Rx d 23 A0 0F
   0.3 LI 1 Rx 12
   0.4 SV: 2 0 1 ::Speed = 12
   End TriggerBlock\n`;
  t.match(decodePieces('asc', [Buffer.from(text)]), { lines: [], errors: {} });
});

t.test('a bad line of ASC is counted by reason with its place', async (t) => {
  const bad = [
    ['date nobody knows', 'bad-date'],
    ['1.5 1 1234 Rx d 1 00', 'bad-id'],
    ['1.5 1 12Q Rx d 1 00', 'bad-id'],
    ['1.5 1 FFFFFFFFx Rx d 1 00', 'bad-id'],
    ['1.5 1 123 Rx d 2 00', 'bad-data'],
    ['1.5 1 123 Rx d 1 1FF', 'bad-data'],
    ['1.5 1 123 Rx x 1 00', 'bad-line'],
    ['1.5 CANFD 1 Rx 123 0 0 9 9 1 2 3 4 5 6 7 8 9', 'bad-data'],
    ['1.5 CANFD 1 Rx 123 x', 'bad-line'],
  ] as const;
  for (const [line, reason] of bad) {
    const { lines, errors, places } = decodePieces('asc', [Buffer.from(`${ASC_HEAD}${line}\n2.0 1 1 Rx d 0\n`)]);
    t.same(errors, { [reason]: 1 }, line);
    t.same(places, { [reason]: 'line 7' });
    t.equal(lines.length, 1, 'what follows is read');
  }
});

const timesOf = (text: string, utcOffsetUs = 0) => {
  return decodePieces('asc', [Buffer.from(text)], { utcOffsetUs }).lines.map(({ time }) => time - START);
};
const FRAME = '1 123 Rx d 0';

t.test(
  'dates of ASC are understood with 12 hours or 24, in English and German, with the offset of the recorder',
  async (t) => {
    for (const date of [
      'Mon Jul 26 10:14:02.300 pm 2021',
      'Mon Jul 26 22:14:02.300 2021',
      'Mon Juli 26 22:14:02.3 2021',
    ]) {
      t.same(timesOf(`date ${date}\nbase hex timestamps absolute\n0.1 ${FRAME}\n`), [100_000], date);
    }
    t.same(timesOf(`date Die Mai 26 10:14:02 am 2020\n0.1 ${FRAME}\n`), [
      Date.UTC(2020, 4, 26, 10, 14, 2) * 1e3 + 1e5 - START,
    ]);
    t.same(timesOf(`date Mon Jul 26 12:14:02.300 am 2021\n0.1 ${FRAME}\n`), [100_000 - 22 * 3600e6], 'midnight');
    t.same(timesOf(`date Mon Jul 26 22:14:02.300 2021\n0.1 ${FRAME}\n`, 7200e6), [100_000 - 7200e6]);
  },
);

t.test('times of ASC from the line before add up', async (t) => {
  const text = `date Mon Jul 26 22:14:02.300 2021\nbase dec timestamps relative\n0.1 ${FRAME}\n0.2 Log event\n0.3 ${FRAME}\n`;
  t.same(timesOf(text), [100_000, 600_000]);
});

t.test('identifiers and data of ASC may be decimal', async (t) => {
  const text = 'base dec timestamps absolute\n0.1 1 418119424x Rx d 2 10 255\n';
  t.match(decodePieces('asc', [Buffer.from(text)]).lines, [{ id: 418119424, data: '0aff' }]);
});

t.test('times in a further block of ASC go on or begin anew, whichever fits its date', async (t) => {
  const head = 'date Mon Jul 26 22:14:02.300 2021\nbase hex timestamps absolute\n';
  const block = (date: string, time: string) => `Begin Triggerblock ${date}\n${time} ${FRAME}\nEnd TriggerBlock\n`;
  const first = block('Mon Jul 26 22:14:02.300 2021', '0.5');
  t.same(timesOf(head + first + block('Mon Jul 26 22:14:12.300 2021', '10.5')), [500_000, 10_500_000]);
  t.same(timesOf(head + first + block('Mon Jul 26 22:14:12.300 2021', '0.5')), [500_000, 10_500_000]);
});

const TRC_START = Date.UTC(2015, 5, 21, 18, 11, 7, 246) * 1e3;

/** Versions with the lines that PEAK's description of the format has for them. */
const TRC: readonly (readonly [head: string, text: string, line: Partial<Line> | undefined])[] = [
  [';##########', '     1)      1841  0001  8  00 01 02 03 04 05 06 07', { time: 1841e3, id: 1, flags: 0, length: 8 }],
  [';##########', '     2)      1842  18FEF100  0', { flags: FRAME_EXTENDED, length: 0 }],
  [';##########', '     3)      1842  0001  4  RTR', { flags: FRAME_REMOTE, length: 4 }],
  [';##########', '     4)      1843  FFFFFFFF  4  00 00 00 08 BUSHEAVY', undefined],
  [
    ';$FILEVERSION=1.1',
    '  1)  48.6  Rx  09F11201  2  FF 50',
    { time: 48_600, bus: 'can1', id: 0x09f11201, data: 'ff50' },
  ],
  [';$FILEVERSION=1.1', '  2)  48.6  Warng  FFFFFFFF  4  00 00 00 08  BUSHEAVY', undefined],
  [';$FILEVERSION=1.1', '  3)  48.6  Error  0008  4  00 19 08 08', { flags: FRAME_ERROR, length: 0 }],
  [';$FILEVERSION=1.2', '  1)  1059.900 2  Rx  0300  1  7F', { time: 1_059_900, bus: 'can2', id: 0x300, data: '7f' }],
  [';$FILEVERSION=1.3', '  1)  1059.900 1  Tx  0300 -  1  7F', { id: 0x300, data: '7f' }],
  [
    ';$FILEVERSION=2.0\n;$COLUMNS=N,O,T,I,d,l,D',
    '  1  1059.900 FB  0300 Rx 12  00 01 02 03 04 05 06 07 08 09 0A 0B',
    { flags: FRAME_FD | FRAME_BRS, length: 12 },
  ],
  [
    ';$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,R,L,D',
    '  1  1059.900 BI 3 18FEF100 Rx -  9  00 01 02 03 04 05 06 07 08 09 0A 0B',
    { bus: 'can3', flags: FRAME_FD | FRAME_BRS | FRAME_ESI | FRAME_EXTENDED, length: 12 },
  ],
  [';$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,R,L,D', '  2  1.0 RR 1 0300 Rx -  3', { flags: FRAME_REMOTE, length: 3 }],
  [';$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,R,L,D', '  3  1.0 ST 1 - Rx -  4  00 00 00 08', undefined],
  [';$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,R,L,D', '  4  1.0 ER 1 - Rx -  5  04 00 02 00 00', { flags: FRAME_ERROR }],
];

t.test('lines of every version of TRC are read', async (t) => {
  for (const [head, text, line] of TRC) {
    const { lines, errors } = decodePieces('trc', [Buffer.from(`${head}\r\n;---\r\n${text}\r\n`)]);
    t.same(errors, {}, text);
    t.match(lines, line === undefined ? [] : [line], text);
    t.equal(lines.length, line === undefined ? 0 : 1, text);
  }
});

t.test('the start of a TRC is what the clock showed, although its days are rounded', async (t) => {
  const text = (start: string) => `;$FILEVERSION=1.1\n;$STARTTIME=${start}\n 1) 0.0 Rx 0001 0\n`;
  const timeOf = (start: string) => decodePieces('trc', [Buffer.from(text(start))]).lines[0]?.time;
  t.equal(timeOf('42176.7577227546'), TRC_START);
  t.equal(timeOf('42176.757722754629'), TRC_START);
  t.equal(timeOf('25569'), 0);
});

t.test('a bad line of TRC is counted by reason with its place', async (t) => {
  const bad = [
    [' 1) x Rx 0001 0', 'bad-time'],
    [' 1) 1.0 Rx 000Q 0', 'bad-id'],
    [' 1) 1.0 Rx 0800 0', 'bad-id'],
    [' 1) 1.0 Rx 20000000 0', 'bad-id'],
    [' 1) 1.0 Rx 0001 17', 'bad-length'],
    [' 1) 1.0 Rx 0001 2 00', 'bad-data'],
    [';$STARTTIME=yesterday', 'bad-date'],
    [';$FILEVERSION=7.0', 'unknown-version'],
  ] as const;
  for (const [line, reason] of bad) {
    const wire = Buffer.from(`;$FILEVERSION=1.1\n${line}\n 2) 2.0 Rx 0001 0\n`);
    const { lines, errors, places } = decodePieces('trc', [wire]);
    t.same(errors, { [reason]: 1 }, line);
    t.same(places, { [reason]: 'line 2' });
    t.equal(lines.length, 1, 'what follows is read');
  }
});

t.test('text recordings are the same whole, byte by byte and cut at every place', async (t) => {
  t.same(differingSplits('asc', Buffer.from(ASC_HEAD + ASC.map(([text]) => text).join('\r\n'))), []);
  const trc = `\ufeff;$FILEVERSION=1.1\r\n;$STARTTIME=42176.75\r\n 1) 48.6 Rx 09F11201 2 FF 50\r\nnonsense\r\n 2) 49.6 Rx 0123 0`;
  t.same(differingSplits('trc', Buffer.from(trc)), []);
});
