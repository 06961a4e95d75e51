import fc from 'fast-check';
import t from 'tap';
import { compileMessage, DecodedFrame } from '../../../collectors/can/dbc/compile.ts';
import type { DbcMessage, DbcSignal } from '../../../collectors/can/dbc/dbc.ts';
import { nullFrom } from '../../../collectors/can/j1939/null-values.ts';
import { decodeOne } from './decode.ts';

function signalOf(fields: Partial<DbcSignal>): DbcSignal {
  return {
    ...{ name: 'value', startBit: 0, length: 8, byteOrder: 'little', signed: false, encoding: 'integer' },
    ...{ gain: 1, offset: 0, minimum: 0, maximum: 0, unit: '', comment: '', labels: new Map(), isSelector: false },
    ...{ presence: undefined, line: 1 },
    ...fields,
  };
}

function messageOf(signals: readonly DbcSignal[], length = 8): DbcMessage {
  return { id: 1, extended: false, name: 'message', length, signals, comment: '', cycleMs: undefined, line: 1 };
}

/** The bits of a signal one by one, the least significant first, as the DBC format numbers them. */
function bitsOf({ startBit, length, byteOrder }: DbcSignal): number[] {
  const bits = [startBit];
  while (bits.length < length) {
    const last = bits.at(-1) ?? 0;
    if (byteOrder === 'little') bits.push(last + 1);
    else bits.push(last % 8 === 0 ? last + 15 : last - 1);
  }
  return byteOrder === 'little' ? bits : bits.reverse();
}

/** Slow and plain: bit by bit, exact. */
function rawValue(signal: DbcSignal, data: Uint8Array): bigint {
  let raw = 0n;
  for (const [weight, bit] of bitsOf(signal).entries()) {
    const set = ((data[bit >> 3] ?? 0) >> (bit & 7)) & 1;
    if (set === 1) raw |= 1n << BigInt(weight);
  }
  return signal.signed ? BigInt.asIntN(signal.length, raw) : raw;
}

const anySignal = fc
  .record({
    startBit: fc.nat(511),
    length: fc.integer({ min: 1, max: 64 }),
    byteOrder: fc.constantFrom('little' as const, 'big' as const),
    signed: fc.boolean(),
    gain: fc.constantFrom(1, 0.01, -0.5, 3, 1 / 128),
    offset: fc.constantFrom(0, -67.67, 40),
  })
  .map(signalOf)
  .filter((signal) => Math.max(...bitsOf(signal)) < 512);

const frame = fc.uint8Array({ minLength: 64, maxLength: 64 });

t.test('an integer signal of any place, length, byte order and sign has the value its bits say', async (t) => {
  fc.assert(
    fc.property(anySignal, frame, (signal, data) => {
      const { values, tooShort } = decodeOne(messageOf([signal], 64), data);
      const expected = Number(rawValue(signal, data)) * signal.gain + signal.offset;
      return Object.is(values.get('value'), expected) && tooShort === 0;
    }),
    { numRuns: 5000 },
  );
  t.pass('5000 runs');
});

t.test('a float signal of any place and byte order has the value its bits say', async (t) => {
  const anyFloat = fc
    .record({
      startBit: fc.nat(511),
      encoding: fc.constantFrom('float32' as const, 'float64' as const),
      byteOrder: fc.constantFrom('little' as const, 'big' as const),
    })
    .map((fields) => signalOf({ ...fields, length: fields.encoding === 'float32' ? 32 : 64, signed: true }))
    .filter((signal) => Math.max(...bitsOf(signal)) < 512);
  fc.assert(
    fc.property(anyFloat, frame, (signal, data) => {
      const bits = new DataView(new ArrayBuffer(8));
      bits.setBigInt64(0, BigInt.asIntN(64, rawValue({ ...signal, signed: false }, data)));
      const expected = signal.encoding === 'float32' ? bits.getFloat32(4) : bits.getFloat64(0);
      return Object.is(decodeOne(messageOf([signal], 64), data).values.get('value'), expected * 1 + 0);
    }),
    { numRuns: 2000 },
  );
  t.pass('2000 runs');
});

