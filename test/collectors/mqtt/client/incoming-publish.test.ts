import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { readPublish } from '../../../../collectors/mqtt/client/incoming-publish.ts';
import { MessageDigest } from '../../../../collectors/mqtt/message-digest.ts';
import { PacketFramer } from '../../../../collectors/mqtt/packet-framer.ts';
import { TopicNames } from '../../../../collectors/mqtt/topic-names.ts';
import { field, idBytes, packet, publishPacket } from '../raw-client.ts';

const TOPICS = new TopicNames({ topicBytesMax: 512, topicLevelsMax: 8 });
const SENDER = { identity: Buffer.from('broker'), settled: () => {} };

function read(bytes: Buffer, version: '3.1.1' | 5 = '3.1.1', packetBytesMax = 1024) {
  const framer = new PacketFramer(packetBytesMax, 32);
  framer.feed(bytes);
  const whole = framer.next();
  return whole === undefined ? undefined : readPublish(whole, version, TOPICS, SENDER);
}

/** A message of MQTT 5 with those properties. */
function publish5(
  topic: string,
  payload: string,
  properties: Uint8Array,
  length = Buffer.of(properties.length),
): Buffer {
  return packet(0x32, field(topic), idBytes(7), length, properties, Buffer.from(payload));
}

t.test('reads topic, payload and flags of each version', async (t) => {
  const message = { topic: 'a/b', payload: Buffer.from('4.5'), qos: 1, packetId: 7, isRetained: false, sender: SENDER };
  t.match(read(publishPacket('a/b', '4.5', { qos: 1, id: 7 })), { message, isRepeat: false, skipped: undefined });
  t.match(read(publishPacket('a/b', '4.5', { qos: 2, id: 7, dup: true, retain: true })), {
    message: { ...message, qos: 2, isRetained: true },
    isRepeat: true,
  });
  t.match(read(publishPacket('a', '')), { message: { qos: 0, payload: Buffer.alloc(0), sender: undefined } });
  t.match(read(publish5('a/b', '4.5', Buffer.alloc(0)), 5), { message });
  const userProperty = Buffer.concat([Buffer.of(0x26), field('unit'), field('bar')]);
  t.match(read(publish5('a/b', '4.5', userProperty), 5), { message }, 'properties are stepped over');
  const long = Buffer.alloc(200, 1);
  t.match(read(publish5('a/b', '4.5', long, Buffer.of(0xc8, 0x01)), 5), { message }, 'also with a longer length');
});

t.test('a message is the same when it comes again with less time to live', async (t) => {
  const digests = [60, 59].map((seconds) => {
    const reading = read(publish5('a/b', '4.5', Buffer.of(2, 0, 0, 0, seconds)), 5);
    return reading !== undefined && 'message' in reading
      ? Buffer.from(new MessageDigest().of(SENDER, reading.message)).toString('hex')
      : 'none';
  });
  t.equal(digests[0], digests[1]);
  t.match(digests[0], /^[0-9a-f]{32}$/);
});

t.test('takes what a broker says of itself below `$`', async (t) => {
  t.match(read(publishPacket('$SYS/broker/uptime', '5')), { message: { topic: '$SYS/broker/uptime', use: 'take' } });
});

t.test('steps over what is beyond a limit, and can acknowledge it', async (t) => {
  const message = { topic: 'a/b', qos: 1, packetId: 300, use: 'skip', sender: SENDER };
  const skipped = 'packet-too-large';
  t.match(read(publishPacket('a/b', 'x'.repeat(2000), { qos: 1, id: 300 })), { message, skipped });
  t.match(read(publishPacket('$SYS/b', 'x'.repeat(2000), { qos: 1, id: 300 })), {
    message: { ...message, topic: '$SYS/b' },
    skipped,
  });
  t.match(read(publishPacket('a/'.repeat(9), '1', { qos: 2, id: 2 })), {
    message: { qos: 2, packetId: 2, use: 'skip' },
    skipped: 'topic-too-deep',
  });
});

const malformed: [what: string, bytes: Buffer, version: '3.1.1' | 5][] = [
  ['a wildcard', publishPacket('a/#', '1'), '3.1.1'],
  ['an empty topic, which in MQTT 5 is an alias that was not offered', publish5('', '1', Buffer.of(0x23, 0, 1)), 5],
  ['a packet id of 0', publishPacket('a', '1', { qos: 1, id: 0 }), '3.1.1'],
  ['QoS 3', packet(0x36, field('a'), idBytes(1)), '3.1.1'],
  ['no properties', packet(0x32, field('a'), idBytes(1)), 5],
  ['properties beyond the packet', publish5('a', '', Buffer.of(1, 2), Buffer.of(3)), 5],
  ['a length of properties without end', publish5('a', 'x', Buffer.alloc(0), Buffer.of(0x80, 0x80, 0x80, 0x80)), 5],
];
for (const [what, bytes, version] of malformed) {
  t.test(`closes the connection for ${what}`, async (t) => {
    t.same(read(bytes, version), { fault: 'publish-malformed' });
  });
}

t.test('any bytes are a message, stepped over or refused', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom('3.1.1' as const, 5 as const), (body, version) => {
      for (const first of [0x30, 0x32, 0x3d]) {
        const reading = read(packet(first, body), version, 64);
        if (reading === undefined) return false;
      }
      return true;
    }),
    { numRuns: 3000 },
  );
});
