import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import {
  FD_LENGTHS,
  FRAME_BRS,
  FRAME_BYTES_MAX,
  FRAME_ERROR,
  FRAME_EXTENDED,
  FRAME_FD,
  FRAME_REMOTE,
  FrameBatch,
} from '../../../hardware/can/can-frame.ts';
import { encodeSlcanFrame, encodeSlcanOpen, SLCAN_LINE_BYTES_MAX, SlcanDecoder } from '../../../hardware/can/slcan.ts';

interface Frame {
  readonly id: number;
  readonly flags: number;
  readonly length: number;
  /** Hex. */
  readonly data: string;
}

/** Decodes pieces one after another with a batch of little room, as a bus does. */
function decode(pieces: readonly Uint8Array[], capacity = 4): { frames: Frame[]; errors: Record<string, number> } {
  const decoder = new SlcanDecoder();
  const batch = new FrameBatch(capacity);
  const frames: Frame[] = [];
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; batch.clear()) {
      at = decoder.decode(piece, at, batch);
      for (let i = 0; i < batch.count; i++) {
        const flags = batch.flags[i] ?? 0;
        const length = batch.lengths[i] ?? 0;
        const bytes = (flags & FRAME_REMOTE) === 0 ? length : 0;
        const data = Buffer.from(batch.data.subarray(i * FRAME_BYTES_MAX, i * FRAME_BYTES_MAX + bytes)).toString('hex');
        frames.push({ id: batch.ids[i] ?? 0, flags, length, data });
      }
    }
  }
  return { frames, errors: { ...decoder.errors } };
}

function encode({ id, flags, length, data }: Frame): Buffer {
  const out = Buffer.alloc(SLCAN_LINE_BYTES_MAX + 1);
  return out.subarray(0, encodeSlcanFrame(out, 0, id, flags, Buffer.from(data, 'hex'), 0, length));
}

const LINES: readonly (readonly [line: string, frame: Frame])[] = [
  ['t10021133', { id: 0x100, flags: 0, length: 2, data: '1133' }],
  ['t7FF0', { id: 0x7ff, flags: 0, length: 0, data: '' }],
  ['T000001003112233', { id: 0x100, flags: FRAME_EXTENDED, length: 3, data: '112233' }],
  ['T1FFFFFFF80001020304050607', { id: 0x1fffffff, flags: FRAME_EXTENDED, length: 8, data: '0001020304050607' }],
  ['r1004', { id: 0x100, flags: FRAME_REMOTE, length: 4, data: '' }],
  ['R000001000', { id: 0x100, flags: FRAME_REMOTE | FRAME_EXTENDED, length: 0, data: '' }],
  ['d1239000102030405060708090A0B', { id: 0x123, flags: FRAME_FD, length: 12, data: '000102030405060708090a0b' }],
  [
    `B18FEEFFEF${'5A'.repeat(64)}`,
    { id: 0x18feeffe, flags: FRAME_FD | FRAME_BRS | FRAME_EXTENDED, length: 64, data: '5a'.repeat(64) },
  ],
];

t.test('frames are read and written as the protocol has them', async (t) => {
  for (const [line, frame] of LINES) {
    t.same(decode([Buffer.from(`${line}\r`)]), { frames: [frame], errors: {} }, line);
    t.equal(encode(frame).toString(), `${line}\r`, `${line}, written`);
  }
});

t.test('lower case digits and an adapter timestamp are accepted', async (t) => {
  t.same(decode([Buffer.from('t1a22abcdEA5F\rt1a21ab\r')]).frames, [
    { id: 0x1a2, flags: 0, length: 2, data: 'abcd' },
    { id: 0x1a2, flags: 0, length: 1, data: 'ab' },
  ]);
});

t.test('replies to commands are no frames and no errors', async (t) => {
  t.same(decode([Buffer.from('\r\rV1013\rNA123\rF00\rz\rZ\r')]), { frames: [], errors: {} });
});

t.test('a bus error that the adapter reports is an error frame', async (t) => {
  t.same(decode([Buffer.from('e1a\r')]).frames, [{ id: 0, flags: FRAME_ERROR, length: 0, data: '' }]);
});

const GARBAGE: readonly (readonly [line: string, reason: string])[] = [
  ['hello\r', 'unknown-line'],
  ['t10021133\x07', 'unknown-line'],
  ['\x07', 'refused'],
  ['t1002113\r', 'bad-length'],
  ['t100211335\r', 'bad-length'],
  ['t10\r', 'bad-length'],
  ['t1009112233445566778899\r', 'bad-length'],
  ['t10021G33\r', 'bad-hex'],
  ['t1X021133\r', 'bad-hex'],
  ['t100Z\r', 'bad-hex'],
  ['t10021133zzzz\r', 'bad-hex'],
  ['t8002ABCD\r', 'bad-id'],
  ['T200000000\r', 'bad-id'],
  [`t100${'0'.repeat(200)}\r`, 'line-too-long'],
];

