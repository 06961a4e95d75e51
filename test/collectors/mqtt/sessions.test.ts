import { Buffer } from 'node:buffer';
import t from 'tap';
import { SESSION_MESSAGES_MAX } from '../../../collectors/mqtt/distribution/session.ts';
import { SESSIONS_MAX } from '../../../collectors/mqtt/distribution/sessions.ts';
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

const subscribe = (filter: string, qos: number) => packet(0x82, idBytes(1), field(filter), Buffer.of(qos));

/** Connects to a kept session; resolves with whether there was one, and the client. */
async function resume(port: number, clientId: string): Promise<{ client: RawClient; isPresent: boolean }> {
  const client = await RawClient.open(port);
  client.send(connectPacket(clientId, { clean: false }));
  await waitFor('CONNACK', () => client.packets.length > 0);
  return { client, isPresent: client.packets.shift()?.bytes.toString('hex') === '20020100' };
}

async function leave(client: RawClient): Promise<void> {
  client.send(DISCONNECT_PACKET);
  await waitFor('closed', () => client.closed);
}

function publishes({ packets }: RawClient): { id: number; payload: string; isDup: boolean }[] {
  return packets
    .filter(({ type }) => type === 3)
    .map(({ bytes, flags, bodyAt }) => {
      const end = bodyAt + 2 + bytes.readUInt16BE(bodyAt);
      return { id: bytes.readUInt16BE(end), payload: bytes.toString('utf8', end + 2), isDup: (flags & 8) !== 0 };
    });
}

t.test('a kept session gets what was published at QoS 1 and 2 while its client was away', async (t) => {
  const { port } = await runBroker(t, {}, new FakeIntake(0));
  const first = await resume(port, 'watcher');
  t.notOk(first.isPresent);
  first.client.send(subscribe('a/#', 2));
  await waitFor('SUBACK', () => first.client.packets.length === 1);
  t.same(first.client.received(), ['9003000102']);
  await leave(first.client);

  const sender = await RawClient.connect(port, 'sender');
  sender.send(publishPacket('a/1', 'one', { qos: 1, id: 1 }), publishPacket('a/2', 'two', { qos: 2, id: 2 }));
  await waitFor('acknowledged', () => sender.packets.length === 2);

  const second = await resume(port, 'watcher');
  t.ok(second.isPresent);
  await waitFor('both', () => publishes(second.client).length === 2);
  t.same(
    publishes(second.client).map(({ payload }) => payload),
    ['one', 'two'],
  );
  // Only the first is acknowledged: the other comes again.
  second.client.send(packet(0x40, idBytes(publishes(second.client)[0]?.id ?? 0)), PINGREQ_PACKET);
  await waitFor('PINGRESP', () => second.client.received().includes('d000'));
  await leave(second.client);

  const third = await resume(port, 'watcher');
  await waitFor('the other', () => publishes(third.client).length === 1);
  t.same(
    publishes(third.client).map(({ payload }) => payload),
    ['two'],
  );
  await leave(third.client);

  await leave(await RawClient.connect(port, 'watcher'));
  const fourth = await resume(port, 'watcher');
  t.notOk(fourth.isPresent, 'a clean connection ends the session');
});

t.test('a session keeps no more than it may, and what it has no room for is counted', async (t) => {
  const { collector, port } = await runBroker(t, {}, new FakeIntake(0));
  const { client } = await resume(port, 'watcher');
  client.send(subscribe('n', 1));
  await waitFor('SUBACK', () => client.packets.length === 1);
  await leave(client);
  const sender = await RawClient.connect(port, 'sender');
  const count = SESSION_MESSAGES_MAX + 5;
  for (let id = 1; id <= count; id++) sender.send(publishPacket('n', String(id), { qos: 1, id }));
  await waitFor('acknowledged', () => sender.acks().length === count);
  await waitFor('dropped', () => collector.details().forwardsDropped === 5);
  const again = await resume(port, 'watcher');
  await waitFor('all that was kept', () => publishes(again.client).length === SESSION_MESSAGES_MAX);
  t.same(publishes(again.client).at(-1)?.payload, String(SESSION_MESSAGES_MAX));
});

t.test('a subscriber of a kept session that acknowledges nothing gets what the session has room for', async (t) => {
  const { collector, port } = await runBroker(t, {}, new FakeIntake(0));
  const { client } = await resume(port, 'watcher');
  client.send(subscribe('n', 1));
  await waitFor('SUBACK', () => client.packets.length === 1);
  const sender = await RawClient.connect(port, 'sender');
  const count = SESSION_MESSAGES_MAX + 5;
  for (let id = 1; id <= count; id++) sender.send(publishPacket('n', String(id), { qos: 1, id }));
  await waitFor('acknowledged', () => sender.acks().length === count);
  await waitFor('what there is room for', () => publishes(client).length === SESSION_MESSAGES_MAX);
  t.equal(collector.details().forwardsDropped, 5);
  client.send(packet(0x40, idBytes(publishes(client)[0]?.id ?? 0)), PINGREQ_PACKET);
  await waitFor('PINGRESP', () => client.received().includes('d000'));
  sender.send(publishPacket('n', 'more', { qos: 1, id: 1 }));
  await waitFor('one more', () => publishes(client).at(-1)?.payload === 'more');
  t.notOk(client.closed);
});

t.test('sessions beyond the maximum are clean ones, and counted', async (t) => {
  const { collector, port } = await runBroker(t, { limits: { clientsMax: 1000 } });
  for (let n = 0; n < SESSIONS_MAX + 1; n++) await leave((await resume(port, `client-${n}`)).client);
  t.equal(collector.details().sessionsRefused, 1);
});

t.test(
  'a message comes at no better QoS than the subscription grants, with wildcards and from the retained',
  async (t) => {
    const { port } = await runBroker(t, {}, new FakeIntake(0));
    const client = await RawClient.connect(port, '');
    const sender = await RawClient.connect(port, '');
    sender.send(publishPacket('r/1', 'kept', { qos: 2, id: 1, retain: true }));
    await waitFor('PUBREC', () => sender.packets.length === 1);
    client.send(subscribe('r/#', 1), subscribe('a/+', 0), subscribe('a/b', 1), subscribe('a/#', 1));
    await waitFor('SUBACKs and the retained', () => client.packets.length === 5);
    for (const [id, topic] of ['a/b', 'a/c', 'a/c/d'].entries())
      sender.send(publishPacket(topic, 'x', { qos: 2, id: id + 2 }));
    await waitFor('all', () => client.packets.length === 8);
    const qosOf = client.packets.filter(({ type }) => type === 3).map(({ flags }) => (flags >> 1) & 3);
    t.same(qosOf, [1, 1, 1, 1]);
    client.packets.length = 0;
    client.send(packet(0xa2, idBytes(9), field('a/#')));
    await waitFor('UNSUBACK', () => client.packets.length === 1);
    sender.send(publishPacket('a/c', 'x', { qos: 2, id: 9 }));
    await waitFor('one more', () => client.packets.length === 2);
    t.equal(client.packets[1]?.flags, 0);
  },
);
