/** A million inputs through each protocol: pieces of real wires and hostile bytes, mixed. Nothing throws, and time stays in proportion. */
import { Buffer } from 'node:buffer';
import process from 'node:process';
import fc from 'fast-check';
import t from 'tap';
import { CollectorCounters } from '../../../collectors/collector.ts';
import { makeDecoding } from '../../../collectors/serial/make-decoding.ts';
import { type SerialConfig, serialSettings } from '../../../collectors/serial/serial-config.ts';
import { FUZZ_RUNS, microsecondsEach, piecesOf } from '../../fuzz.ts';
import { navPvt, rtcmFrame, ubxFrame } from './ubx/ubx-frames.ts';
import { vedirectBlock } from './vedirect/vedirect-block.ts';

/** Most CPU time that an input of some hundred bytes may take on average, microseconds. */
const AVERAGE_US_MAX = 1_000;

const CONFIGS: Readonly<Record<string, Omit<SerialConfig, 'port'>>> = {
  nmea: { protocol: 'nmea', timestamp: 'device', checksum: 'optional', satellites: true },
  ubx: { protocol: 'ubx', satellites: true, messages: ['NAV-SAT', 'RXM-RAWX'] },
  mixed: { protocol: 'mixed', timestamp: 'device' },
  vedirect: { protocol: 'vedirect' },
  lines: { protocol: 'lines', lines: [{ pattern: '(?<a>[0-9.]+)(?:x|y)*(?<b>.*?)z' }] },
  'line-protocol': { protocol: 'line-protocol' },
  shdr: { protocol: 'shdr' },
  cobs: { protocol: 'framed', frame: { framing: 'cobs', messages: [{ fields: [{ name: 'a', at: 0, type: 'f64' }] }] } },
  slip: { protocol: 'framed', frame: { framing: 'slip', messages: [{ fields: [{ name: 'a', at: 0, type: 'f64' }] }] } },
  sync: {
    protocol: 'framed',
    frame: {
      framing: 'sync',
      sync: 'b562',
      length: { at: 4, type: 'u16', plus: 8 },
      check: { type: 'sum8' },
      messages: [{ fields: [{ name: 'a', at: 0 }] }],
    },
  },
};

const WIRES: readonly Buffer[] = [
  Buffer.from('$GPGGA,172814.0,3723.46587704,N,12202.26957864,W,2,6,1.2,18.893,M,-25.669,M,2.0,0031*4F\r\n'),
  Buffer.from('$IIXDR,C,1,C,T0*00\r\n!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C\r\n'),
  navPvt(),
  ubxFrame(1, 0x35, Buffer.from([0, 0, 0, 0, 1, 2, 0, 0, ...Buffer.alloc(24, 7)])),
  ubxFrame(1, 0x30, Buffer.from([0, 0, 0, 0, 2, 0, 0, 0, ...Buffer.alloc(24, 7)])),
  Buffer.from('$GPGSV,1,1,02,03,39,230,23,08,31,170,*7A\r\n$GNGSA,A,3,11,32,,,,,,,,,,,2.0,1.0,1.7,1*00\r\n'),
  rtcmFrame(Buffer.alloc(30, 0x43)),
  vedirectBlock(['V', '12065'], ['AR', '5']),
  Buffer.from('2022-08-08T13:51:34.7Z|a|1|b|x y z|c|1 2 3\n'),
  Buffer.from('weather,location=us temperature=82,open=t,note="dry" 1465839830100400200\n'),
];

const piece = piecesOf(WIRES);

for (const [name, config] of Object.entries(CONFIGS)) {
  t.test(`${name} takes whatever comes`, async (t) => {
    const sink = {
      channel: (spec: { name: string }) => ({ id: spec.name.length, type: 'number' }),
      push: () => true,
      pushText: () => true,
    };
    const settings = serialSettings({ port: { log: 'none' }, ...config });
    const make = () => makeDecoding(settings, 'x', sink as never, new CollectorCounters());
    let decoding = make();
    let runs = 0;
    const before = process.cpuUsage();
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.nat(3), (pieces, end) => {
        runs += 1;
        for (const bytes of pieces) decoding.feed(bytes, runs);
        if (end === 0) decoding.lost();
        if (runs % 1000 !== 0) return;
        decoding.end();
        decoding = make();
      }),
      { numRuns: FUZZ_RUNS },
    );
    const each = microsecondsEach(before, runs);
    t.ok(each < AVERAGE_US_MAX, `${each.toFixed(1)} microseconds an input`);
  });
}
