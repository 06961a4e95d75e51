import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { CollectorCounters } from '../../../../collectors/collector.ts';
import { CHECK_NAMES, type CheckName, checkBytes, makeCheck } from '../../../../collectors/serial/framed/check.ts';
import { COBS, SLIP } from '../../../../collectors/serial/framed/delimited.ts';
import { FRAME_BYTES_MAX } from '../../../../collectors/serial/framed/framed-config.ts';
import { makeDecoding } from '../../../../collectors/serial/make-decoding.ts';
import { checkSerial, type SerialConfig, serialSettings } from '../../../../collectors/serial/serial-config.ts';
import { RecordedIntake } from '../recorded-intake.ts';

type FrameKey = NonNullable<SerialConfig['frame']>;

function decode(frame: FrameKey, pieces: readonly Uint8Array[]) {
  const intake = new RecordedIntake();
  const counters = new CollectorCounters();
  const settings = serialSettings({ port: { log: 'none' }, protocol: 'framed', frame });
  checkSerial(settings);
  const decoding = makeDecoding(settings, 'dev', intake, counters);
  for (const piece of pieces) decoding.feed(Uint8Array.from(piece), 3);
  decoding.end();
  return { intake, counters };
}

/** COBS as its paper describes it. */
function cobs(content: Uint8Array): Buffer {
  const out: number[] = [0];
  let code = 0;
  for (const byte of content) {
    if (byte !== 0) out.push(byte);
    if (byte === 0 || out.length - code === 0xff) {
      out[code] = out.length - code;
      code = out.push(0) - 1;
    }
  }
  out[code] = out.length - code;
  return Buffer.from([...out, 0]);
}

function slip(content: Uint8Array): Buffer {
  const bytes = [...content].flatMap((byte) => (byte === 0xc0 ? [0xdb, 0xdc] : byte === 0xdb ? [0xdb, 0xdd] : [byte]));
  return Buffer.from([0xc0, ...bytes, 0xc0]);
}

function withCheck(content: Uint8Array, type: CheckName, endian: 'little' | 'big' = 'little'): Buffer {
  const bytes = checkBytes(type);
  const out = Buffer.concat([content, Buffer.alloc(bytes)]);
  const sum = makeCheck(type)(out, 0, content.length);
  if (endian === 'little') out.writeUIntLE(sum, content.length, bytes);
  else out.writeUIntBE(sum, content.length, bytes);
  return out;
}

/** Frames by framing: how content becomes bytes of a wire. Content begins with aa 55 and its length where the framing needs it. */
const FRAMINGS: Readonly<
  Record<string, { frame: Omit<FrameKey, 'messages'>; encode: (content: Uint8Array) => Buffer; at: number }>
> = {
  cobs: {
    frame: { framing: 'cobs', check: { type: 'crc32' } },
    encode: (content) => cobs(withCheck(content, 'crc32')),
    at: 0,
  },
  slip: {
    frame: { framing: 'slip', check: { type: 'crc16-x25', endian: 'big' } },
    encode: (content) => slip(withCheck(content, 'crc16-x25', 'big')),
    at: 0,
  },
  length: {
    frame: {
      framing: 'sync',
      sync: 'aa55',
      length: { at: 2, type: 'u16', endian: 'big', plus: 6 },
      check: { type: 'crc16-modbus' },
    },
    encode: (content) =>
      withCheck(
        Buffer.concat([Buffer.from([0xaa, 0x55, content.length >> 8, content.length & 0xff]), content]),
        'crc16-modbus',
      ),
    at: 4,
  },
  fixed: {
    frame: { framing: 'sync', sync: '7e', bytes: 8, check: { type: 'sum8' } },
    encode: (content) => withCheck(Buffer.concat([Buffer.from([0x7e]), content]), 'sum8'),
    at: 1,
  },
};

const u32At = (at: number): FrameKey['messages'] => [
  {
    fields: [
      { name: 'a', at, type: 'u32' },
      { name: 'b', at: at + 4, type: 'u16', endian: 'big' },
    ],
  },
];

