import { Buffer } from 'node:buffer';
import t from 'tap';
import { waitFor } from '../../../wait-for.ts';
import { FakeIntake } from '../fake-intake.ts';
import { DISCONNECT_PACKET, field, idBytes, packet, publishPacket, pubrelPacket } from '../raw-client.ts';
import { FakeBroker } from './fake-broker.ts';
import { runClient, startClient } from './running-client.ts';

const CONNECT = 1;
const PUBLISH = 3;
const PUBACK = 4;
const PUBREC = 5;
const PUBCOMP = 7;
const DISCONNECT = 14;

for (const version of ['3.1.1', 5] as const) {
  const noProperties = version === 5 ? [Buffer.of(0)] : [];
  const publish = (qos: 1 | 2, id: number, payload: string) =>
    packet(0x30 | (qos << 1), field('a'), idBytes(id), ...noProperties, Buffer.from(payload));

  t.test(`MQTT ${version}: messages wait for their commit together, and are acknowledged in their order`, async (t) => {
    const broker = await FakeBroker.start(t, { version });
    const { collector, intake } = await runClient(t, { port: broker.port, version });
    const messages = Array.from({ length: 100 }, (_, n) => publish(1, n + 1, String(n)));
    broker.send(...messages, publish(2, 1001, '100'));
    await waitFor('taken', () => intake.values('a').length === 101);
    t.same([broker.sent(PUBACK), broker.sent(PUBREC)], [[], []], 'nothing is acknowledged before the commit');
    t.equal(collector.details().unacked, 101);
    t.ok(intake.publishes < 20, `${intake.publishes} publications of the ring`);
    intake.commit();
    await waitFor('acknowledged', () => broker.sent(PUBREC).length === 1);
    t.same(
      broker.sent(PUBACK),
      messages.map((_, n) => Buffer.of(0x40, 2, 0, n + 1).toString('hex')),
    );
    t.same(broker.sent(PUBREC), ['500203e9']);
    broker.send(pubrelPacket(1001));
    await waitFor('PUBCOMP', () => broker.sent(PUBCOMP).length === 1);
    t.same(broker.sent(PUBCOMP), ['700203e9']);
    t.equal(collector.details().unacked, 0);
  });
}

t.test('keeps its session under its id, and asks for it again after a cut', async (t) => {
  const broker = await FakeBroker.start(t, { isSessionKept: true });
  const { collector, intake } = await runClient(t, { port: broker.port, clientId: 'pit-1' });
  const [connect = ''] = broker.sent(CONNECT);
  // Protocol MQTT, level 4, no flag: the session is kept; keep-alive 30 s; the id.
  t.equal(connect.slice(4), `${field('MQTT').toString('hex')}0400001e${field('pit-1').toString('hex')}`);
  broker.send(publishPacket('a', '1', { qos: 1, id: 9 }));
  await waitFor('taken', () => intake.values('a').length === 1);
  broker.cut();
  await waitFor('lost', () => collector.health().state === 'waiting');
  t.match(collector.health().problem, /^broker 127\.0\.0\.1:\d+: the broker closed the connection; .*pit-1/);
  intake.commit();
  await broker.subscribed(2);
  t.same(broker.sent(PUBACK), [], 'a packet id of one connection is not acknowledged on the next');
  broker.send(publishPacket('a', '1', { qos: 1, id: 9, dup: true }), publishPacket('a', '2', { qos: 1, id: 10 }));
  await waitFor('the next', () => intake.values('a').length === 2);
  intake.commit();
  await waitFor('both', () => broker.sent(PUBACK).length === 2);
  t.same(intake.values('a'), [1, 2]);
  t.match(collector.details(), { connections: 2, failures: 1, repeats: 1, isSessionKept: true });
  t.same(intake.values('plant/state'), ['online', 'lost', 'online']);
});

t.test('a message of QoS 2 that comes again before its PUBREL is stored once, behind it the id is free', async (t) => {
  const broker = await FakeBroker.start(t);
  const { intake } = await runClient(t, { port: broker.port, qos: 2 }, new FakeIntake(0));
  const message = publishPacket('a', '1', { qos: 2, id: 5 });
  broker.send(message, message);
  await waitFor('both', () => broker.sent(PUBREC).length === 2);
  broker.send(pubrelPacket(5), message);
  await waitFor('the new one', () => broker.sent(PUBREC).length === 3);
  t.same(intake.values('a'), [1, 1]);
});

