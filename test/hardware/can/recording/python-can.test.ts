import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import {
  FRAME_BRS,
  FRAME_ERROR,
  FRAME_ESI,
  FRAME_EXTENDED,
  FRAME_FD,
  FRAME_REMOTE,
} from '../../../../hardware/can/can-frame.ts';
import { PROJECT_ROOT, recording } from '../../../data-dir.ts';
import { requireTools } from '../../../debian.ts';
import { type Line, readRecording } from './decode.ts';

const SCRIPT = join(PROJECT_ROOT, 'test/hardware/can/recording/python_can.py');

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'caisson-python-can-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

/** Converts a candump log with python-can; returns the file that it wrote. */
function convert(log: string, suffix: string): string {
  execFileSync('/usr/bin/python3', [SCRIPT, 'write', log, `${log}.${suffix}`]);
  return `${log}.${suffix}`;
}

/** What python-can reads in a file: times in seconds, channels as it has them. */
function readThere(path: string): Line[] {
  const text = execFileSync('/usr/bin/python3', [SCRIPT, 'read', path], { maxBuffer: 1 << 27 }).toString();
  return text
    .trim()
    .split('\n')
    .map((row) => {
      const [time, bus, id, extended, remote, error, fd, brs, esi, length, data] = JSON.parse(row);
      const flags =
        (error ? FRAME_ERROR : extended ? FRAME_EXTENDED : 0) |
        (remote ? FRAME_REMOTE : 0) |
        (fd ? FRAME_FD : 0) |
        (brs ? FRAME_BRS : 0) |
        (esi ? FRAME_ESI : 0);
      return { time: time * 1e6, bus: `can${bus}`, id: error ? 0 : id, flags, length, data };
    });
}

/** What a frame is apart from its time. */
const contentOf = ({ bus, id, flags, length, data }: Line) => `${bus} ${id} ${flags} ${length} ${data}`;

function compare(t: Test, ours: readonly Line[], theirs: readonly Line[], toleranceUs: number, shiftUs = 0): void {
  t.equal(ours.length, theirs.length, `${ours.length} frames`);
  const differing = ours.findIndex((line, i) => {
    const other = theirs[i];
    return other === undefined || contentOf(line) !== contentOf(other);
  });
  t.equal(differing, -1, 'every frame is the same');
  const late = ours.map((line, i) => Math.abs(line.time - (theirs[i]?.time ?? Number.NaN) - shiftUs));
  t.ok(
    late.every((us) => us <= toleranceUs),
    `times within ${toleranceUs} µs`,
  );
}

const DRIVE = 'can/css-car-drive/drive_20210726_am_40min.candump.log.gz';
const FRAMES = 20_000;

/** Every kind of frame, in the two buses of one log. */
const KINDS = [
  '123#',
  '7FF#0102030405060708',
  '00000123#11',
  '1FFFFFFF#1122334455667788',
  '321#R3',
  '18FEF100#R8',
  '123##0',
  '123##1AABBCCDD',
  `18FEF100##1${'5A'.repeat(64)}`,
  `18FEF100##0${'A5'.repeat(12)}`,
];
const KINDS_LOG = KINDS.map(
  (frame, n) => `(1627272842.${String(n * 1001).padStart(6, '0')}) can${1 + (n % 2)} ${frame}\n`,
);

for (const suffix of ['asc', 'blf'] as const) {
  t.test(
    `frames of every kind that python-can writes as ${suffix} are read as they were, packed and not`,
    async (t) => {
      if (!requireTools(t, 'python-can')) return;
      const log = join(await folder(t), 'kinds.log');
      await writeFile(log, KINDS_LOG.join(''));
      const path = convert(log, suffix);
      const expected = await readRecording(log);
      const { lines, errors } = await readRecording(path);
      t.same(errors, {});
      // python-can keeps times as doubles and cuts what it makes of them.
      compare(t, lines, expected.lines, 1);
      await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
      t.same((await readRecording(`${path}.gz`)).lines, lines);
    },
  );
}

t.test('a real drive is the same in every format', { skip: recording(DRIVE) === undefined }, async (t) => {
  if (!requireTools(t, 'python-can')) return;
  const log = join(await folder(t), 'drive.log');
  const text = gunzipSync(await readFile(recording(DRIVE) ?? '')).toString();
  await writeFile(log, `${text.split('\n', FRAMES).join('\n')}\n`);
  const { lines: expected } = await readRecording(log);
  t.equal(expected.length, FRAMES);
  for (const suffix of ['asc', 'blf', 'trc'] as const) {
    const { lines, errors } = await readRecording(convert(log, suffix));
    t.same(errors, {}, suffix);
    // python-can writes the start in milliseconds, and into TRC one of its own.
    const shift = (lines[0]?.time ?? 0) - (expected[0]?.time ?? 0);
    t.ok(Math.abs(shift) < 1000 || suffix === 'trc', `${shift} µs`);
    compare(t, lines, expected, 1, shift);
  }
});

const TRACE = 'can/nmea2000/sample3_PCAN-View.trc';

t.test(
  'a trace of PCAN-View holds what python-can finds in it',
  { skip: recording(TRACE) === undefined },
  async (t) => {
    if (!requireTools(t, 'python-can')) return;
    const path = recording(TRACE) ?? '';
    const { lines, errors } = await readRecording(path);
    t.same(errors, {});
    t.equal(lines.length, 12_274);
    const start = Date.UTC(2015, 5, 21, 18, 11, 7, 246) * 1e3;
    compare(t, lines, readThere(path), 0.5, start);
    t.equal(lines[0]?.time, start + 48_600);
    const { lines: shifted } = await readRecording(path, 7200e6);
    t.equal(shifted[0]?.time, start + 48_600 - 7200e6, 'a clock two hours ahead of UTC');
  },
);