for (const [name, { frame, encode, at }] of Object.entries(FRAMINGS)) {
  const settings = { ...frame, messages: u32At(at) };
  const content = (a: number, b: number) => {
    const bytes = Buffer.alloc(6);
    bytes.writeUInt32LE(a, 0);
    bytes.writeUInt16BE(b, 4);
    return bytes;
  };

  t.test(`${name}: frames are found whatever stands between, and however they come in pieces`, async (t) => {
    const value = fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 0xaa55, 0xc0db, 0x7e00, 0xffff));
    // A delimiter ends what noise began; where frames are found by their first bytes, noise needs no end.
    const delimiter = name === 'cobs' ? [0] : name === 'slip' ? [0xc0] : [];
    const noise = fc
      .uint8Array({ maxLength: 20 })
      .map((bytes) => Buffer.from([...bytes, ...delimiter]))
      // A check of 16 bits takes one piece in 65,536 for a frame.
      .filter((bytes) => decode(settings, [Buffer.from(delimiter), bytes]).intake.channels.size === 0);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(noise, value), { maxLength: 8 }),
        fc.integer({ min: 1, max: 30 }),
        (parts, step) => {
          const wire = Buffer.concat(parts.flatMap(([garbage, [a, b]]) => [garbage, encode(content(a, b))]));
          const pieces = Array.from({ length: Math.ceil(wire.length / step) }, (_, index) =>
            wire.subarray(index * step, (index + 1) * step),
          );
          const { intake, counters } = decode(settings, pieces);
          const whole = decode(settings, [wire]);
          t.same(counters.errors, whole.counters.errors);
          t.same(intake.values('dev/a'), whole.intake.values('dev/a'));
          // A check of 8 bits takes one piece of noise in 256 for a frame.
          if (name === 'fixed') return;
          t.same(
            intake.values('dev/a'),
            parts.map(([, [a]]) => a),
          );
          t.same(
            intake.values('dev/b'),
            parts.map(([, [, b]]) => b),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  t.test(`${name}: a frame with a damaged bit is counted, and the next is taken`, async (t) => {
    const good = encode(content(0x01020304, 0x0506));
    for (let bit = 0; bit < 8 * good.length; bit += 1) {
      const damaged = Buffer.from(good);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const { intake } = decode(settings, [damaged, good, good]);
      t.same([...new Set(intake.values('dev/a'))], [0x01020304], `bit ${bit}`);
    }
  });

  t.test(`${name}: any bytes are taken`, async () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 6 }),
        (pieces) => void decode(settings, pieces),
      ),
    );
  });
}

for (const type of CHECK_NAMES) {
  t.test(`a frame is checked by ${type}`, async (t) => {
    for (const endian of ['little', 'big'] as const) {
      const frame: FrameKey = {
        framing: 'cobs',
        check: { type, endian },
        messages: [{ fields: [{ name: 'a', at: 0 }] }],
      };
      const good = withCheck(Uint8Array.of(42, 1, 2), type, endian);
      const bad = Buffer.from(good);
      bad[1] = 9;
      const { intake, counters } = decode(frame, [cobs(good), cobs(bad)]);
      t.same(intake.values('dev/a'), [42]);
      t.same(counters.errors, { 'bad-check': 1 });
    }
  });
}

t.test('fields are read by place, type, order of bytes, bits and scale', async (t) => {
  const bytes = Buffer.alloc(40);
  bytes.writeInt8(-2, 0);
  bytes.writeInt16BE(-300, 1);
  bytes.writeFloatLE(0.5, 3);
  bytes.writeDoubleBE(Math.PI, 7);
  bytes.writeBigInt64LE(-5n, 15);
  bytes.writeBigUInt64BE(2n ** 40n, 23);
  bytes.writeUInt32LE(0xa0000001, 31);
  bytes.writeUInt16LE(0xffff, 35);
  bytes.writeFloatLE(Number.NaN, 36);
  const fields: FrameKey['messages'][number]['fields'] = [
    { name: 'i8', at: 0, type: 'i8' },
    { name: 'i16', at: 1, type: 'i16', endian: 'big', scale: 0.5, offset: 1 },
    { name: 'f32', at: 3, type: 'f32' },
    { name: 'f64', at: 7, type: 'f64', endian: 'big' },
    { name: 'i64', at: 15, type: 'i64' },
    { name: 'u64', at: 23, type: 'u64', endian: 'big' },
    { name: 'bit', at: 31, type: 'u32', bit: 31 },
    { name: 'bits', at: 31, type: 'u32', bit: 28, bits: 4, labels: { 10: 'ten' } },
    { name: 'absent', at: 35, type: 'u8', absent: 255 },
    { name: 'nan', at: 36, type: 'f32' },
    { name: 'beyond', at: 39, type: 'u16' },
  ];
  const { intake, counters } = decode({ framing: 'slip', messages: [{ fields }] }, [slip(bytes)]);
  const told = Object.fromEntries([...intake.channels.keys()].map((name) => [name.slice(4), intake.values(name)[0]]));
  t.same(told, { i8: -2, i16: -149, f32: 0.5, f64: Math.PI, i64: -5, u64: 2 ** 40, bit: 1, bits: 10 });
  t.match(intake.channels.get('dev/bit'), { type: 'bool' });
  t.match(intake.channels.get('dev/bits'), { type: 'enum', labels: { 10: 'ten' } });
  t.same(counters.errors, { 'too-short': 1 });
});

