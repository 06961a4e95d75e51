import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import {
  EXTENDED_ID_MAX,
  FD_LENGTHS,
  FRAME_BRS,
  FRAME_BYTES_MAX,
  FRAME_ERROR,
  FRAME_ESI,
  FRAME_EXTENDED,
  FRAME_FD,
  FRAME_REMOTE,
  FrameBatch,
  STANDARD_ID_MAX,
} from '../../../hardware/can/can-frame.ts';
import { CANDUMP_FRAME_BYTES_MAX, CandumpFrames, candumpText } from '../../../hardware/can/candump-frame.ts';
import { recording } from '../../data-dir.ts';
import { requireTools } from '../../debian.ts';

/** The text of the frame that a text holds, or why it holds none. */
function again(text: string): string {
  const frames = new CandumpFrames();
  const batch = new FrameBatch(1);
  const bytes = Buffer.from(text, 'latin1');
  const problem = frames.parse(bytes, 0, bytes.length, Number.NaN, batch);
  return problem ?? candumpText(frames.interfaces[0] ?? '', batch, 0);
}

const TEXTS: readonly (readonly [what: string, text: string])[] = [
  ['data', 'can0 260#08FFFB0000001884'],
  ['no data', 'vcan12 7FF#'],
  ['a 29-bit identifier', 'can1 18F75E89#FF3528'],
  ['a 29-bit identifier that would fit into 11', 'can1 00000123#00'],
  ['a longer length code than the data', 'can0 123#1122334455667788_F'],
  ['a remote frame', 'can0 123#R'],
  ['a remote frame with a length', 'can0 00000123#R4'],
  ['a remote frame with a longer length code', 'can0 123#R8_9'],
  ['CAN FD', 'can0 123##0'],
  ['CAN FD with a faster data phase', `can0 123##1${'AB'.repeat(12)}`],
  ['CAN FD of a passive node', `can0 1FFFFFFF##3${'CD'.repeat(64)}`],
  ['an error frame', 'can0 20000004#0001000000000000'],
  ['an error frame of an adapter that tells no more', 'can0 20000000#'],
];

t.test('what candump writes is written again, character by character', async (t) => {
  for (const [what, text] of TEXTS) t.equal(again(text), text, what);
});

t.test('every frame that can be comes back as it was', async () => {
  const anyFrame = fc
    .record({
      extended: fc.boolean(),
      id: fc.nat(EXTENDED_ID_MAX),
      kind: fc.constantFrom('classic', 'remote', 'fd', 'error'),
      code: fc.nat(15),
      rate: fc.constantFrom(0, FRAME_BRS, FRAME_ESI, FRAME_BRS | FRAME_ESI),
      data: fc.uint8Array({ minLength: FRAME_BYTES_MAX, maxLength: FRAME_BYTES_MAX }),
    })
    .map(({ extended, id, kind, code, rate, data }) => ({
      id: extended || kind === 'error' ? id : id & STANDARD_ID_MAX,
      flags:
        (kind === 'error' ? FRAME_ERROR : extended ? FRAME_EXTENDED : 0) |
        (kind === 'remote' ? FRAME_REMOTE : 0) |
        (kind === 'fd' ? FRAME_FD | rate : 0),
      length: kind === 'fd' ? (FD_LENGTHS[code] ?? 0) : Math.min(code, 8),
      longCode: kind !== 'fd' && code > 8 ? code : 0,
      data,
    }));
  fc.assert(
    fc.property(anyFrame, ({ id, flags, length, longCode, data }) => {
      const batch = new FrameBatch(2);
      batch.add(0, 0, data, 0, 8);
      batch.add(id, flags, data, 0, length);
      batch.longCodes[1] = longCode;
      const text = candumpText('can0', batch, 1);
      const frames = new CandumpFrames();
      const read = new FrameBatch(1);
      const bytes = Buffer.from(text);
      const problem = frames.parse(bytes, 0, bytes.length, 5, read);
      const hasData = (flags & FRAME_REMOTE) === 0;
      return (
        problem === undefined &&
        text.length <= 'can0'.length + CANDUMP_FRAME_BYTES_MAX &&
        [read.ids[0], read.flags[0], read.lengths[0], read.longCodes[0], read.times[0]].join() ===
          [id, flags, length, longCode, 5].join() &&
        (!hasData || Buffer.compare(read.data.subarray(0, length), data.subarray(0, length)) === 0)
      );
    }),
    { numRuns: 2000 },
  );
});

const RAV4 = 'can/comma2k19-rav4/rav4_20180802_60s.candump.log.gz';

t.test(
  'a real recording is written again as it was recorded',
  { skip: recording(RAV4) === undefined ? `no recording ${RAV4}` : false },
  async (t) => {
    const lines = gunzipSync(readFileSync(recording(RAV4) ?? ''))
      .toString('latin1')
      .trim()
      .split('\n')
      .map((line) => line.slice(line.indexOf(') ') + 2));
    t.equal(lines.length, 98_800);
    t.equal(
      lines.find((line) => again(line) !== line.toUpperCase().replace('CAN', 'can')),
      undefined,
    );
  },
);

t.test('can-utils reads what is written', async (t) => {
  if (!requireTools(t, 'can-utils')) return;
  const folder = mkdtempSync(join(tmpdir(), 'caisson-candump-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const known = TEXTS.filter(([what]) => !what.includes('error'));
  const file = join(folder, 'log');
  writeFileSync(file, known.map(([, text]) => `(1.500000) ${again(text).replace(/^\w+/, 'can0')}\n`).join(''));
  const asc = execFileSync('log2asc', ['-I', file, 'can0'], { encoding: 'utf8' });
  const rows = asc.split('\n').filter((row) => row.includes('Rx'));
  t.equal(rows.length, known.length, asc);
});
