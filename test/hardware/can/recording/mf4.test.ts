import { Buffer } from 'node:buffer';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { FRAME_BRS, FRAME_ERROR, FRAME_EXTENDED, FRAME_FD, FRAME_REMOTE } from '../../../../hardware/can/can-frame.ts';
import { recording } from '../../../data-dir.ts';
import { type Decoded, type Line, readRecording } from './decode.ts';
import {
  type Block,
  block,
  dataGroup,
  type FrameToWrite,
  frameGroup,
  header,
  mf4File,
  offsetOf,
  packed,
  RECORD_BYTES,
  record,
  variableGroup,
  withLength,
} from './mf4-writer.ts';

const MF4 = 'can/css-car-drive/00000005-60FEB5A8.MF4';
const SAME_DRIVE = 'can/css-car-drive/drive_20210726_am_40min.candump.log.gz';

t.test(
  'the untouched file of a CANedge holds the frames that the candump log of the same drive has',
  { skip: recording(MF4) === undefined || recording(SAME_DRIVE) === undefined },
  async (t) => {
    const { lines, errors } = await readRecording(recording(MF4) ?? '');
    t.same(errors, {});
    t.equal(lines.length, 5477);
    const { lines: drive } = await readRecording(recording(SAME_DRIVE) ?? '');
    t.same(lines, drive.slice(-lines.length));
  },
);

const START_US = Date.UTC(2021, 6, 26, 5, 14, 14) * 1e3;
const START_NS = BigInt(START_US) * 1000n;

interface Sent extends FrameToWrite {
  readonly data: Buffer;
}

/** Frames a millisecond and a bit apart: 11 and 29 bits, two buses, every seventh CAN FD. */
const SENT: readonly Sent[] = Array.from({ length: 600 }, (_, n) => {
  const isFd = n % 7 === 0;
  const length = isFd ? 16 : n % 9;
  const data = Buffer.from(Array.from({ length }, (_, k) => (n * 31 + k) & 0xff));
  const bits = (n % 3 === 0 ? 1 : 0) | (isFd ? 0b110 : 0);
  return { nanos: n * 1_001_000, bus: 1 + (n % 2), id: n % 3 === 0 ? 0x18fe0000 + n : n, bits, length, data };
});

const LINES: readonly Line[] = SENT.map(({ nanos, bus, id, bits, length, data }) => ({
  time: START_US + nanos / 1000,
  bus: `can${bus}`,
  id,
  flags: ((bits & 1) === 0 ? 0 : FRAME_EXTENDED) | ((bits & 2) === 0 ? 0 : FRAME_FD | FRAME_BRS),
  length,
  data: data.toString('hex'),
}));

/** Data of all frames with their lengths, and the offset of each. */
function streamOf(sent: readonly Sent[]): { bytes: Buffer<ArrayBuffer>; offsets: number[] } {
  const parts = sent.map(({ data }) => withLength(data));
  let offset = 0;
  const offsets = parts.map(({ length }) => {
    offset += length;
    return offset - length;
  });
  return { bytes: Buffer.concat(parts), offsets };
}

/** A file whose frames point into a stream, both as these blocks. */
function sorted(records: readonly Block[], stream: readonly Block[], start = header, isLocal = false): Buffer {
  const [firstRecord, firstStream] = [records[0], stream[0]];
  if (firstStream === undefined) throw new Error('a stream without a block');
  const { group, blocks } = frameGroup(undefined, 'CAN_DataFrame', 0, { stream: firstStream });
  const data = dataGroup(undefined, group, firstRecord, 0);
  return mf4File([start(data, START_NS, isLocal), data, ...blocks, ...records, ...stream]);
}

const { bytes: STREAM, offsets: OFFSETS } = streamOf(SENT);
const RECORDS = Buffer.concat(SENT.map((sent, n) => record(sent, offsetOf(OFFSETS[n] ?? 0))));
const WIDTH = RECORD_BYTES + 8;