t.test('messages are told apart by a byte', async (t) => {
  const frame: FrameKey = {
    framing: 'cobs',
    messages: [
      { when: { at: 0, is: 1 }, fields: [{ name: 'one', at: 1 }] },
      { when: { at: 0, is: 2 }, fields: [{ name: 'two', at: 1 }] },
    ],
  };
  const { intake, counters } = decode(frame, [
    Uint8Array.of(0),
    cobs(Uint8Array.of(1, 11)),
    cobs(Uint8Array.of(2, 22)),
    cobs(Uint8Array.of(3, 33)),
  ]);
  t.same([intake.values('dev/one'), intake.values('dev/two')], [[11], [22]]);
  t.same(counters.errors, { 'unknown-message': 1 });
});

t.test('each damage has its reason', async (t) => {
  const messages = u32At(0);
  const long = Buffer.alloc(FRAME_BYTES_MAX + 1, 1);
  const reasons = (frame: FrameKey, ...pieces: Uint8Array[]) => Object.keys(decode(frame, pieces).counters.errors);
  t.same(reasons({ framing: 'cobs', messages }, Uint8Array.of(0, 9, 1, 0)), ['bad-cobs']);
  t.same(reasons({ framing: 'slip', messages }, Uint8Array.of(0xc0, 0xdb, 1, 0xc0)), ['bad-slip']);
  t.same(reasons({ framing: 'cobs', messages }, Uint8Array.of(0), long, Uint8Array.of(0)), ['too-long']);
  t.same(reasons({ framing: 'cobs', check: { type: 'crc32' }, messages }, cobs(Uint8Array.of(1, 2))), ['too-short']);
  const sync: FrameKey = { framing: 'sync', sync: 'aa', length: { at: 1, plus: -5 }, messages };
  t.same(reasons(sync, Uint8Array.of(0xaa, 3, 0)), ['bad-length']);
});

t.test('without a check, what comes before the first delimiter is not a frame', async (t) => {
  const { intake } = decode({ framing: 'cobs', messages: [{ fields: [{ name: 'a', at: 0 }] }] }, [
    cobs(Uint8Array.of(7, 8, 9)).subarray(1),
    cobs(Uint8Array.of(5)),
  ]);
  t.same(intake.values('dev/a'), [5]);
});

t.test('COBS and SLIP turn back what was stuffed', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (content) => {
      t.same(COBS.unstuff(Uint8Array.from(cobs(content).subarray(0, -1))), content);
      t.same(SLIP.unstuff(Uint8Array.from(slip(content).subarray(1, -1))), content);
    }),
  );
});

const MESSAGES: FrameKey['messages'] = [{ fields: [{ name: 'a', at: 0 }] }];

/** Configs that are refused, and why. */
const REFUSED: readonly (readonly [FrameKey, RegExp])[] = [
  [{ framing: 'cobs', sync: 'aa', messages: MESSAGES }, /sync means nothing/],
  [{ framing: 'sync', messages: MESSAGES }, /needs frame.sync/],
  [{ framing: 'sync', sync: 'aa', messages: MESSAGES }, /either frame.bytes or frame.length/],
  [{ framing: 'sync', sync: 'aa55', bytes: 3, check: { type: 'crc16-arc' }, messages: MESSAGES }, /no room/],
  [{ framing: 'cobs', messages: [{ fields: [{ name: 'a', at: 0, scale: 0 }] }] }, /scale 0/],
  [{ framing: 'cobs', messages: [{ fields: [{ name: 'a', at: 0, type: 'i8', bit: 1 }] }] }, /bit means nothing/],
  [{ framing: 'cobs', messages: [{ fields: [{ name: 'a', at: 0, bit: 7, bits: 2 }] }] }, /more than a u8 has/],
];

for (const [frame, why] of REFUSED) {
  t.test(`${JSON.stringify(frame)} is refused`, async (t) => {
    const settings = serialSettings({ port: { log: 'none' }, protocol: 'framed', frame });
    t.throws(() => checkSerial(settings), { code: 'config-invalid', message: why });
  });
}
