/** A million answers of Modbus devices, real and hostile, after requests of every table: nothing throws, and what is taken has the form of an answer. */
import { Buffer } from 'node:buffer';
import process from 'node:process';
import fc from 'fast-check';
import t from 'tap';
import type { ModbusFraming } from '../../../collectors/modbus/framing.ts';
import { dataBytes, decodeAnswer, encodeRead, TABLES, type Table } from '../../../collectors/modbus/pdu.ts';
import { RtuFraming } from '../../../collectors/modbus/rtu-framing.ts';
import { TcpFraming } from '../../../collectors/modbus/tcp-framing.ts';
import { FUZZ_RUNS, microsecondsEach, piecesOf } from '../../fuzz.ts';

const PDU_BYTES_MAX = 253;

/** Most CPU time that an answer of some hundred bytes, taken twice, may take on average, microseconds. */
const AVERAGE_US_MAX = 1_000;

const PDUS = ['0306022b00000064', '8302', '010105', '0402ffff', '8404', '03020000', '0206ac0000000000'].map((hex) =>
  Buffer.from(hex, 'hex'),
);
const WIRES = PDUS.flatMap((pdu) => [
  Buffer.from(new RtuFraming().request(17, pdu)),
  Buffer.from(new TcpFraming().request(17, pdu)),
]);

const FRAMINGS: Readonly<Record<string, () => ModbusFraming>> = {
  RTU: () => new RtuFraming(),
  TCP: () => new TcpFraming(),
};

const request = fc.record({
  table: fc.constantFrom(...(Object.keys(TABLES) as Table[])),
  address: fc.nat(65_535),
  quantity: fc.integer({ min: 1, max: 125 }),
});

for (const [name, make] of Object.entries(FRAMINGS)) {
  t.test(`${name} takes whatever comes`, async (t) => {
    let framing = make();
    let runs = 0;
    const before = process.cpuUsage();
    fc.assert(
      fc.property(request, fc.array(piecesOf(WIRES), { maxLength: 5 }), fc.nat(3), (read, pieces, end) => {
        runs += 1;
        if (end === 0) framing.reset();
        if (runs % 1000 === 0) framing = make();
        framing.request(17, encodeRead(read));
        for (const piece of pieces) {
          const pdu = framing.take(piece);
          if (pdu === undefined) continue;
          if (pdu.length === 0 || pdu.length > PDU_BYTES_MAX) return false;
          const answer = decodeAnswer(pdu, read);
          if (answer.kind === 'data' && answer.data.length !== dataBytes(read)) return false;
        }
        return framing.skippedBytes >= 0;
      }),
      { numRuns: FUZZ_RUNS },
    );
    const each = microsecondsEach(before, runs);
    t.ok(each < AVERAGE_US_MAX, `${each.toFixed(1)} microseconds an input`);
  });

  t.test(`${name} takes the same in one piece and split, up to its answer`, async (t) => {
    const taken = (pieces: readonly Uint8Array[]): string | undefined => {
      const framing = make();
      framing.request(17, encodeRead({ table: 'holding', address: 0x6b, quantity: 3 }));
      for (const piece of pieces) {
        const pdu = framing.take(piece);
        if (pdu !== undefined) return Buffer.from(pdu).toString('hex');
      }
      return undefined;
    };
    const wire = fc.array(piecesOf(WIRES), { maxLength: 4 }).map((pieces) => Buffer.concat(pieces));
    fc.assert(
      fc.property(wire, fc.nat(), (bytes, cut) => {
        const at = cut % (bytes.length + 1);
        return taken([bytes]) === taken([bytes.subarray(0, at), bytes.subarray(at)]);
      }),
      { numRuns: Math.floor(FUZZ_RUNS / 10) },
    );
    t.pass();
  });
}