t.test('what waits for room is read on when there is room', async (t) => {
  const broker = await FakeBroker.start(t);
  const limits = { inflightMax: 2 };
  const { collector, intake } = await runClient(t, { port: broker.port, limits });
  broker.send(...[1, 2, 3, 4, 5].map((id) => publishPacket('a', String(id), { qos: 1, id })));
  await waitFor('two', () => intake.values('a').length === 2);
  t.equal(collector.details().unacked, 2, 'beyond inflightMax nothing is taken');
  while (intake.values('a').length < 5) {
    const taken = intake.values('a').length;
    intake.commit();
    await waitFor('more', () => intake.values('a').length > taken);
  }
  intake.commit();
  await waitFor('all', () => broker.sent(PUBACK).length === 5);
  t.same(intake.values('a'), [1, 2, 3, 4, 5]);
});

t.test('bad input is counted, named and acknowledged, and nothing waits behind it', async (t) => {
  const broker = await FakeBroker.start(t);
  const limits = { packetBytesMax: 1024, topicLevelsMax: 4 };
  const topics = [{ filter: 'json/#', payload: 'json' as const }];
  const { collector, intake } = await runClient(
    t,
    { port: broker.port, subscribe: ['#'], topics, limits },
    new FakeIntake(0),
  );
  broker.send(
    publishPacket('a', 'x'.repeat(5000), { qos: 1, id: 1 }),
    publishPacket('a/b/c/d/e', '1', { qos: 1, id: 2 }),
    publishPacket('json/a', '{', { qos: 1, id: 3 }),
    publishPacket('json/a', '{"b":1}', { qos: 1, id: 4 }),
  );
  await waitFor('all', () => broker.sent(PUBACK).length === 4);
  t.same(intake.values('json/a/b'), [1]);
  t.same(collector.health().errors, { 'packet-too-large': 1, 'topic-too-deep': 1, 'json-invalid': 1 });
  t.same(
    collector.details().offenders.map(({ reason, topic }) => [reason, topic]),
    [
      ['packet-too-large', 'a'],
      ['topic-too-deep', 'a/b/c/d/e'],
      ['json-invalid', 'json/a'],
    ],
  );
});

const garbage: [what: string, bytes: Uint8Array, reason: string][] = [
  ['a length without end', Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff, 0xff), 'packet-malformed'],
  ['a topic with a wildcard', publishPacket('a/#', '1'), 'publish-malformed'],
  ['a SUBACK of a megabyte', packet(0x90, Buffer.alloc(1 << 20)), 'packet-too-large'],
  ['a PUBREL without flags', packet(0x60, idBytes(1)), 'packet-malformed'],
];
for (const [what, bytes, reason] of garbage) {
  t.test(`${what} ends the connection, which is made anew`, async (t) => {
    const broker = await FakeBroker.start(t);
    const { collector } = await runClient(t, { port: broker.port });
    broker.send(bytes);
    await waitFor('waiting', () => collector.health().state === 'waiting');
    t.match(collector.health(), { problem: new RegExp(`no MQTT \\(${reason}\\)`), errors: { [reason]: 1 } });
    await broker.subscribed(2);
  });
}

t.test('a retained message is the last value and no new one, unless it is to be taken', async (t) => {
  for (const retained of ['skip', 'take'] as const) {
    const broker = await FakeBroker.start(t);
    const { collector, intake } = await runClient(t, { port: broker.port, retained }, new FakeIntake(0));
    broker.send(publishPacket('a', '1', { qos: 1, id: 1, retain: true }), publishPacket('a', '2', { qos: 1, id: 2 }));
    await waitFor('both', () => broker.sent(PUBACK).length === 2);
    t.same(intake.values('a'), retained === 'skip' ? [2] : [1, 2]);
    t.equal(collector.details().retainedSkipped, retained === 'skip' ? 1 : 0);
  }
});

t.test(
  'what a kept session brings of topics that are not asked for any more is acknowledged and counted',
  async (t) => {
    const broker = await FakeBroker.start(t);
    const { collector, intake } = await runClient(t, { port: broker.port, subscribe: ['new/#'] }, new FakeIntake(0));
    broker.send(publishPacket('old', '1', { qos: 1, id: 1 }), publishPacket('new/a', '2', { qos: 1, id: 2 }));
    await waitFor('both', () => broker.sent(PUBACK).length === 2);
    t.same([intake.values('old'), intake.values('new/a'), collector.details().unasked], [[], [2], 1]);
  },
);

