import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import {
  findLineSettings,
  type Heard,
  type Listen,
  USUAL_BAUD_RATES,
} from '../../../collectors/serial/find-line-settings.ts';
import { recognise, type SpokenProtocol, sevenBitFormat, understand } from '../../../collectors/serial/recognise.ts';
import { serialSettings } from '../../../collectors/serial/serial-config.ts';
import { sentence } from '../../../hardware/simulated/nmea.ts';
import { serialRecording, skipWithout } from './play.ts';
import { receivedAt, type UartFormat } from './uart.ts';
import { navPvt } from './ubx/ubx-frames.ts';
import { vedirectBlock } from './vedirect/vedirect-block.ts';

const NMEA = Buffer.from(
  Array.from({ length: 12 }, (_, second) =>
    sentence(`GPGGA,1728${String(second).padStart(2, '0')}.00,3723.4658,N,12202.2695,W,1,08,1.0,18.9,M,-25.7,M,,`),
  ).join(''),
);
const UBX = Buffer.concat(Array.from({ length: 6 }, () => navPvt()));
const VEDIRECT = Buffer.concat(
  Array.from({ length: 6 }, (_, index) => vedirectBlock(['V', String(12_000 + index)], ['I', '-31'], ['T', '21'])),
);

const WIRES: Readonly<Record<string, Buffer>> = {
  nmea: NMEA,
  ubx: UBX,
  mixed: Buffer.concat([NMEA, UBX, NMEA]),
  vedirect: VEDIRECT,
  shdr: Buffer.from('2022-08-08T13:51:34.7Z|a|1|b|2\n'.repeat(8)),
  slcan: Buffer.from('t12380011223344556677\rT1ABCDEF82AABB\r'.repeat(8)),
  'line-protocol': Buffer.from('weather,location=us temperature=82,open=t 1465839830100400200\n'.repeat(8)),
  text: Buffer.from('T=21.5 C; rH 40 %\r\n'.repeat(8)),
};

t.test('says what is spoken, also where listening begins and ends in the middle', async (t) => {
  for (const [protocol, bytes] of Object.entries(WIRES)) {
    t.equal(recognise(bytes)?.protocol, protocol);
    t.equal(recognise(bytes.subarray(5, bytes.length - 7))?.protocol, protocol, `${protocol}, cut`);
  }
});

const WITHOUT_CHECKSUM: readonly SpokenProtocol[] = ['shdr', 'slcan', 'line-protocol', 'text'];

t.test('nothing is spoken where there is noise, or nothing', async (t) => {
  t.equal(recognise(new Uint8Array(0)), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000, minLength: 100 }), (bytes) => {
      // Letters alone may be lines of a text.
      const isText = bytes.filter((byte) => byte >= 0x20 && byte < 0x7f).length > bytes.length / 2;
      const found = recognise(bytes);
      // Of noise that is cut by a few line ends, two or three pieces may be lines of something that has no checksum.
      const isByChance = found !== undefined && WITHOUT_CHECKSUM.includes(found.protocol) && found.units < 4;
      return isText || isByChance || found === undefined;
    }),
    { numRuns: 300 },
  );
});

/** A wire on which bytes are sent again and again, heard at any speed. */
function wire(bytes: Uint8Array, sent: UartFormat) {
  const asked: number[] = [];
  return {
    asked,
    listen: async (baudRate: number): Promise<Heard> => {
      asked.push(baudRate);
      return { kind: 'bytes', bytes: receivedAt(bytes, sent, baudRate) };
    },
  };
}

t.test('a UART at its own speed reads what was sent', async (t) => {
  t.same(receivedAt(NMEA, { baudRate: 9600 }, 9600), Uint8Array.from(NMEA));
  t.notSame(receivedAt(NMEA, { baudRate: 9600 }, 19_200), Uint8Array.from(NMEA));
});

