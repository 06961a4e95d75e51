import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import type { ModbusFraming } from '../../../collectors/modbus/framing.ts';
import {
  dataBytes,
  decodeAnswer,
  encodeRead,
  type ReadRequest,
  TABLES,
  type Table,
} from '../../../collectors/modbus/pdu.ts';
import { type ByteOrder, readBit, readBits, readValue, type ValueType } from '../../../collectors/modbus/registers.ts';
import { RtuFraming } from '../../../collectors/modbus/rtu-framing.ts';
import { TcpFraming } from '../../../collectors/modbus/tcp-framing.ts';

const UNIT = 17;
const REQUEST: ReadRequest = { table: 'holding', address: 0x6b, quantity: 3 };
/** The answer to it in the examples of the specification. */
const ANSWER = Buffer.from([0x03, 0x06, 0x02, 0x2b, 0x00, 0x00, 0x00, 0x64]);

/** What a device puts around a PDU, answering a request. */
const FRAMINGS: readonly {
  name: string;
  make: () => ModbusFraming;
  answer: (request: Uint8Array, unit: number, pdu: Uint8Array) => Buffer;
}[] = [
  {
    name: 'RTU',
    make: () => new RtuFraming(),
    // A request is framed as an answer is.
    answer: (_request, unit, pdu) => Buffer.from(new RtuFraming().request(unit, pdu)),
  },
  {
    name: 'TCP',
    make: () => new TcpFraming(),
    answer: (request, unit, pdu) =>
      Buffer.concat([request.subarray(0, 4), Buffer.from([0, pdu.length + 1, unit]), pdu]),
  },
];

t.test('a request is that of the specification', async (t) => {
  t.same([...encodeRead(REQUEST)], [0x03, 0x00, 0x6b, 0x00, 0x03]);
  t.equal(Buffer.from(new RtuFraming().request(UNIT, encodeRead(REQUEST))).toString('hex'), '1103006b00037687');
  t.equal(Buffer.from(new TcpFraming().request(UNIT, encodeRead(REQUEST))).toString('hex'), '0001000000061103006b0003');
});

for (const { name, make, answer } of FRAMINGS) {
  /** PDUs that come of pieces after a request. */
  const takes = (pieces: (request: Uint8Array) => readonly Uint8Array[]): string[] => {
    const framing = make();
    const taken: string[] = [];
    for (const piece of pieces(framing.request(UNIT, encodeRead(REQUEST)))) {
      const pdu = framing.take(piece);
      if (pdu !== undefined) taken.push(Buffer.from(pdu).toString('hex'));
    }
    return taken;
  };

  t.test(`${name}: an answer is found at every split and byte by byte`, async (t) => {
    const length = answer(make().request(UNIT, encodeRead(REQUEST)), UNIT, ANSWER).length;
    for (let at = 0; at <= length; at += 1) {
      const found = takes((request) => {
        const frame = answer(request, UNIT, ANSWER);
        return [frame.subarray(0, at), frame.subarray(at)];
      });
      t.same(found, [ANSWER.toString('hex')]);
    }
    t.same(
      takes((request) => [...answer(request, UNIT, ANSWER)].map((byte) => Uint8Array.of(byte))),
      [ANSWER.toString('hex')],
    );
  });

  t.test(`${name}: noise before an answer is skipped`, async (t) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 1, max: 40 }), (noise, step) => {
        // Noise that seems to be the head of a frame hides what stands in it; TCP has nothing that tells it is none.
        fc.pre(name === 'RTU' || !noise.includes(0));
        const found = takes((request) => {
          const wire = Buffer.concat([noise, answer(request, UNIT, ANSWER)]);
          return Array.from({ length: Math.ceil(wire.length / step) }, (_, index) =>
            wire.subarray(index * step, (index + 1) * step),
          );
        });
        t.same(found, [ANSWER.toString('hex')]);
      }),
    );
  });

  t.test(`${name}: an exception is an answer, what another unit says is none`, async (t) => {
    t.same(
      takes((request) => [answer(request, UNIT, Buffer.from([0x83, 2]))]),
      ['8302'],
    );
    t.same(
      takes((request) => [answer(request, UNIT + 1, ANSWER)]),
      [],
    );
    const framing = make();
    framing.take(answer(framing.request(UNIT, encodeRead(REQUEST)), UNIT + 1, ANSWER));
    t.ok(framing.skippedBytes > 0);
  });

  t.test(`${name}: nothing is taken twice, nor without a request`, async (t) => {
    const framing = make();
    const frame = answer(framing.request(UNIT, encodeRead(REQUEST)), UNIT, ANSWER);
    t.ok(framing.take(Buffer.concat([frame, frame])));
    t.equal(framing.take(frame), undefined);
  });

  t.test(`${name}: any bytes are taken`, async () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 10 }), (pieces) => {
        const framing = make();
        framing.request(UNIT, encodeRead(REQUEST));
        for (const piece of pieces) framing.take(piece);
      }),
      { numRuns: 300 },
    );
  });
}