/** In pieces of these bytes, linked in lists of three. */
function listOf(kind: (bytes: Buffer<ArrayBuffer>) => Block, bytes: Buffer<ArrayBuffer>, pieceBytes: number): Block[] {
  const pieces: Block[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(kind(bytes.subarray(at, at + pieceBytes)));
  const lists: Block[] = [];
  for (let n = 0; n < pieces.length; n += 3) {
    lists.push(block('DL', [undefined, ...pieces.slice(n, n + 3)], Buffer.alloc(16)));
  }
  lists.forEach((list, n) => {
    list.links[0] = lists[n + 1];
  });
  return [...lists, ...pieces];
}

async function decode(t: Test, file: Uint8Array, utcOffsetUs = 0): Promise<Decoded> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-mf4-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'drive');
  await writeFile(path, file);
  return readRecording(path, utcOffsetUs);
}

const raw = (kind: string) => (bytes: Buffer<ArrayBuffer>) => block(kind, [], bytes);
const zipped = (kind: string, width: number) => (bytes: Buffer<ArrayBuffer>) => packed(kind, bytes, width);

const LAYOUTS: readonly (readonly [name: string, file: () => Buffer])[] = [
  ['one block', () => sorted([raw('DT')(RECORDS)], [raw('SD')(STREAM)])],
  ['lists, cut within records', () => sorted(listOf(raw('DT'), RECORDS, 1001), listOf(raw('SD'), STREAM, 333))],
  ['packed', () => sorted([zipped('DT', 0)(RECORDS)], [zipped('SD', 0)(STREAM)])],
  [
    'packed and transposed, in lists',
    () => sorted(listOf(zipped('DT', WIDTH), RECORDS, 1000), listOf(zipped('SD', 0), STREAM, 500)),
  ],
  [
    'a list behind its header',
    () => {
      const lists = listOf(zipped('DT', 0), RECORDS, 4000);
      return sorted([block('HL', [lists[0]], Buffer.alloc(8)), ...lists], [raw('SD')(STREAM)]);
    },
  ],
];

for (const [name, file] of LAYOUTS) {
  t.test(`data in ${name} are read`, async (t) => {
    t.same(await decode(t, file()), { lines: LINES, errors: {}, places: {} });
  });
}

t.test('a packed file is read as the plain one, and nothing is left of what it was unpacked to', async (t) => {
  t.same((await decode(t, gzipSync(LAYOUTS[0]?.[1]() ?? ''))).lines, LINES);
});

t.test('a recorder that writes local time is set right by its offset', async (t) => {
  const file = sorted([raw('DT')(RECORDS)], [raw('SD')(STREAM)], header, true);
  t.equal((await decode(t, file, 7200e6)).lines[0]?.time, START_US - 7200e6);
  t.equal(
    (await decode(t, LAYOUTS[0]?.[1]() ?? Buffer.alloc(0), 7200e6)).lines[0]?.time,
    START_US,
    'but not one that writes UTC',
  );
});

/** Frames and their data mixed as records with identifiers, as a recorder writes them while it runs. */
function unsorted(order: 'data first' | 'frame first', isUnfinished: boolean): Buffer {
  const variable = variableGroup(undefined, 2);
  const { group, blocks } = frameGroup(variable, 'CAN_DataFrame', 1, { stream: variable });
  const bytes = SENT.map((sent, n) => {
    const frame = [Buffer.of(1), record(sent, offsetOf(OFFSETS[n] ?? 0))];
    const data = [Buffer.of(2), withLength(sent.data)];
    return Buffer.concat(order === 'data first' ? [...data, ...frame] : [...frame, ...data]);
  });
  const stream = raw('DT')(Buffer.concat(bytes));
  const data = dataGroup(undefined, group, stream, 1);
  return mf4File([header(data, START_NS), data, ...blocks, variable, stream], { isUnfinished });
}

for (const order of ['data first', 'frame first'] as const) {
  t.test(`records of several kinds may be mixed: ${order}, also of a recorder that was cut off`, async (t) => {
    t.same(await decode(t, unsorted(order, false)), { lines: LINES, errors: {}, places: {} });
    t.same(await decode(t, unsorted(order, true)), { lines: LINES, errors: {}, places: {} });
    const cut = unsorted(order, true);
    const { lines, errors } = await decode(t, cut.subarray(0, cut.length - 40));
    t.same(lines, LINES.slice(0, lines.length));
    t.ok(lines.length >= 597, `${lines.length} frames`);
    t.ok((errors['cut-record'] ?? 0) + (errors['missing-data'] ?? 0) > 0);
  });
}

