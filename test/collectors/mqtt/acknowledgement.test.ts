import mqtt from 'mqtt';
import t from 'tap';
import { waitFor } from '../../wait-for.ts';
import { FakeIntake } from './fake-intake.ts';
import { publishPacket, pubrelPacket, RawClient } from './raw-client.ts';
import { runBroker } from './running-broker.ts';

for (const qos of [1, 2] as const) {
  t.test(`a message at QoS ${qos} of a real client is acknowledged after its commit, not before`, async (t) => {
    const { intake, port } = await runBroker(t);
    const client = await mqtt.connectAsync({ host: '127.0.0.1', port, clientId: 'pump-7' });
    t.teardown(() => client.endAsync(true));
    let acknowledged = false;
    const done = client.publishAsync('pump/7/pressure', '4.25', { qos }).then(() => {
      acknowledged = true;
    });
    await waitFor('taken', () => intake.values('pump/7/pressure').length === 1);
    // A later round trip shows that an acknowledgement would have been here by now.
    await new Promise((resolve) => client.subscribe('nothing', resolve));
    t.notOk(acknowledged);
    intake.commit();
    await done;
    t.same(intake.values('pump/7/pressure'), [4.25]);
  });
}

t.test('messages of one client wait for their commit together, however they were cut into pieces', async (t) => {
  const { intake, port } = await runBroker(t);
  const client = await RawClient.connect(port, 'fast');
  const messages = Array.from({ length: 100 }, (_, n) => publishPacket('n', String(n), { qos: 1, id: n + 1 }));
  client.send(...messages.slice(0, 50));
  await waitFor('the first half', () => intake.values('n').length === 50);
  client.send(...messages.slice(50));
  await waitFor('the second half', () => intake.values('n').length === 100);
  t.same(client.acks(), []);
  const published = intake.publishes;
  intake.commit();
  await waitFor('all', () => client.acks().length === 100);
  t.same(
    client.acks(),
    Array.from({ length: 100 }, (_, n) => n + 1),
  );
  t.ok(published < 20, `${published} publications of the ring`);
});

t.test('a message waits while the ring is full, one at QoS 0 is dropped and counted', async (t) => {
  const { collector, intake, port } = await runBroker(t);
  const client = await RawClient.connect(port, 'x');
  await waitFor('online', () => intake.samples.length === 1);
  intake.room = 0;
  client.send(
    publishPacket('a', '1', { qos: 1, id: 1 }),
    publishPacket('b', '2'),
    publishPacket('a', '3', { qos: 2, id: 2 }),
    publishPacket('a', '4', { qos: 1, id: 3 }),
  );
  await waitFor('waiting', () => collector.details().waiting === 3 && collector.health().dropped === 1);
  intake.commit();
  t.same([client.acks(), intake.values('a')], [[], []]);
  intake.room = 100;
  await waitFor('taken', () => intake.values('a').length === 3);
  t.same(intake.values('a'), [1, 3, 4], 'in the order they came');
  t.same(client.acks(), []);
  intake.commit();
  await waitFor('acknowledged', () => client.acks().length === 2 && client.received().includes('50020002'));
  t.match(collector.details(), { waiting: 0, unacked: 0, waited: 3 });
});

t.test(
  'what a full disk refuses is acknowledged when the ledger has it as lost, and nothing waits behind it',
  async (t) => {
    const { intake, port } = await runBroker(t);
    const client = await RawClient.connect(port, 'x');
    await waitFor('online', () => intake.samples.length === 1);
    intake.refused.add('bulk');
    client.send(publishPacket('bulk', '1', { qos: 1, id: 1 }), publishPacket('critical', '2', { qos: 1, id: 2 }));
    await waitFor('taken', () => intake.values('critical').length === 1);
    t.same([client.acks(), intake.values('bulk'), intake.settles], [[], [], 1]);
    intake.commit();
    await waitFor('acknowledged', () => client.acks().length === 2);
  },
);

t.test('a small message does not overtake a larger one that waits for room', async (t) => {
  const { collector, intake, port } = await runBroker(t);
  const client = await RawClient.connect(port, '');
  intake.room = 10;
  client.send(
    publishPacket('a', '[1,2,3,4,5,6,7,8,9]', { qos: 1, id: 1 }),
    publishPacket('a/0', '10', { qos: 1, id: 2 }),
  );
  await waitFor('waiting', () => collector.details().unacked === 2);
  t.equal(collector.details().waiting, 2);
  intake.room = 100;
  await waitFor('taken', () => intake.samples.length === 10);
  t.same(intake.values('a/0'), [1, 10]);
});