t.test('TCP: an answer that is late is not taken for the next one', async (t) => {
  const framing = new TcpFraming();
  const late = FRAMINGS[1]?.answer(framing.request(UNIT, encodeRead(REQUEST)), UNIT, ANSWER) ?? Buffer.alloc(0);
  const request = framing.request(UNIT, encodeRead(REQUEST));
  t.equal(framing.take(late), undefined);
  t.equal(framing.skippedBytes, late.length);
  t.ok(framing.take(FRAMINGS[1]?.answer(request, UNIT, ANSWER) ?? Buffer.alloc(0)));
});

t.test('RTU: a damaged bit is noticed', async (t) => {
  for (let bit = 0; bit < 8 * (ANSWER.length + 3); bit += 1) {
    const framing = new RtuFraming();
    framing.request(UNIT, encodeRead(REQUEST));
    const frame = Buffer.from(new RtuFraming().request(UNIT, ANSWER));
    frame[bit >> 3] = (frame[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    t.equal(framing.take(frame), undefined);
  }
});

t.test('an answer is data, an exception by name, or none of this request', async (t) => {
  t.same(decodeAnswer(ANSWER, REQUEST), { kind: 'data', data: ANSWER.subarray(2) });
  t.match(decodeAnswer(Uint8Array.of(0x83, 2), REQUEST), { kind: 'exception', code: 2, name: 'illegal data address' });
  t.match(decodeAnswer(Uint8Array.of(0x83, 77), REQUEST), { name: 'code 77' });
  for (const pdu of [[], [3], [3, 6, 1], [4, ...ANSWER.subarray(1)], [...ANSWER, 0], [0x83], [0x84, 2]]) {
    t.same(decodeAnswer(Uint8Array.from(pdu), REQUEST), { kind: 'mismatch' }, `${pdu}`);
  }
});

/** Values as they stand in registers. */
const VALUES: readonly (readonly [ValueType, ByteOrder, string, number])[] = [
  ['u16', 'ABCD', 'fffe', 65_534],
  ['i16', 'ABCD', 'fffe', -2],
  ['i16', 'BADC', 'feff', -2],
  ['u32', 'ABCD', '80000001', 0x80000001],
  ['i32', 'CDAB', 'fffeffff', -2],
  ['i32', 'BADC', 'fffffeff', -2],
  ['f32', 'ABCD', '42f6e979', 123.45600128173828],
  ['f32', 'CDAB', 'e97942f6', 123.45600128173828],
  ['f32', 'BADC', 'f64279e9', 123.45600128173828],
  ['f32', 'DCBA', '79e9f642', 123.45600128173828],
  ['u64', 'ABCD', '0000000100000002', 2 ** 32 + 2],
  ['i64', 'ABCD', 'fffffffffffffffe', -2],
  ['f64', 'ABCD', '405edd2f1a9fbe77', 123.456],
  ['f64', 'CDAB', 'be771a9fdd2f405e', 123.456],
];

for (const [type, order, hex, value] of VALUES) {
  t.test(`${hex} as ${type} ${order} is ${value}`, async (t) => {
    t.equal(readValue(Buffer.from(`aaaa${hex}`, 'hex'), 2, type, order), value);
  });
}

t.test('bits are counted from the least significant', async (t) => {
  t.same(
    [0, 1, 8, 9].map((index) => readBit(Uint8Array.of(0b01, 0b10), index)),
    [1, 0, 0, 1],
  );
  t.same([readBits(0xa5c3, 0, 4), readBits(0xa5c3, 12, 4), readBits(0xa5c3, 0, 16)], [3, 10, 0xa5c3]);
});

t.test('data of an answer has the bytes that its request asked for', async (t) => {
  const bytes = (Object.keys(TABLES) as Table[]).map((table) => dataBytes({ table, address: 0, quantity: 9 }));
  t.same(bytes, [2, 2, 18, 18]);
});