t.test('the speed of a wire is found among all the usual ones, whatever is spoken', async (t) => {
  for (const protocol of ['nmea', 'ubx', 'vedirect', 'shdr', 'text', 'line-protocol'] as const) {
    for (const baudRate of [1200, 4800, 38_400, 115_200, 460_800]) {
      const found = await findLineSettings(wire(WIRES[protocol] ?? NMEA, { baudRate }).listen, USUAL_BAUD_RATES);
      t.match(found, { kind: 'found', baudRate, dataBits: 8, recognition: { protocol } }, `${protocol} at ${baudRate}`);
    }
  }
});

t.test('the unit into which listening began is not damaged, and one behind it is', async (t) => {
  const settings = serialSettings({ port: { log: '-' }, protocol: 'vedirect' });
  t.same(understand(VEDIRECT.subarray(5), settings), { units: 5, damaged: 0 });
  const block = VEDIRECT.length / 6;
  const turned = Buffer.from(VEDIRECT);
  turned.writeUInt8((turned[3 * block + 5] ?? 0) ^ 1, 3 * block + 5);
  t.same(understand(turned.subarray(5), settings), { units: 4, damaged: 1 });
});

t.test('a block whose first lines look like a text is listened to until its end', async (t) => {
  const bytes = VEDIRECT.subarray(0, VEDIRECT.length / 6);
  /** Hears one more byte at each look, as of a slow wire. */
  const listen: Listen = async (_baudRate, isEnough) => {
    let length = 1;
    while (length < bytes.length && !isEnough(bytes.subarray(0, length))) length += 1;
    return { kind: 'bytes', bytes: bytes.subarray(0, length) };
  };
  t.match(await findLineSettings(listen, USUAL_BAUD_RATES), { kind: 'found', recognition: { protocol: 'vedirect' } });
});

t.test('seven bits with a parity are told from eight', async (t) => {
  for (const parity of ['even', 'odd'] as const) {
    const { listen } = wire(NMEA, { baudRate: 4800, dataBits: 7, parity });
    const found = await findLineSettings(listen, USUAL_BAUD_RATES);
    t.match(found, { kind: 'found', baudRate: 4800, dataBits: 7, parity, recognition: { protocol: 'nmea' } });
  }
  t.equal(sevenBitFormat(NMEA), undefined, 'text of eight bits has no parity');
});

t.test('a silent wire is told after a few speeds, one with noise after all', async (t) => {
  const silent = wire(new Uint8Array(0), { baudRate: 9600 });
  t.same(await findLineSettings(silent.listen, USUAL_BAUD_RATES), { kind: 'silent' });
  t.ok(silent.asked.length < USUAL_BAUD_RATES.length);
  const noise = async (): Promise<Heard> => ({ kind: 'bytes', bytes: Uint8Array.of(0xff, 0, 0xfe, 0x80) });
  t.match(await findLineSettings(noise, USUAL_BAUD_RATES), { kind: 'noise', tried: USUAL_BAUD_RATES });
  const closed = async (): Promise<Heard> => ({ kind: 'closed', problem: 'unplugged' });
  t.same(await findLineSettings(closed, USUAL_BAUD_RATES), { kind: 'closed', problem: 'unplugged' });
});

const RECORDINGS: Readonly<Record<string, string>> = {
  'gpsd/ublox-neo-m9n-nmea.log': 'nmea',
  'gpsd/telit-he910.log': 'nmea',
  'gpsd/ublox-8.log': 'nmea',
  'gpsd/ublox-neo-m8t.log': 'ubx',
  'vedirect/bvm702.dump': 'vedirect',
};

for (const [log, protocol] of Object.entries(RECORDINGS)) {
  t.test(`a real wire is known for what it is: ${log}`, skipWithout(log), async (t) => {
    const bytes = readFileSync(serialRecording(log)).subarray(2000, 8000);
    t.equal(recognise(bytes)?.protocol, protocol);
    const { listen } = wire(bytes, { baudRate: 38_400 });
    t.match(await findLineSettings(listen, USUAL_BAUD_RATES), { kind: 'found', baudRate: 38_400 });
  });
}