t.test('groups of several kinds come in the order of their times', async (t) => {
  const inline = SENT.filter(({ length }) => length <= 8);
  const frames = frameGroup(undefined, 'CAN_DataFrame', 0, { inlineBytes: 8 });
  const remotes = frameGroup(undefined, 'CAN_RemoteFrame', 0, undefined);
  const errors = frameGroup(undefined, 'CAN_ErrorFrame', 0, undefined);
  const others = frameGroup(undefined, 'LIN_Frame', 0, undefined);
  const tick = { nanos: 100_500_000, bus: 1, id: 0x55, bits: 0, length: 4 };
  const data = raw('DT')(Buffer.concat(inline.map((sent) => record(sent, Buffer.concat([sent.data], 8)))));
  const remote = raw('DT')(record(tick, Buffer.alloc(0)));
  const error = raw('DT')(record({ ...tick, nanos: 200_500_000 }, Buffer.alloc(0)));
  const fourth = dataGroup(undefined, others.group, remote, 0);
  const third = dataGroup(fourth, errors.group, error, 0);
  const second = dataGroup(third, remotes.group, remote, 0);
  const first = dataGroup(second, frames.group, data, 0);
  const parts = [frames, remotes, errors, others].flatMap(({ blocks }) => blocks);
  const file = mf4File([header(first, START_NS), first, second, third, fourth, ...parts, data, remote, error]);
  const { lines, errors: met } = await decode(t, file);
  t.same(met, {});
  const expected = [
    ...LINES.filter(({ length }) => length <= 8),
    { time: START_US + 100_500, bus: 'can1', id: 0x55, flags: FRAME_REMOTE, length: 4, data: '' },
    { time: START_US + 200_500, bus: 'can1', id: 0, flags: FRAME_ERROR, length: 0, data: '' },
  ].sort((a, b) => a.time - b.time);
  t.same(lines, expected);
});

t.test('a damaged block costs what is in it, counted with its place', async (t) => {
  const [first, ...rest] = listOf(zipped('DT', 0), RECORDS, WIDTH * 100);
  const pieces = rest.filter(({ kind }) => kind === 'DZ');
  pieces[1]?.content.fill(0xee, 24);
  const { lines, errors } = await decode(t, sorted(first === undefined ? [] : [first, ...rest], [raw('SD')(STREAM)]));
  t.same(errors, { 'bad-block': 1 });
  t.same(lines, [...LINES.slice(0, 100), ...LINES.slice(200)]);
});

t.test('what is no MF4 with frames is refused with its reason', async (t) => {
  const other = frameGroup(undefined, 'LIN_Frame', 0, undefined);
  const data = dataGroup(undefined, other.group, undefined, 0);
  const cases: [Buffer, RegExp][] = [
    [mf4File([header(data, START_NS), data, ...other.blocks]), /no group of CAN frames/],
    [(LAYOUTS[0]?.[1]() ?? Buffer.alloc(0)).subarray(0, 64), /byte 64: expected a block HD, found ""/],
    [Buffer.concat([Buffer.from('MDF     4.11'), Buffer.alloc(300)]), /byte 64: expected a block HD/],
  ];
  for (const [file, reason] of cases) await t.rejects(decode(t, file), reason);
});

t.test('any damage gives frames, errors or a refusal, and an end', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-mf4-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'drive');
  const files = [...LAYOUTS.map(([, file]) => file()), unsorted('frame first', false), unsorted('data first', true)];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
        maxLength: 20,
      }),
      async (whole, changes) => {
        const file = Buffer.from(whole);
        // Most of the damage is where the blocks are that say how the data are to be read.
        for (const [place, byte] of changes) file[Math.floor(place ** 4 * (file.length - 1))] = byte;
        await writeFile(path, file);
        const read = await readRecording(path).catch(() => undefined);
        return read === undefined || read.lines.length <= 10 * SENT.length;
      },
    ),
    { numRuns: 200 },
  );
});
