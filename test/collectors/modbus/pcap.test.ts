/** A recorded conversation in Modbus TCP, against what another parser made of it. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { decodeAnswer, encodeRead, TABLES, type Table } from '../../../collectors/modbus/pdu.ts';
import { readBit } from '../../../collectors/modbus/registers.ts';
import { TcpFraming } from '../../../collectors/modbus/tcp-framing.ts';
import { recording } from '../../data-dir.ts';

const PCAP = recording('industrial/modbus/modbus_example.pcap');
const EXPECTED = recording('industrial/modbus/modbus_detailed.expected.log');

/** Payloads of TCP segments to and from port 502, in order. */
function segments(pcap: Buffer): { fromServer: boolean; payload: Buffer }[] {
  const found: { fromServer: boolean; payload: Buffer }[] = [];
  for (let at = 24; at < pcap.length; ) {
    const length = pcap.readUInt32LE(at + 8);
    const ip = pcap.subarray(at + 16 + 14, at + 16 + length);
    at += 16 + length;
    const tcp = ip.subarray(4 * ((ip[0] ?? 0) & 15), ip.readUInt16BE(2));
    const payload = tcp.subarray(4 * ((tcp[12] ?? 0) >> 4));
    if (payload.length > 0) found.push({ fromServer: tcp.readUInt16BE(0) === 502, payload });
  }
  return found;
}

const TABLE_OF: Readonly<Record<string, Table>> = {
  READ_COILS: 'coil',
  READ_DISCRETE_INPUTS: 'discrete',
  READ_HOLDING_REGISTERS: 'holding',
  READ_INPUT_REGISTERS: 'input',
};

t.test('reads what others read', { skip: PCAP === undefined || EXPECTED === undefined }, async (t) => {
  const wire = segments(readFileSync(PCAP ?? ''));
  const rows = readFileSync(EXPECTED ?? '', 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#') && line !== '')
    .map((line) => line.split('\t'))
    .filter((row) => TABLE_OF[row[8] ?? ''] !== undefined);
  t.equal(rows.length, 9);
  for (const [, , , , , , tid, unit, func, address, quantity, , values = '', , , , , , , exception = ''] of rows) {
    const table = TABLE_OF[func ?? ''] ?? 'coil';
    const request = { table, address: Number(address), quantity: Number(quantity) };
    const asked = wire.findIndex(
      ({ fromServer, payload }) =>
        !fromServer && payload.readUInt16BE(0) === Number(tid) && payload[7] === TABLES[table].code,
    );
    // What was sent is what we would have sent, but for addresses that the log counts from 1.
    const sent = wire[asked]?.payload ?? Buffer.alloc(0);
    const onWire = { ...request, address: sent.readUInt16BE(8) };
    t.same(sent.subarray(7, 12), Buffer.from(encodeRead(onWire)));
    const framing = new TcpFraming();
    for (let number = 0; number < Number(tid); number += 1) framing.request(Number(unit), encodeRead(onWire));
    const pdu = wire
      .slice(asked)
      .map(({ fromServer, payload }) => (fromServer ? framing.take(payload) : undefined))
      .find((one) => one !== undefined);
    const answer = decodeAnswer(pdu ?? new Uint8Array(), request);
    if (exception === 'ILLEGAL_DATA_ADDRESS') {
      t.match(answer, { kind: 'exception', name: 'illegal data address' });
      continue;
    }
    if (answer.kind !== 'data') {
      t.fail(`${func} ${tid}: ${answer.kind}`);
      continue;
    }
    const data = Buffer.from(answer.data);
    const got = Array.from({ length: request.quantity }, (_, index) =>
      TABLES[table].isBits ? readBit(data, index) : data.readUInt16BE(2 * index),
    );
    t.same(got, values.split(',').map(Number), `${func} ${tid}`);
  }
});
