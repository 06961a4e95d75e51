import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { PacketFramer, type WirePacket } from '../../../collectors/mqtt/packet-framer.ts';

const PACKET_MAX = 300;
const HEAD_MAX = 20;

/** A packet of that type whose body is `length` bytes. */
function packet(first: number, length: number): Buffer {
  const header = [first];
  let rest = length;
  do {
    header.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), Buffer.from(Array.from({ length }, (_, index) => index & 0xff))]);
}

function cut(chunks: readonly Buffer[]): WirePacket[] {
  const framer = new PacketFramer(PACKET_MAX, HEAD_MAX);
  const packets: WirePacket[] = [];
  for (const chunk of chunks) {
    framer.feed(chunk);
    for (let next = framer.next(); next !== undefined; next = framer.next()) {
      packets.push({ ...next, bytes: Buffer.from(next.bytes) });
    }
  }
  return packets;
}

function chunksOf(stream: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(stream.length / size) }, (_, index) =>
    stream.subarray(index * size, (index + 1) * size),
  );
}

const sent = [
  packet(0x10, 12),
  packet(0x3b, 200),
  packet(0xc0, 0),
  packet(0x30, 1000),
  packet(0x32, 297),
  packet(0xe0, 0),
];
const stream = Buffer.concat(sent);

function check(t: Test, packets: WirePacket[]): void {
  t.equal(packets.length, sent.length);
  for (const [index, { type, flags, bytes, bodyAt, oversized }] of packets.entries()) {
    const whole = sent[index] ?? Buffer.alloc(0);
    t.equal(type * 16 + flags, whole[0]);
    t.equal(oversized, whole.length > PACKET_MAX);
    t.ok(bytes.equals(oversized ? whole.subarray(0, HEAD_MAX) : whole));
    t.equal(bodyAt, whole.length - 2 >= 128 ? 3 : 2);
  }
}

t.test('cuts a stream that comes whole', async (t) => check(t, cut([stream])));
t.test('cuts a stream that comes byte by byte', async (t) => check(t, cut(chunksOf(stream, 1))));
t.test('cuts a stream at every split point', async (t) => {
  for (let at = 0; at <= stream.length; at++) {
    const packets = cut([stream.subarray(0, at), stream.subarray(at)]);
    if (packets.length !== sent.length || !packets.every((packet, index) => isSame(packet, sent[index])))
      t.fail(`split at ${at}`);
  }
});

function isSame(packet: WirePacket, whole: Buffer | undefined): boolean {
  return whole !== undefined && packet.bytes.equals(packet.oversized ? whole.subarray(0, HEAD_MAX) : whole);
}

t.test('cuts any packets in any chunks', async () => {
  const packets = fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 700 })), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(packets, fc.integer({ min: 1, max: 400 }), (described, size) => {
      const sent = described.map(([first, length]) => packet(first, length));
      const met = cut(chunksOf(Buffer.concat(sent), size));
      return met.length === sent.length && met.every((packet, index) => isSame(packet, sent[index]));
    }),
  );
});

t.test('refuses a length of more than four bytes', async (t) => {
  for (const size of [1, 6])
    t.throws(() => cut(chunksOf(Buffer.of(0x30, 0xff, 0xff, 0xff, 0xff, 1), size)), { name: 'FramingError' });
});

t.test('takes no more memory for a packet than has come of it', async (t) => {
  const framer = new PacketFramer(16 * 1024 * 1024, HEAD_MAX);
  const before = process.memoryUsage().arrayBuffers;
  framer.feed(Buffer.of(0x30, 0x80, 0x80, 0x80, 0x04, 1, 2, 3));
  t.equal(framer.next(), undefined);
  t.ok(process.memoryUsage().arrayBuffers - before < 100_000);
});