t.test('a broker that refuses a subscription is named', async (t) => {
  const broker = await FakeBroker.start(t, { suback: () => [1, 0x80] });
  const { collector } = await startClient(t, { port: broker.port, subscribe: ['a/#', 'secret/#'] });
  await waitFor('refused', () => collector.health().state === 'waiting');
  t.match(collector.health().problem, /refuses the subscription to secret\/#; allow it there/);
  t.ok(collector.details().isConnected);
});

t.test('a broker that lets nobody in is named, with what it says', async (t) => {
  const cases: [connack: number, version: '3.1.1' | 5, message: RegExp][] = [
    [1, '3.1.1', /does not speak MQTT 3\.1\.1; configure version 5/],
    [2, '3.1.1', /Identifier rejected/],
    [3, '3.1.1', /Server unavailable/],
    [5, '3.1.1', /refuses a client without user \(.*Not authorized\); check user and password/],
    [132, 5, /does not speak MQTT 5; configure version 3\.1\.1/],
    [138, 5, /Banned/],
  ];
  for (const [connack, version, message] of cases) {
    const broker = await FakeBroker.start(t, { connack, version });
    const { collector } = await startClient(t, { port: broker.port, version });
    await waitFor('refused', () => collector.health().state === 'waiting');
    t.match(collector.health().problem, message);
  }
});

t.test('says goodbye, when what was on its way is committed', async (t) => {
  const broker = await FakeBroker.start(t);
  const { collector, intake } = await runClient(t, { port: broker.port, status: 'gateways/pit-1' });
  broker.send(publishPacket('a', '1', { qos: 1, id: 1 }));
  await waitFor('taken', () => intake.values('a').length === 1);
  const stopped = collector.stop();
  t.same(broker.sent(DISCONNECT), []);
  intake.commit();
  await stopped;
  await waitFor('goodbye', () => broker.sent(DISCONNECT).length === 1);
  t.same(broker.sent(PUBACK), ['40020001']);
  t.equal(broker.sent(DISCONNECT)[0], DISCONNECT_PACKET.toString('hex'));
  const [online, offline] = broker.packets
    .filter(({ type }) => type === PUBLISH)
    .map(({ bytes }) => bytes.toString('latin1'));
  t.match([online, offline], [/gateways\/pit-1..online$/s, /gateways\/pit-1..offline$/s]);
  t.same(intake.values('plant/state'), ['online', 'offline']);
  t.equal(collector.health().state, 'stopped');
});

t.test('nothing is acknowledged when the store fails, and the connection ends', async (t) => {
  const broker = await FakeBroker.start(t);
  const { collector, intake } = await runClient(t, { port: broker.port });
  broker.send(publishPacket('a', '1', { qos: 1, id: 1 }));
  await waitFor('taken', () => intake.values('a').length === 1);
  intake.fail();
  await waitFor('waiting', () => collector.health().state === 'waiting');
  t.match(collector.health().problem, /not stored: disk is gone/);
  t.same(broker.sent(PUBACK), []);
});

t.test('is a host of Sparkplug: a will, then its birth with the same time, and its death', async (t) => {
  const broker = await FakeBroker.start(t);
  const { clock, collector } = await runClient(t, { port: broker.port, sparkplug: { hostId: 'pit' } });
  const said = () =>
    broker.packets
      .filter(({ type }) => type === PUBLISH)
      .map(({ bytes, flags }) => [
        flags,
        bytes
          .toString('latin1')
          .replace(/^.*?spBv1/s, 'spBv1')
          .replace(/STATE\/pit../s, 'STATE/pit '),
      ]);
  const state = (online: boolean, timestamp: number) => [
    3,
    `spBv1.0/STATE/pit ${JSON.stringify({ online, timestamp })}`,
  ];
  const connect = broker.packets[0]?.bytes.toString() ?? '';
  t.match(connect, 'spBv1.0/STATE/pit');
  t.match(connect, JSON.stringify({ online: false, timestamp: 1000 }));
  // Flags of CONNECT: a retained will at QoS 1, and a session that is not kept.
  t.equal(broker.packets[0]?.bytes[9], 0x20 | 0x08 | 0x04 | 0x02);
  await waitFor('birth', () => said().length === 1);
  t.same(said(), [state(true, 1000)], 'retained, QoS 1');
  broker.send(publishPacket('spBv1.0/STATE/pit', '{"online":false,"timestamp":900}', { retain: true }));
  broker.send(publishPacket('spBv1.0/STATE/pit', '{"online":false,"timestamp":900}'));
  await waitFor('birth again', () => said().length === 2);
  clock.time = 5e6;
  await collector.stop();
  await waitFor('death', () => said().length === 3);
  t.same(said(), [state(true, 1000), state(true, 1000), state(false, 5000)]);
});

t.test('a config that cannot be is refused', async (t) => {
  const cases: [config: object, message: RegExp][] = [
    [{ sparkplug: { hostId: 'h' }, topics: [{ filter: 'a' }] }, /sparkplug stands beside topics/],
    [{ password: 'x' }, /password without user/],
    [{ topics: [{ filter: 'a/+' }, { filter: '+/b' }] }, /match the same topics/],
  ];
  for (const [config, message] of cases) {
    await t.rejects(startClient(t, { port: 1, ...config }), { code: 'config-invalid', message });
  }
});
