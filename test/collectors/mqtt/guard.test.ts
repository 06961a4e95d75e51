import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { standStill } from '../../stolen-time.ts';
import { waitFor } from '../../wait-for.ts';
import { FakeIntake } from './fake-intake.ts';
import {
  connectPacket,
  DISCONNECT_PACKET,
  field,
  idBytes,
  PINGREQ_PACKET,
  packet,
  publishPacket,
  RawClient,
} from './raw-client.ts';
import { runBroker } from './running-broker.ts';

const LIMITS = { packetBytesMax: 2000, topicBytesMax: 100, topicLevelsMax: 5, inflightMax: 10, clientsMax: 3 };

/** A CONNECT of MQTT 3.1.1 with those connect flags, and what follows the client id. */
function withFlags(flags: number, ...tail: Uint8Array[]): Uint8Array {
  return packet(0x10, field('MQTT'), Buffer.of(4, flags, 0, 0), field('x'), ...tail);
}

const refusedConnects: [what: string, reason: string, bytes: Uint8Array, connack?: string][] = [
  ['MQTT 5', 'protocol-version', packet(0x10, field('MQTT'), Buffer.of(5, 2, 0, 0, 0), field('x')), '20020001'],
  ['a version that does not exist', 'protocol-version', connectPacket('x', { level: 9 }), '20020001'],
  ['level 4 under the old name', 'protocol-version', connectPacket('x', { protocol: 'MQIsdp' }), '20020001'],
  ['another protocol', 'connect-malformed', connectPacket('x', { protocol: 'HTTP' })],
  ['an empty id with a kept session', 'client-id', connectPacket('', { clean: false }), '20020002'],
  ['a very long id', 'client-id', connectPacket('x'.repeat(300)), '20020002'],
  ['an id with U+0000', 'connect-malformed', connectPacket('a\0b')],
  ['a will on a wildcard', 'connect-malformed', connectPacket('x', { will: { topic: 'a/#', payload: '' } })],
  ['a will on a reserved topic', 'connect-malformed', connectPacket('x', { will: { topic: '$SYS/a', payload: '' } })],
  [
    'an id that reaches beyond the packet',
    'connect-malformed',
    packet(0x10, field('MQTT'), Buffer.of(4, 2, 0, 0, 9, 9)),
  ],
  ['an empty id in MQTT 3.1', 'client-id', connectPacket('', { level: 3, protocol: 'MQIsdp' }), '20020002'],
  ['a reserved flag', 'connect-malformed', packet(0x10, field('MQTT'), Buffer.of(4, 3, 0, 0), field('x'))],
  ['a will at QoS 3', 'connect-malformed', withFlags(0x1e, field('will'), field('gone'))],
  ['a QoS of no will', 'connect-malformed', withFlags(0x0a)],
  ['a user name that no flag tells', 'connect-malformed', withFlags(0x02, field('user'))],
  ['a user name that is told and not there', 'connect-malformed', withFlags(0x82)],
  ['a user name with U+0000', 'connect-malformed', withFlags(0x82, field('a\0'))],
  ['a password without a user name', 'connect-malformed', withFlags(0x42, field('secret'))],
  ['a password that is told and not there', 'connect-malformed', withFlags(0xc2, field('user'))],
  ['a CONNECT beyond the packet limit', 'packet-too-large', packet(0x10, Buffer.alloc(5000))],
  ['a PUBLISH first', 'connect-missing', publishPacket('a', '1')],
  ['a line of HTTP', 'connect-missing', Buffer.from('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n'.padEnd(200))],
  ['a length of five bytes', 'packet-malformed', Buffer.of(0x10, 0xff, 0xff, 0xff, 0xff, 0xff)],
];
for (const [what, reason, bytes, connack] of refusedConnects) {
  t.test(`refuses ${what} and counts it as ${reason}`, async (t) => {
    const { collector, port } = await runBroker(t, { limits: LIMITS });
    const client = await RawClient.open(port);
    client.send(bytes);
    await waitFor('closed', () => client.closed);
    t.same(client.received(), connack === undefined ? [] : [connack]);
    const { errors, errorPlaces } = collector.health();
    t.same(errors, { [reason]: 1 });
    t.match(errorPlaces?.[reason], /127\.0\.0\.1: ./, 'and says who it was');
  });
}