t.test('nothing is acknowledged when the store fails, and the connection ends', async (t) => {
  const { intake, port } = await runBroker(t);
  const client = await RawClient.connect(port, 'x');
  client.send(publishPacket('a', '1', { qos: 1 }));
  await waitFor('taken', () => intake.values('a').length === 1);
  intake.fail();
  await waitFor('closed', () => client.closed);
  t.same(client.received(), []);
});

t.test('stops while messages wait for room, without acknowledging them', async (t) => {
  const { collector, intake, port } = await runBroker(t);
  const client = await RawClient.connect(port, 'x');
  await waitFor('online', () => intake.samples.length === 1);
  intake.room = 0;
  client.send(publishPacket('a', '1', { qos: 1 }));
  await waitFor('waiting', () => collector.details().waiting === 1);
  await collector.stop();
  await waitFor('closed', () => client.closed);
  t.same(client.received(), []);
  t.equal(collector.health().state, 'stopped');
});

/** Every way in which a client can repeat a message whose acknowledgement did not reach it. */
const repeats: [what: string, qos: 1 | 2, dup: boolean, crash: boolean][] = [
  ['with the DUP flag', 1, true, false],
  ['with the DUP flag after a restart', 1, true, true],
  ['without the DUP flag, as mqtt.js does', 1, false, false],
  ['without the DUP flag after a restart', 1, false, true],
  ['with the DUP flag', 2, true, false],
  ['with the DUP flag after a restart', 2, true, true],
  ['without the DUP flag', 2, false, false],
  ['without the DUP flag after a restart', 2, false, true],
];
for (const [what, qos, dup, crash] of repeats) {
  t.test(`a message at QoS ${qos} that is repeated ${what} is acknowledged and stored once`, async (t) => {
    const first = await runBroker(t);
    const client = await RawClient.connect(first.port, 'car7', { clean: false });
    client.send(
      publishPacket('a', '1', { qos, id: 41 }),
      publishPacket('a', '2', { qos, id: 42 }),
      publishPacket('a', '2', { qos, id: 43 }),
    );
    await waitFor('taken', () => first.intake.values('a').length === 3);
    await client.cut();
    first.intake.commit();
    const second = crash ? await runBroker(t, {}, first.intake.crash()) : first;
    const again = await RawClient.connect(second.port, 'car7', { clean: false });
    again.send(
      publishPacket('a', '2', { qos, id: 42, dup }),
      publishPacket('a', '2', { qos, id: 43, dup }),
      publishPacket('a', '3', { qos, id: 44 }),
    );
    await waitFor('the new one', () => second.intake.values('a').length === 4);
    second.intake.commit();
    await waitFor('acknowledged', () => again.packets.length === 3);
    const kind = qos === 1 ? '4002' : '5002';
    t.same(again.received(), [`${kind}002a`, `${kind}002b`, `${kind}002c`]);
    t.same(second.intake.values('a'), [1, 2, 2, 3]);
    t.equal(second.collector.details().repeats, 2);
  });
}

t.test('messages are acknowledged in the order they came, those that are stepped over among them', async (t) => {
  const { intake, port } = await runBroker(t);
  const client = await RawClient.connect(port, 'x');
  client.send(
    publishPacket('a', '1', { qos: 1, id: 1 }),
    publishPacket('$SYS/a', '1', { qos: 1, id: 2 }),
    publishPacket('a', '{', { qos: 1, id: 3 }),
    publishPacket('a', '', { qos: 1, id: 4, retain: true }),
    publishPacket('a', '2', { qos: 1, id: 5 }),
  );
  await waitFor('taken', () => intake.values('a').length === 2);
  t.same(client.acks(), []);
  intake.commit();
  await waitFor('acknowledged', () => client.acks().length === 5);
  t.same(client.acks(), [1, 2, 3, 4, 5]);
});

t.test('a repeat that overtakes the commit of the first copy waits for it', async (t) => {
  const { collector, intake, port } = await runBroker(t);
  const client = await RawClient.connect(port, 'car7');
  client.send(publishPacket('a', '1', { qos: 1, id: 9 }));
  await waitFor('taken', () => intake.values('a').length === 1);
  await client.cut();
  const again = await RawClient.connect(port, 'car7');
  again.send(publishPacket('a', '1', { qos: 1, id: 9, dup: true }));
  await waitFor('recognised', () => collector.details().repeats === 1);
  t.same(again.acks(), []);
  intake.commit();
  await waitFor('acknowledged', () => again.acks().length === 1);
  t.same(intake.values('a'), [1]);
});