t.test('an integer of 64 bits becomes the nearest double', async (t) => {
  const data = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
  const unsigned = signalOf({ length: 64 });
  t.equal(decodeOne(messageOf([unsigned]), data).values.get('value'), 2 ** 64);
  t.equal(decodeOne(messageOf([{ ...unsigned, signed: true }]), data).values.get('value'), -1);
  const odd = Uint8Array.of(1, 0, 0, 0, 0, 0, 0x20, 0);
  t.equal(decodeOne(messageOf([unsigned]), odd).values.get('value'), 2 ** 53);
  const exact = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0);
  t.equal(decodeOne(messageOf([unsigned]), exact).values.get('value'), Number.MAX_SAFE_INTEGER);
});

t.test('a short frame gives the signals that it has, and counts those it has not', async (t) => {
  const signals = [
    signalOf({ name: 'first', startBit: 0, length: 16 }),
    signalOf({ name: 'second', startBit: 23, length: 16, byteOrder: 'big' }),
    signalOf({ name: 'third', startBit: 32, length: 1 }),
  ];
  const data = Uint8Array.of(1, 2, 3, 4, 5);
  const cases: [number, string[], number][] = [
    [5, ['first', 'second', 'third'], 0],
    [4, ['first', 'second'], 1],
    [3, ['first'], 2],
    [1, [], 3],
    [0, [], 3],
  ];
  for (const [length, names, missing] of cases) {
    const { values, tooShort } = decodeOne(messageOf(signals), data.subarray(0, length));
    t.same([[...values.keys()], tooShort], [names, missing], `${length} bytes`);
  }
});

const anyFloat = fc
  .record({
    startBit: fc.nat(447),
    encoding: fc.constantFrom('float32' as const, 'float64' as const),
    byteOrder: fc.constantFrom('little' as const, 'big' as const),
  })
  .map((fields) => signalOf({ ...fields, length: fields.encoding === 'float32' ? 32 : 64, signed: true }));

const anySignals = fc
  .array(fc.oneof({ weight: 8, arbitrary: anySignal }, { weight: 1, arbitrary: anyFloat }), { maxLength: 12 })
  .map((signals) => signals.map((signal, index) => ({ ...signal, name: `s${index}` })));

t.test('a message gives what its signals give each alone, whatever was decoded before it', async (t) => {
  const out = new DecodedFrame();
  const room = new DataView(new ArrayBuffer(72));
  const oneOf = fc.record({ signals: anySignals, hasNulls: fc.boolean(), length: fc.constantFrom(64, 64, 40, 8, 0) });
  let whole = 0;
  fc.assert(
    fc.property(fc.array(oneOf, { minLength: 1, maxLength: 3 }), frame, (messages, data) => {
      new Uint8Array(room.buffer).set(data);
      return messages.every(({ signals, hasNulls, length }) => {
        compileMessage(messageOf(signals, 64), { hasNulls })(room, 0, length, out);
        const alone = signals.map((signal) => ({
          signal,
          ...decodeOne(messageOf([signal], 64), data.subarray(0, length)),
        }));
        const there = alone.filter(({ tooShort }) => tooShort === 0);
        whole += there.length === signals.length ? 1 : 0;
        return (
          out.tooShort === signals.length - there.length &&
          out.count === there.length &&
          there.every(({ signal, values }, k) => {
            const isNull = hasNulls && Number(rawValue(signal, data)) >= nullFrom(signal);
            const expected = isNull ? Number.NaN : values.get(signal.name);
            return signals[out.signals[k] ?? -1] === signal && Object.is(out.values[k], expected);
          })
        );
      });
    }),
    { numRuns: 2000 },
  );
  t.ok(whole > 1000, `${whole} frames were whole`);
});
