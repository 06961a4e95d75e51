import { Buffer } from 'node:buffer';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { FRAME_BRS, FRAME_ERROR, FRAME_EXTENDED, FRAME_FD, FRAME_REMOTE } from '../../../../hardware/can/can-frame.ts';
import { recording } from '../../../data-dir.ts';
import { damagedMf4, readDamaged, SMALL_FILES } from './damaged-mf4.ts';
import { type Decoded, type Line, readRecording } from './decode.ts';
import { listOf, Mf4Files, packedBlock, plainBlock, someFrames } from './mf4-files.ts';
import { block, dataGroup, frameGroup, header, mf4File, RECORD_BYTES, record } from './mf4-writer.ts';

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

const SENT = someFrames(600);
const FILES = new Mf4Files(SENT, START_NS);
const LAYOUTS = FILES.layouts(1000);
/** Bytes of a record with the place of its data. */
const RECORD_WIDTH = RECORD_BYTES + 8;

const LINES: readonly Line[] = SENT.map(({ nanos, bus, id, bits, length, data }) => ({
  time: START_US + nanos / 1000,
  bus: `can${bus}`,
  id,
  flags: ((bits & 1) === 0 ? 0 : FRAME_EXTENDED) | ((bits & 2) === 0 ? 0 : FRAME_FD | FRAME_BRS),
  length,
  data: data.toString('hex'),
}));

async function decode(t: Test, file: Uint8Array, utcOffsetUs = 0): Promise<Decoded> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-mf4-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'drive');
  await writeFile(path, file);
  return readRecording(path, utcOffsetUs);
}

for (const [name, file] of Object.entries(LAYOUTS)) {
  t.test(`data in ${name} are read`, async (t) => {
    t.same(await decode(t, file), { lines: LINES, errors: {}, places: {} });
  });
}

t.test('a packed file is read as the plain one, and nothing is left of what it was unpacked to', async (t) => {
  t.same((await decode(t, gzipSync(FILES.plain()))).lines, LINES);
});

t.test('a recorder that writes local time is set right by its offset', async (t) => {
  t.equal((await decode(t, FILES.plain(true), 7200e6)).lines[0]?.time, START_US - 7200e6);
  t.equal((await decode(t, FILES.plain(), 7200e6)).lines[0]?.time, START_US, 'but not one that writes UTC');
});

for (const order of ['data first', 'frame first'] as const) {
  t.test(`records of several kinds may be mixed: ${order}, also of a recorder that was cut off`, async (t) => {
    t.same(await decode(t, FILES.unsorted(order, false)), { lines: LINES, errors: {}, places: {} });
    t.same(await decode(t, FILES.unsorted(order, true)), { lines: LINES, errors: {}, places: {} });
    const cut = FILES.unsorted(order, true);
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
  const data = plainBlock('DT')(Buffer.concat(inline.map((sent) => record(sent, Buffer.concat([sent.data], 8)))));
  const remote = plainBlock('DT')(record(tick, Buffer.alloc(0)));
  const error = plainBlock('DT')(record({ ...tick, nanos: 200_500_000 }, Buffer.alloc(0)));
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
  const [first, ...rest] = listOf(packedBlock('DT', 0), FILES.records, RECORD_WIDTH * 100);
  const pieces = rest.filter(({ kind }) => kind === 'DZ');
  pieces[1]?.content.fill(0xee, 24);
  const { lines, errors } = await decode(
    t,
    FILES.sorted(first === undefined ? [] : [first, ...rest], [plainBlock('SD')(FILES.stream)]),
  );
  t.same(errors, { 'bad-block': 1 });
  t.same(lines, [...LINES.slice(0, 100), ...LINES.slice(200)]);
});

t.test('what is no MF4 with frames is refused with its reason', async (t) => {
  const other = frameGroup(undefined, 'LIN_Frame', 0, undefined);
  const data = dataGroup(undefined, other.group, undefined, 0);
  const cases: [Buffer, RegExp][] = [
    [mf4File([header(data, START_NS), data, ...other.blocks]), /no group of CAN frames/],
    [FILES.plain().subarray(0, 64), /byte 64: expected a block HD, found ""/],
    [Buffer.concat([Buffer.from('MDF     4.11'), Buffer.alloc(300)]), /byte 64: expected a block HD/],
  ];
  for (const [file, reason] of cases) await t.rejects(decode(t, file), reason);
});

t.test('a file that links blocks in a circle, or says sizes that cannot be, is refused', async (t) => {
  const empty = plainBlock('DT')(Buffer.alloc(0));
  const circle = block('DL', [undefined, empty], Buffer.alloc(16));
  circle.links[0] = circle;
  const headed = block('HL', [undefined], Buffer.alloc(8));
  headed.links[0] = headed;
  const { group, blocks } = frameGroup(undefined, 'CAN_DataFrame', 0, { inlineBytes: 8 });
  const fileOf = (...data: ReturnType<typeof block>[]) => {
    const list = dataGroup(undefined, group, data[0], 0);
    return mf4File([header(list, START_NS), list, ...blocks, ...data]);
  };
  const huge = fileOf(empty);
  huge.writeUInt32LE(0xffffffff, huge.indexOf('##CG') + 24 + 6 * 8 + 24);
  const short = fileOf(empty);
  short.writeBigUInt64LE(24n, short.indexOf('##CG') + 8);
  short.writeBigUInt64LE(0n, short.indexOf('##CG') + 16);
  for (const [file, reason] of [
    [fileOf(circle, empty), /a list of data blocks that goes in a circle/],
    [fileOf(headed), /expected a block DL, found "##HL"/],
    [huge, /a record of 4294967295 bytes is too long/],
    [short, /a block CG with 0 bytes of content is too short/],
  ] as const) {
    await t.rejects(decode(t, file), reason);
  }
});

t.test('any damage gives frames, errors or a refusal, and an end', async (t) => {
  for (const file of SMALL_FILES) t.equal((await readDamaged(file))?.lines.length, 12, 'what is damaged was whole');
  await fc.assert(
    fc.asyncProperty(damagedMf4(), async (bytes) => ((await readDamaged(bytes))?.lines.length ?? 0) <= bytes.length),
    { numRuns: 1000 },
  );
});