t.test('a message that was not committed before a kill is stored when it is repeated', async (t) => {
  const first = await runBroker(t);
  const client = await RawClient.connect(first.port, 'car7');
  client.send(publishPacket('a', '1', { qos: 1, id: 9 }));
  await waitFor('taken', () => first.intake.values('a').length === 1);
  const second = await runBroker(t, {}, first.intake.crash());
  t.same(second.intake.values('a'), []);
  const again = await RawClient.connect(second.port, 'car7');
  again.send(publishPacket('a', '1', { qos: 1, id: 9, dup: true }));
  await waitFor('taken again', () => second.intake.values('a').length === 1);
  second.intake.commit();
  await waitFor('acknowledged', () => again.acks().length === 1);
});

t.test('a repeat at QoS 2 before its PUBREL is stored once, behind it the packet id is free', async (t) => {
  const { intake, port } = await runBroker(t, {}, new FakeIntake(0));
  const client = await RawClient.connect(port, 'x');
  client.send(publishPacket('a', '1', { qos: 2, id: 5 }));
  await waitFor('PUBREC', () => client.packets.length === 1);
  client.send(publishPacket('a', '1', { qos: 2, id: 5 }));
  await waitFor('PUBREC again', () => client.packets.length === 2);
  client.send(pubrelPacket(5));
  await waitFor('PUBCOMP', () => client.packets.length === 3);
  client.send(publishPacket('a', '1', { qos: 2, id: 5 }));
  await waitFor('PUBREC for the new one', () => client.packets.length === 4);
  t.same(client.received(), ['50020005', '50020005', '70020005', '50020005']);
  t.same(intake.values('a'), [1, 1]);
});

t.test('the same words are new words where nothing was left to repeat', async (t) => {
  const { intake, port } = await runBroker(t, {}, new FakeIntake(0));
  for (let time = 0; time < 3; time++) {
    const client = await RawClient.connect(port, 'door');
    client.send(publishPacket('door', 'open', { qos: 1, id: 1 }));
    await waitFor('PUBACK', () => client.acks().length === 1);
    // The same packet id again on one connection, without the flag.
    client.send(publishPacket('door', 'open', { qos: 1, id: 1 }));
    await waitFor('PUBACK', () => client.acks().length === 2);
    client.send(Uint8Array.of(0xe0, 0));
    await waitFor('goodbye', () => client.closed);
  }
  t.same(intake.values('door'), new Array(6).fill('open'));
});

t.test('with `repeats: flagged` only the DUP flag makes a repeat', async (t) => {
  const { intake, port } = await runBroker(t, { repeats: 'flagged' }, new FakeIntake(0));
  for (const dup of [false, false, true]) {
    const client = await RawClient.connect(port, 'door');
    client.send(publishPacket('door', 'open', { qos: 1, id: 1, dup }));
    await waitFor('PUBACK', () => client.acks().length === 1);
    await client.cut();
  }
  t.same(intake.values('door'), ['open', 'open']);
});

t.test('clients without an id are told apart by their address, and their flagged repeats are recognised', async (t) => {
  const { intake, port } = await runBroker(t, {}, new FakeIntake(0));
  for (const dup of [false, true, false]) {
    const client = await RawClient.connect(port, '');
    client.send(publishPacket('a', '1', { qos: 1, id: 1, dup }));
    await waitFor('PUBACK', () => client.acks().length === 1);
    await client.cut();
  }
  t.same(intake.values('a'), [1, 1]);
});

t.test('mqtt.js loses its connection again and again, and every message is stored once', async (t) => {
  const { collector, intake, port } = await runBroker(t, {}, new FakeIntake(3));
  const options = { host: '127.0.0.1', port, clientId: 'flaky', reconnectPeriod: 5, clean: false };
  const client = await mqtt.connectAsync(options);
  t.teardown(() => client.endAsync(true));
  const sent: number[] = [];
  const cuts = setInterval(() => client.stream.destroy(), 40);
  // A client that still repeats its old messages when its line is cut again gives up those it has not sent at all.
  const publish = async (n: number): Promise<void> => {
    const qos = n % 3 === 2 ? 2 : 1;
    await client.publishAsync('n', String(n), { qos }).catch(() => publish(n));
  };
  // A cut that comes when nothing is on its way makes no repeat: then until one does.
  while (sent.length < 300 || (collector.details().repeats === 0 && sent.length < 10_000)) {
    const next = Array.from({ length: 10 }, (_, n) => sent.length + n);
    sent.push(...next);
    await Promise.all(next.map(publish));
  }
  clearInterval(cuts);
  t.same(
    [...intake.values('n')].sort((a, b) => Number(a) - Number(b)),
    sent,
  );
  t.ok(collector.details().repeats > 0, `${collector.details().repeats} repeats recognised`);
});
