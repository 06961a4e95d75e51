import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import {
  FRAME_BRS,
  FRAME_ERROR,
  FRAME_ESI,
  FRAME_EXTENDED,
  FRAME_FD,
  FRAME_REMOTE,
} from '../../../../hardware/can/can-frame.ts';
import { recording } from '../../../data-dir.ts';
import { decodePieces, differingSplits, type Line } from './decode.ts';
import { pcap, pcapng, SECONDS } from './pcap-file.ts';

/** Packets as Linux captures them, with what they are. */
const PACKETS: readonly (readonly [hex: string, line: Partial<Line>])[] = [
  ['00000123020000001122', { id: 0x123, flags: 0, length: 2, data: '1122' }],
  ['99f0142b080000000f37373138312020', { id: 0x19f0142b, flags: FRAME_EXTENDED, data: '0f37373138312020' }],
  ['4000012304000000', { id: 0x123, flags: FRAME_REMOTE, length: 4, data: '' }],
  ['20000004080000000001000000000000', { id: 4, flags: FRAME_ERROR, length: 8 }],
  [
    `8000012340070000${'ab'.repeat(64)}`,
    { id: 0x123, flags: FRAME_EXTENDED | FRAME_FD | FRAME_BRS | FRAME_ESI, length: 64 },
  ],
  [`000001230c000000${'cd'.repeat(12)}`, { flags: FRAME_FD, length: 12 }],
  [`0000012308000009${'00'.repeat(8)}`, { flags: 0, length: 8 }],
];

const BYTES = PACKETS.map(([hex]) => Buffer.from(hex, 'hex'));
const LINES = PACKETS.map(([, line], n) => ({ ...line, bus: 'can0', time: SECONDS * 1e6 + 100_000 + n }));

t.test('packets are read in both byte orders, with micro- and nanoseconds', async (t) => {
  for (const little of [true, false]) {
    for (const nanos of [true, false])
      t.match(decodePieces('pcap', [pcap(little, nanos, BYTES)]), { lines: LINES, errors: {} });
  }
});

t.test(
  'pcapng is read in both byte orders, with times of any resolution and the names of its interfaces',
  async (t) => {
    const lines = LINES.map((line) => ({ ...line, bus: 'vcan7' }));
    for (const little of [true, false]) {
      for (const resolution of [undefined, 6, 9, 10]) {
        const { lines: ours, errors } = decodePieces('pcapng', [pcapng(little, BYTES, resolution)]);
        t.same(errors, {});
        t.match(ours, lines, `resolution ${resolution}`);
      }
    }
    const [first] = decodePieces('pcapng', [pcapng(true, BYTES, 128 + 20)]).lines;
    t.ok(Math.abs((first?.time ?? 0) - (LINES[0]?.time ?? 0)) <= 1, 'a power of two');
  },
);

t.test('captures are the same whole, byte by byte and cut at every place', async (t) => {
  t.same(differingSplits('pcap', pcap(true, false, BYTES)), []);
  t.same(differingSplits('pcapng', pcapng(false, BYTES)), []);
});

t.test('another link than SocketCAN is named and gives nothing', async (t) => {
  t.match(decodePieces('pcap', [pcap(true, false, BYTES, 1)]), { lines: [], errors: { 'other-link-type': 1 } });
  t.match(decodePieces('pcapng', [pcapng(true, BYTES, 6, 1)]), { lines: [], errors: { 'other-link-type': 1 } });
});

t.test('a packet that is no frame is counted with its place, and the next is read', async (t) => {
  const bad = [
    ['0000', 'bad-length'],
    ['00000800 00000000', 'bad-id'],
    ['00000123 09000000 112233445566778899', 'bad-length'],
    ['00000123 08000000 11', 'bad-length'],
  ] as const;
  for (const [hex, reason] of bad) {
    const packet = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    const { lines, errors, places } = decodePieces('pcap', [pcap(true, false, [packet, ...BYTES])]);
    t.same(errors, { [reason]: 1 }, hex);
    t.same(places, { [reason]: 'byte 24' });
    t.equal(lines.length, BYTES.length);
  }
});

t.test('a damaged stretch is passed over and counted once', async (t) => {
  const many = Array.from({ length: 20 }, () => BYTES[1] ?? Buffer.alloc(0));
  for (const [format, whole] of [
    ['pcap', pcap(true, false, many)],
    ['pcapng', pcapng(true, many)],
  ] as const) {
    const damaged = Buffer.from(whole);
    damaged.fill(0xee, whole.length - 350, whole.length - 300);
    const { lines, errors, places } = decodePieces(format, [damaged]);
    t.same(Object.values(errors), [1], format);
    t.match(Object.values(places), [/^byte \d+$/]);
    t.ok(lines.length >= 15 && lines.length < 20, `${lines.length} frames`);
    t.ok(
      lines.every(({ id }) => id === 0x19f0142b),
      'none is made up',
    );
    const shorter = Buffer.concat([whole.subarray(0, whole.length - 333), whole.subarray(whole.length - 300)]);
    t.ok(decodePieces(format, [shorter]).lines.length >= 15, 'also where bytes are missing');
  }
});

t.test('a file that was cut off gives what is whole', async (t) => {
  const cut = (bytes: Buffer) => bytes.subarray(0, -3);
  t.match(decodePieces('pcap', [cut(pcap(true, false, BYTES))]), {
    lines: LINES.slice(0, -1),
    errors: { 'cut-record': 1 },
  });
  const { lines, errors } = decodePieces('pcapng', [cut(pcapng(true, BYTES))]);
  t.equal(lines.length, LINES.length - 1);
  t.same(errors, { 'bad-block': 1 });
});

const CAPTURE = 'can/nmea2000/can0-1.pcap.gz';

t.test('a capture of a full bus gives every packet', { skip: recording(CAPTURE) === undefined }, async (t) => {
  const bytes = gunzipSync(readFileSync(recording(CAPTURE) ?? ''));
  const { lines, errors } = decodePieces('pcap', [bytes]);
  t.same(errors, {});
  t.equal(lines.length, 49_928);
  const seconds = ((lines.at(-1)?.time ?? 0) - (lines[0]?.time ?? 0)) / 1e6;
  t.equal(seconds.toFixed(1), '60.2');
  t.match(lines[0], { time: 1669809629672944, id: 0x19f0142b, flags: FRAME_EXTENDED, data: '0f37373138312020' });
});