t.test('what is no frame is counted by reason, and the next frame is read', async (t) => {
  const [next] = LINES;
  for (const [garbage, reason] of GARBAGE) {
    const found = decode([Buffer.from(`${garbage}${next?.[0]}\r`, 'latin1')]);
    t.same(found, { frames: [next?.[1]], errors: { [reason]: 1 } }, `${JSON.stringify(garbage)}: ${reason}`);
  }
});

t.test('a line longer than any frame is counted once, however it is cut', async (t) => {
  const [next] = LINES;
  const wire = Buffer.from(`t100${'0'.repeat(300)}\r${next?.[0]}\r`);
  const expected = { frames: [next?.[1]], errors: { 'line-too-long': 1 } };
  t.same(decode([...wire].map((byte) => Uint8Array.of(byte))), expected, 'byte by byte');
  for (const cut of [1, 141, 142, 143, 200, 304, 305, 306]) {
    t.same(decode([wire.subarray(0, cut), wire.subarray(cut)]), expected, `cut at ${cut}`);
  }
});

const anyFrame: fc.Arbitrary<Frame> = fc
  .record({
    extended: fc.boolean(),
    kind: fc.constantFrom(0, FRAME_REMOTE, FRAME_FD, FRAME_FD | FRAME_BRS),
    id: fc.nat(0x1fffffff),
    code: fc.nat(15),
    bytes: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  })
  .map(({ extended, kind, id, code, bytes }) => {
    const length = FD_LENGTHS[(kind & FRAME_FD) === 0 ? code % 9 : code] ?? 0;
    const dataBytes = kind === FRAME_REMOTE ? 0 : length;
    return {
      id: extended ? id : id & 0x7ff,
      flags: kind | (extended ? FRAME_EXTENDED : 0),
      length,
      data: Buffer.from(bytes.subarray(0, dataBytes)).toString('hex'),
    };
  });

/** Anything but what would end the line. */
const noise = fc
  .uint8Array({ maxLength: 300, size: 'max' })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0x0d || byte === 0x07 ? 0x21 : byte))));

t.test('frames among noise are the same whole, byte by byte, and cut at every place', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(noise, anyFrame), { maxLength: 4 }), (parts) => {
      const wire = Buffer.concat(parts.flatMap(([junk, frame]) => [junk, Buffer.from('\r'), encode(frame)]));
      const whole = decode([wire], 64);
      const frames = whole.frames.filter((frame) =>
        parts.some(([, sent]) => JSON.stringify(sent) === JSON.stringify(frame)),
      );
      if (frames.length < parts.length) return false;
      const expected = JSON.stringify(whole);
      if (JSON.stringify(decode([...wire].map((byte) => Uint8Array.of(byte)))) !== expected) return false;
      for (let cut = 0; cut <= wire.length; cut++) {
        if (JSON.stringify(decode([wire.subarray(0, cut), wire.subarray(cut)])) !== expected) return false;
      }
      return true;
    }),
    { numRuns: 40 },
  );
  t.pass('40 runs');
});

t.test('an adapter is opened with its bit rate, and other rates are refused', async (t) => {
  t.equal(Buffer.from(encodeSlcanOpen(500_000, false)).toString(), 'S6\rO\r');
  t.equal(Buffer.from(encodeSlcanOpen(1_000_000, true)).toString(), 'S8\rL\r');
  t.equal(Buffer.from(encodeSlcanOpen(500_000, true, 8_000_000)).toString(), 'S6\rY8\rL\r');
  t.throws(() => encodeSlcanOpen(500_000, true, 33_333), /data bit rate 33333: an SLCAN adapter has 500000, 1000000/);
  t.throws(() => encodeSlcanOpen(33_333, false), /bit rate 33333/);
});

for (const [adapter, answers] of [
  ['that answers empty lines', '\r\r\r\x07'],
  ['that refuses empty lines', '\x07\x07\x07\x07'],
  ['that says nothing to empty lines', '\x07'],
  ['that was open', '\r'],
] as const) {
  t.test(
    `what an adapter ${adapter} refuses while it is cleared is no error, what it refuses then is one`,
    async (t) => {
      const decoder = new SlcanDecoder();
      const batch = new FrameBatch(4);
      decoder.clear();
      decoder.decode(Buffer.from(answers), 0, batch);
      t.same(decoder.errors, {});
      decoder.cleared();
      decoder.decode(Buffer.from('\x07\r'), 0, batch);
      t.same(decoder.errors, { refused: 1 }, 'such as its bit rate');
    },
  );
}
