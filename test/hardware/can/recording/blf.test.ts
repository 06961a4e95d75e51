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
import { blfFile, container, fdMessage, fdMessage64, fileHeader, message, object } from './blf-file.ts';
import { decodePieces, differingSplits, type Line } from './decode.ts';

const START_US = Date.UTC(2021, 6, 26, 5, 14, 2, 294) * 1e3;

const EXTENDED = 0x80000000;
const SECOND = 1_000_000_000n;

/** Objects of every kind, with the frame that each is; undefined for what is none. */
const OBJECTS: readonly (readonly [bytes: Buffer, line: Partial<Line> | undefined])[] = [
  [
    object(1, message(1, 0, 2, 0x123, '1122'), 1_234_567n, 1),
    { time: START_US + 12_345_670, bus: 'can1', id: 0x123, flags: 0, length: 2, data: '1122' },
  ],
  [
    object(86, message(2, 1, 8, EXTENDED + 0x18fef100, '1122334455667788'), SECOND + 999n),
    { time: START_US + 1e6, bus: 'can2', id: 0x18fef100, flags: FRAME_EXTENDED, data: '1122334455667788' },
  ],
  [object(86, message(1, 0x80, 4, 0x123, ''), SECOND), { flags: FRAME_REMOTE, length: 4, data: '' }],
  [object(1, message(1, 0, 15, 0x123, '1122334455667788'), SECOND), { length: 8 }],
  [object(65, Buffer.from('a text of the application'), SECOND), undefined],
  [
    object(100, fdMessage(0x321, 0b111, 12, 'ab'.repeat(12)), SECOND, 2, 2),
    { bus: 'can2', flags: FRAME_FD | FRAME_BRS | FRAME_ESI, length: 12, data: 'ab'.repeat(12) },
  ],
  [object(100, fdMessage(0x321, 0, 2, 'abcd'), SECOND), { flags: 0, length: 2, data: 'abcd' }],
  [
    object(101, fdMessage64(EXTENDED + 5, 0x3000, 16, 'cd'.repeat(16)), SECOND),
    { bus: 'can3', id: 5, flags: FRAME_FD | FRAME_BRS | FRAME_EXTENDED, length: 16 },
  ],
  [object(101, fdMessage64(5, 0x10, 3, ''), SECOND), { flags: FRAME_REMOTE, length: 3 }],
  [object(73, message(1, 0, 0, 0, ''), SECOND), { bus: 'can1', flags: FRAME_ERROR, length: 0 }],
  [object(2, message(1, 0, 0, 0, ''), SECOND), { flags: FRAME_ERROR }],
  // 300 days in nanoseconds are more than a double holds.
  [
    object(1, message(1, 0, 0, 1, ''), 300n * 86_400n * SECOND + 123_456_999n),
    { time: START_US + 300 * 86_400e6 + 123_456 },
  ],
];
const LINES = OBJECTS.flatMap(([, line]) => (line === undefined ? [] : [line]));
const CONTENT = Buffer.concat(OBJECTS.map(([bytes]) => bytes));

/** All objects in containers of some bytes, which cut them. */
const file = (pieceBytes: number, packing: 0 | 2) => blfFile(CONTENT, pieceBytes, packing);

t.test('objects are read in containers, packed and not, cut anywhere, and outside of any', async (t) => {
  const files = [file(1e6, 2), file(1e6, 0), file(100, 2), file(7, 0), Buffer.concat([fileHeader(), CONTENT])];
  for (const bytes of files) {
    const { lines, errors } = decodePieces('blf', [bytes], { capacity: 5 });
    t.same(errors, {});
    t.match(lines, LINES);
    t.equal(lines.length, LINES.length);
  }
});

t.test('a file is the same whole, byte by byte and cut at every place', async (t) => {
  t.same(differingSplits('blf', file(300, 2)), []);
});

t.test('the clock of the recorder may be ahead of UTC', async (t) => {
  t.equal(decodePieces('blf', [file(1e6, 2)], { utcOffsetUs: 7200e6 }).lines[0]?.time, START_US + 12_345_670 - 7200e6);
});

t.test('a bad object is counted by reason with its place, and the next is read', async (t) => {
  const bad = [
    [object(1, message(1, 0, 8, 0x800, ''), 0n), 'bad-id'],
    [object(1, message(1, 0, 8, 0x123, '').subarray(0, 12), 0n), 'bad-length'],
    [object(1, Buffer.alloc(3), 0n), 'bad-object'],
    [object(101, fdMessage64(1, 0x1000, 13, 'ab'.repeat(13)), 0n), 'bad-length'],
    [container(CONTENT, 2).fill(0xee, 40), 'bad-container'],
    [Buffer.alloc(50, 0xee), 'bad-object'],
  ] as const;
  for (const [bytes, reason] of bad) {
    const wire = Buffer.concat([fileHeader(), bytes, container(CONTENT, 2)]);
    const { lines, errors, places } = decodePieces('blf', [wire]);
    t.same(errors, { [reason]: 1 }, reason);
    t.same(places, { [reason]: 'byte 144' });
    t.equal(lines.length, LINES.length);
  }
});

t.test('a lost container costs itself and the object that it cut', async (t) => {
  const wire = file(100, 2);
  const marks = [...wire.toString('latin1').matchAll(/LOBJ/g)].map(({ index }) => index);
  wire.fill(0xee, (marks[3] ?? 0) + 34, (marks[4] ?? 0) - 4);
  const { lines, errors } = decodePieces('blf', [wire]);
  t.equal(errors['bad-container'], 1);
  t.ok(lines.length >= LINES.length - 5, `${lines.length} of ${LINES.length} frames`);
});

t.test('a file that was cut off gives what is whole', async (t) => {
  const wire = Buffer.concat([fileHeader(), container(CONTENT, 2), container(CONTENT, 2)]);
  const { lines, errors } = decodePieces('blf', [wire.subarray(0, -20)]);
  t.equal(lines.length, LINES.length);
  t.same(errors, { 'cut-object': 1 });
});