const closing: [what: string, reason: string, bytes: Uint8Array][] = [
  ['a second CONNECT', 'packet-type', connectPacket('x')],
  ['a CONNACK', 'packet-type', Buffer.of(0x20, 2, 0, 0)],
  ['a PUBACK with packet id 0', 'packet-malformed', packet(0x40, idBytes(0))],
  ['a PUBACK that is too long', 'packet-malformed', packet(0x40, idBytes(1), idBytes(1))],
  ['QoS 0 with DUP', 'publish-malformed', packet(0x38, field('a'), Buffer.from('1'))],
  ['type 15', 'packet-type', Buffer.of(0xf0, 0)],
  ['QoS 3', 'publish-malformed', packet(0x36, field('a'), idBytes(1), Buffer.from('1'))],
  ['packet id 0', 'publish-malformed', publishPacket('a', '1', { qos: 1, id: 0 })],
  ['an empty topic', 'publish-malformed', publishPacket('', '1')],
  ['a wildcard in a topic', 'publish-malformed', publishPacket('a/+', '1')],
  ['U+0000 in a topic', 'publish-malformed', publishPacket('a\0b', '1')],
  ['a topic that is not UTF-8', 'publish-malformed', publishPacket(Uint8Array.of(0x61, 0xff), '1')],
  ['an encoded surrogate in a topic', 'publish-malformed', publishPacket(Uint8Array.of(0xed, 0xa0, 0x80), '1')],
  ['a topic that reaches beyond its packet', 'publish-malformed', packet(0x30, Buffer.of(0, 9, 0x61))],
  ['a SUBSCRIBE with packet id 0', 'subscribe-malformed', packet(0x82, idBytes(0), field('a'), Buffer.of(0))],
  ['a PUBREL with packet id 0', 'packet-malformed', packet(0x62, idBytes(0))],
  ['a SUBSCRIBE without filters', 'subscribe-malformed', packet(0x82, idBytes(1))],
  ['a SUBSCRIBE with wrong flags', 'subscribe-malformed', packet(0x80, idBytes(1), field('a'), Buffer.of(0))],
  ['a SUBSCRIBE at QoS 3', 'subscribe-malformed', packet(0x82, idBytes(1), field('a'), Buffer.of(3))],
  [
    'a filter of too many levels',
    'subscribe-malformed',
    packet(0x82, idBytes(1), field('a/'.repeat(200)), Buffer.of(0)),
  ],
  ['a PINGREQ with a body', 'packet-malformed', Buffer.of(0xc0, 1, 0)],
  ['a PUBREL with wrong flags', 'packet-malformed', packet(0x60, idBytes(1))],
];
for (const [what, reason, bytes] of closing) {
  t.test(`closes the connection at ${what}, counted as ${reason}`, async (t) => {
    const { collector, port } = await runBroker(t, { limits: LIMITS });
    const client = await RawClient.connect(port, 'x');
    client.send(bytes);
    await waitFor('closed', () => client.closed);
    t.same(collector.health().errors, { [reason]: 1 });
  });
}

const steppedOver: [what: string, reason: string, topic: string, payload: string | Uint8Array][] = [
  ['a message beyond the packet limit', 'packet-too-large', 'big/one', Buffer.alloc(100_000)],
  ['a topic that is too long', 'topic-too-long', 'x'.repeat(101), '1'],
  ['a topic of too many levels', 'topic-too-deep', 'a/b/c/d/e/f', '1'],
  ['a reserved topic', 'topic-reserved', '$SYS/x/new/clients', 'victim'],
  ['a payload that cannot be read', 'json-invalid', 'a/b', '{"x":'],
];
for (const [what, reason, topic, payload] of steppedOver) {
  for (const qos of [0, 1, 2] as const) {
    t.test(`steps over ${what} at QoS ${qos} and goes on behind it`, async (t) => {
      const { collector, intake, port } = await runBroker(t, { limits: LIMITS });
      const client = await RawClient.connect(port, '');
      client.send(publishPacket(topic, payload, { qos, id: 7 }), publishPacket('good', '2', { qos: 1, id: 8 }));
      await waitFor('the good one', () => intake.samples.length === 1);
      intake.commit();
      await waitFor('PUBACK', () => client.acks().includes(8));
      const skipped = qos === 0 ? [] : [qos === 1 ? '40020007' : '50020007'];
      t.same(client.received().sort(), [...skipped, '40020008'].sort());
      t.same(intake.values('good'), [2]);
      t.same(collector.health().errors, { [reason]: 1 });
      t.match(collector.details().offenders, [{ reason, topic: topic.slice(0, 100), count: 1 }]);
      if (qos === 2) {
        client.send(packet(0x62, idBytes(7)));
        await waitFor('PUBCOMP', () => client.received().includes('70020007'));
      }
    });
  }
}

t.test('takes what MQTT 3.1 leaves unused in a CONNECT', async (t) => {
  const { port } = await runBroker(t);
  const client = await RawClient.open(port);
  client.send(packet(0x14, field('MQIsdp'), Buffer.of(3, 3, 0, 0), field('x')));
  await waitFor('CONNACK', () => client.packets.length === 1);
  t.same(client.received(), ['20020000']);
});

