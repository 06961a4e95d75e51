import { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { ALL_SUBSCRIPTIONS_MAX } from '../../../collectors/mqtt/distribution/distribution.ts';
import { RETAINED_TOPICS_MAX } from '../../../collectors/mqtt/distribution/retained-messages.ts';
import { SUBSCRIPTIONS_MAX } from '../../../collectors/mqtt/distribution/session.ts';
import { FILTERS_MAX } from '../../../collectors/mqtt/packet-rules.ts';
import { StolenTime } from '../../stolen-time.ts';
import { waitFor } from '../../wait-for.ts';
import { FakeIntake } from './fake-intake.ts';
import { connectPacket, field, idBytes, PINGREQ_PACKET, packet, publishPacket, RawClient } from './raw-client.ts';
import { runBroker } from './running-broker.ts';

const SUBACK = 9;
const REFUSED = 0x80;

/** A SUBSCRIBE for many filters at once. */
function subscribe(filters: readonly string[], qos = 0): Buffer {
  return packet(0x82, idBytes(1), ...filters.flatMap((filter) => [field(filter), Buffer.of(qos)]));
}

/** Return codes of all SUBACKs that came. */
function codesOf({ packets }: RawClient): number[] {
  return packets.filter(({ type }) => type === SUBACK).flatMap(({ bytes, bodyAt }) => [...bytes.subarray(bodyAt + 2)]);
}

/** A connection that is not read, with `bytes` on their way, and what it reads once it does. */
function deaf(t: Test, port: number, ...packets: Uint8Array[]): { socket: Socket; read: () => { bytes: number } } {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  socket.pause();
  socket.write(Buffer.concat([connectPacket('deaf'), ...packets]));
  const met = { bytes: 0 };
  return {
    socket,
    read: () => {
      socket.on('data', (chunk: Buffer) => {
        met.bytes += chunk.length;
      });
      socket.resume();
      return met;
    },
  };
}

/** How long someone else may wait to be served, milliseconds: far more than a slow machine needs. */
const SERVED_MS_MAX = 30_000;

/** Someone else is served in the meantime. */
async function served(t: Test, port: number): Promise<void> {
  const started = performance.now();
  const stolen = new StolenTime(t);
  const client = await RawClient.connect(port, 'other');
  client.send(publishPacket('other', '1', { qos: 1 }));
  await waitFor('PUBACK', () => client.acks().length === 1);
  const ms = performance.now() - started - stolen.ms;
  t.ok(ms < SERVED_MS_MAX, `served within ${Math.round(ms)} ms`);
  await client.cut();
}

t.test('whoever only opens connections keeps no client out, and is named', async (t) => {
  const { collector, port } = await runBroker(t, { limits: { clientsMax: 5 } }, new FakeIntake(0));
  const silent = await Promise.all(Array.from({ length: 5 }, () => RawClient.open(port)));
  await waitFor('all there', () => collector.details().clients === 5);
  for (let n = 0; n < 3; n++) {
    const client = await RawClient.connect(port, `client-${n}`);
    t.notOk(client.closed);
  }
  await waitFor('given way', () => silent.filter(({ closed }) => closed).length === 3);
  t.same(collector.health().errors, { 'clients-full': 3 });
  t.match(collector.details().offenders, [{ reason: 'clients-full', topic: /127\.0\.0\.1/, count: 3 }]);
  t.equal(collector.details().clients, 5);
});

t.test('subscriptions beyond the maximum of a client, and of all, are refused one by one', async (t) => {
  const { collector, port } = await runBroker(t, { limits: { clientsMax: 100 } }, new FakeIntake(0));
  let granted = 0;
  let refused = 0;
  const clients: RawClient[] = [];
  while (granted < ALL_SUBSCRIPTIONS_MAX) {
    const client = await RawClient.connect(port, `flood-${clients.length}`);
    clients.push(client);
    const filters = Array.from({ length: SUBSCRIPTIONS_MAX + 24 }, (_, n) => `f/${clients.length}/${n}`);
    for (let at = 0; at < filters.length; at += FILTERS_MAX)
      client.send(subscribe(filters.slice(at, at + FILTERS_MAX)));
    await waitFor('SUBACKs', () => codesOf(client).length === filters.length);
    const codes = codesOf(client);
    t.same(codes.slice(SUBSCRIPTIONS_MAX), new Array(24).fill(REFUSED), 'beyond those of one client');
    granted += codes.filter((code) => code === 0).length;
    refused += codes.filter((code) => code === REFUSED).length;
  }
  t.equal(granted, ALL_SUBSCRIPTIONS_MAX);
  const late = await RawClient.connect(port, 'late');
  late.send(subscribe(['one/more']));
  await waitFor('SUBACK', () => codesOf(late).length === 1);
  t.same(codesOf(late), [REFUSED], 'beyond those of all');
  t.same(collector.health().errors, { 'subscriptions-full': refused + 1 });
  const { clients: before } = collector.details();
  await clients[0]?.cut();
  await waitFor('one less', () => collector.details().clients < before);
  late.packets.length = 0;
  late.send(subscribe(['one/more']));
  await waitFor('SUBACK', () => codesOf(late).length === 1);
  t.same(codesOf(late), [0], 'whoever goes makes room');
});

t.test('a tree of wildcards gives a subscriber each message once, and soon', async (t) => {
  const { port } = await runBroker(t, {}, new FakeIntake(0));
  const client = await RawClient.connect(port, 'tree');
  const depth = 9;
  const filters = Array.from({ length: 2 ** depth }, (_, bits) =>
    Array.from({ length: depth }, (_, level) => ((bits >> level) & 1 ? '+' : 'a')).join('/'),
  );
  for (let at = 0; at < filters.length; at += FILTERS_MAX) client.send(subscribe(filters.slice(at, at + FILTERS_MAX)));
  await waitFor('SUBACKs', () => codesOf(client).length === filters.length);
  client.packets.length = 0;
  const topic = new Array(depth).fill('a').join('/');
  const sender = await RawClient.connect(port, 'sender');
  sender.send(
    ...Array.from({ length: 100 }, (_, n) => publishPacket(topic, String(n))),
    publishPacket('end', '', { qos: 1 }),
  );
  await waitFor('PUBACK', () => sender.acks().length === 1);
  client.send(PINGREQ_PACKET);
  await waitFor('PINGRESP', () => client.packets.at(-1)?.type === 13);
  t.equal(client.packets.length, 101);
});

t.test('retained messages beyond the maximum are stored and forwarded, not retained, and counted', async (t) => {
  const { collector, intake, port } = await runBroker(t, {}, new FakeIntake(0));
  const sender = await RawClient.connect(port, 'flood');
  const count = RETAINED_TOPICS_MAX + 50;
  for (let n = 0; n < count; n++) sender.send(publishPacket(`r/${n}`, '1', { retain: true }));
  sender.send(publishPacket('end', '1', { qos: 1 }));
  await waitFor('PUBACK', () => sender.acks().length === 1);
  t.equal(collector.details().retainedRefused, 50);
  t.equal(intake.samples.filter(({ channel }) => channel.startsWith('r/')).length, count);
});

t.test(
  'who asks for all that is retained and reads nothing is not read on, costs others nothing, and gets all',
  async (t) => {
    const { collector, intake, port } = await runBroker(t, {}, new FakeIntake(0));
    const sender = await RawClient.connect(port, 'sender');
    const payload = 'x'.repeat(2000);
    const topics = 1500;
    for (let n = 0; n < topics; n++) sender.send(publishPacket(`r/${n}`, payload, { retain: true }));
    sender.send(publishPacket('end', '1', { qos: 1 }));
    await waitFor('PUBACK', () => sender.acks().length === 1);
    const rounds = 10;
    const asked = Array.from({ length: rounds }, () => subscribe(['#', 'r/+']));
    const { read } = deaf(t, port, ...asked, publishPacket('after', '1'));
    await waitFor('connected', () => collector.details().clients === 2);
    await served(t, port);
    t.same(intake.values('after'), [], 'what stands behind is not read');
    const met = read();
    await waitFor('all that was asked for', () => intake.values('after').length === 1);
    await waitFor('all of it', () => met.bytes > rounds * 2 * topics * payload.length);
    t.ok(collector.details().forwardsDropped <= 1, 'at most the live message of the other was dropped');
  },
);

t.test('who pings and reads nothing is not read on, and gets each answer once it reads', async (t) => {
  const { collector, port } = await runBroker(t, {}, new FakeIntake(0));
  const pings = 400_000;
  const { read } = deaf(t, port, Buffer.alloc(pings * PINGREQ_PACKET.length, PINGREQ_PACKET));
  await waitFor('connected', () => collector.details().clients === 1);
  await served(t, port);
  const met = read();
  await waitFor('all answers', () => met.bytes === 4 + pings * 2);
});

t.test('who reads nothing for too long is closed, and named', async (t) => {
  const { collector, port } = await runBroker(t, { limits: { stallSeconds: 1 } }, new FakeIntake(0));
  deaf(t, port, subscribe(['#']));
  await waitFor('connected', () => collector.details().clients === 1);
  const sender = await RawClient.connect(port, 'sender');
  const payload = 'x'.repeat(100_000);
  // Where this process stalls as soon as enough waits, it is closed before anything is dropped.
  while (collector.details().forwardsDropped === 0 && collector.details().clients === 2) {
    sender.packets.length = 0;
    sender.send(publishPacket('big', payload, { qos: 1 }));
    await waitFor('PUBACK', () => sender.acks().length === 1);
  }
  await waitFor('closed', () => collector.details().clients === 1);
  t.same(collector.health().errors, { 'slow-reader': 1 });
});