t.test('takes a conversation that comes byte by byte', async (t) => {
  const { intake, port } = await runBroker(t, { limits: LIMITS }, new FakeIntake(0));
  const client = await RawClient.open(port);
  const conversation = Buffer.concat([
    connectPacket('slow'),
    publishPacket('a/b', '{"x":1.5}', { qos: 1, id: 300 }),
    publishPacket('big', Buffer.alloc(3000), { qos: 1, id: 301 }),
    PINGREQ_PACKET,
    publishPacket('a/c', 'end', { qos: 1, id: 302 }),
  ]);
  for (const byte of conversation) {
    client.send(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await waitFor('the last PUBACK', () => client.acks().includes(302));
  t.same(client.received().sort(), ['20020000', '4002012c', '4002012d', '4002012e', 'd000']);
  t.same([intake.values('a/b/x'), intake.values('a/c')], [[1.5], ['end']]);
});

t.test('takes what is sent in one piece with the CONNECT', async (t) => {
  const { intake, port } = await runBroker(t, { limits: { ...LIMITS, inflightMax: 100 } });
  const client = await RawClient.open(port);
  const messages = Array.from({ length: 80 }, (_, n) => publishPacket('n', String(n)));
  client.send(connectPacket('eager'), ...messages, DISCONNECT_PACKET);
  await waitFor('all messages', () => intake.values('n').length === 80);
  t.same(
    intake.values('n'),
    Array.from({ length: 80 }, (_, n) => n),
  );
});

t.test('no bytes, however broken, end the process or keep it from serving others', async (t) => {
  const { collector, intake, port } = await runBroker(t, { limits: { ...LIMITS, clientsMax: 100 } }, new FakeIntake(0));
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (noise, connected) => {
      const client = await RawClient.open(port);
      client.send(connected ? connectPacket('noisy') : Buffer.alloc(0), noise);
      await new Promise((resolve) => setImmediate(resolve));
      await client.cut();
    }),
    { numRuns: 150 },
  );
  const client = await RawClient.connect(port, 'sane');
  client.send(publishPacket('still/here', '1', { qos: 1 }));
  await waitFor('PUBACK', () => client.acks().length === 1);
  t.same(intake.values('still/here'), [1]);
  await waitFor('all gone but one', () => collector.details().clients === 1);
});

t.test('closes connections beyond the maximum and takes the next when one ends', async (t) => {
  const { collector, port } = await runBroker(t, { limits: LIMITS });
  const clients = [
    await RawClient.connect(port, '1'),
    await RawClient.connect(port, '2'),
    await RawClient.connect(port, '3'),
  ];
  const fourth = await RawClient.open(port);
  await waitFor('closed', () => fourth.closed);
  t.same(collector.health().errors, { 'clients-full': 1 });
  await clients[0]?.cut();
  await waitFor('one less', () => collector.details().clients === 2);
  const next = await RawClient.connect(port, '4');
  t.notOk(next.closed);
});

t.test('reads no further than the messages that may be in flight', async (t) => {
  const { collector, intake, port } = await runBroker(t, { limits: LIMITS });
  const client = await RawClient.connect(port, 'x');
  client.send(...Array.from({ length: 25 }, (_, n) => publishPacket('n', String(n), { qos: 1, id: n + 1 })));
  const expected = Array.from({ length: 25 }, (_, n) => n);
  for (const taken of [10, 20, 25]) {
    await waitFor(`${taken} taken`, () => intake.values('n').length === taken);
    t.equal(collector.details().unacked, taken === 25 ? 5 : 10);
    intake.commit();
  }
  await waitFor('all acknowledged', () => client.acks().length === 25);
  t.same(intake.values('n'), expected);
});

t.test('closes a client that is silent beyond its keep-alive, and keeps one that is held back', async (t) => {
  const { collector, intake, port } = await runBroker(t, { limits: LIMITS });
  // In one piece with its CONNECT: a stall of this process between the two would make it silent as well.
  const held = await RawClient.open(port);
  const messages = Array.from({ length: 11 }, (_, n) => publishPacket('n', '1', { qos: 1, id: n + 1 }));
  held.send(connectPacket('held', { keepAliveS: 1 }), ...messages);
  await waitFor('held back', () => intake.values('n').length === 10);
  const silent = await RawClient.connect(port, 'silent', { keepAliveS: 1 });
  await waitFor('silent one closed', () => silent.closed);
  t.same(collector.health().errors, { 'keep-alive': 1 });
  t.notOk(held.closed);
  intake.commit();
  await waitFor('acknowledged', () => held.acks().length === 10);
});

t.test('a client that spoke while this process stood still is not taken for silent', async (t) => {
  const { collector, port } = await runBroker(t);
  const client = await RawClient.connect(port, 'alive', { keepAliveS: 1 });
  // The system has it when this returns, and nobody reads it before.
  await standStill(3000, () => client.send(PINGREQ_PACKET));
  await waitFor('PINGRESP', () => client.packets.some(({ bytes }) => bytes[0] === 0xd0));
  t.notOk(client.closed);
  t.same(collector.health().errors, {});
});
