import { Buffer } from 'node:buffer';
import t from 'tap';
import {
  type AcknowledgementType,
  Session,
  type SessionOwner,
  UNACKED_MESSAGES_MAX,
} from '../../../../collectors/mqtt/distribution/session.ts';
import {
  GIVES_WAY_US,
  SESSION_BYTES_MAX,
  SESSIONS_MAX,
  Sessions,
} from '../../../../collectors/mqtt/distribution/sessions.ts';
import type { QoS } from '../../../../collectors/mqtt/message.ts';
import { waitFor } from '../../../wait-for.ts';
import { FakeIntake } from '../fake-intake.ts';
import { field, idBytes, packet, publishPacket, RawClient } from '../raw-client.ts';
import { runBroker } from '../running-broker.ts';

/** A connection that keeps what it is sent, as hex. */
class Link {
  isBehind = false;
  readonly sent: string[] = [];

  send(bytes: Uint8Array): void {
    this.sent.push(Buffer.from(bytes).toString('hex'));
  }
}

class Owner implements SessionOwner {
  drops = 0;
  bytes = 0;
  readonly changes: number[] = [];

  reserve(bytes: number): boolean {
    this.bytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.bytes -= bytes;
  }

  changed(_session: Session, packetId: number): void {
    this.changes.push(packetId);
  }

  dropped(): void {
    this.drops++;
  }
}

const message = (qos: QoS, payload = 'x', isRetained = false) => ({
  ...{ topic: 'a', payload: Buffer.from(payload), qos, isRetained },
});

function connected(isKept: boolean) {
  const owner = new Owner();
  const session = new Session('watcher', isKept, owner);
  const link = new Link();
  session.attach(link);
  return { owner, session, link };
}

/** What a subscriber may say of the message with id 1, and whether that is in order. */
const CASES: readonly [qos: 1 | 2, said: readonly AcknowledgementType[], isInOrder: boolean, pubrels: number][] = [
  [1, ['PUBACK'], true, 0],
  [1, ['PUBREC'], false, 0],
  [1, ['PUBCOMP'], false, 0],
  [2, ['PUBREC', 'PUBCOMP'], true, 1],
  [2, ['PUBREC', 'PUBREC', 'PUBCOMP'], true, 2],
  [2, ['PUBACK'], false, 0],
  [2, ['PUBCOMP'], false, 0],
  [2, ['PUBREC', 'PUBACK'], false, 1],
];
for (const isKept of [true, false]) {
  for (const [qos, said, isInOrder, pubrels] of CASES) {
    t.test(`a message at QoS ${qos} to a ${isKept ? 'kept' : 'clean'} session, and ${said.join(', ')}`, async (t) => {
      const { owner, session, link } = connected(isKept);
      session.offer(message(qos), 2);
      const verdicts = said.map((type) => session.acknowledge(type, 1));
      t.same(verdicts, [...said.slice(1).map(() => true), isInOrder]);
      t.equal(link.sent.filter((bytes) => bytes === '62020001').length, pubrels);
      t.equal(session.isPresent, !isInOrder);
      if (isInOrder) t.equal(owner.bytes, 0);
    });
  }
}

t.test('an acknowledgement of what nobody knows is in order, and a PUBREC is answered', async (t) => {
  const { session, link } = connected(true);
  t.ok((['PUBACK', 'PUBREC', 'PUBCOMP'] as const).every((type) => session.acknowledge(type, 77)));
  t.same(link.sent, ['6202004d']);
});

t.test(
  'what is not acknowledged comes again in its order, flagged, under the same ids; what is received is released',
  async (t) => {
    const { session, link } = connected(true);
    session.offer(message(1, 'one'), 2);
    session.offer(message(2, 'two'), 2);
    session.offer(message(2, 'three'), 1);
    session.acknowledge('PUBREC', 2);
    t.ok(session.detach(link, 5));
    session.offer(message(1, 'four'), 2);
    const next = new Link();
    session.attach(next);
    const publish = (id: number, payload: string, qos: 1 | 2, dup: boolean) =>
      publishPacket('a', payload, { qos, id, dup }).toString('hex');
    t.same(next.sent, [
      publish(1, 'one', 1, true),
      '62020002',
      publish(3, 'three', 1, true),
      publish(4, 'four', 1, false),
    ]);
    t.notOk(session.detach(link, 5), 'a connection that was replaced says nothing');
  },
);

t.test('packet ids go round and leave out those in use', async (t) => {
  const { session, link } = connected(true);
  session.offer(message(1, 'stays'), 1);
  for (let n = 0; n < 65_535; n++) {
    session.offer(message(1), 1);
    const id = Number.parseInt(link.sent.at(-1)?.slice(10, 14) ?? '', 16);
    if (id === 1) t.fail('the id of a message that is still open');
    session.acknowledge('PUBACK', id);
  }
  t.equal(session.delivery(1)?.message.payload.toString(), 'stays');
});

t.test('a clean session holds no message, sends none to who is behind, and ends what it awaits', async (t) => {
  const { owner, session, link } = connected(false);
  for (let n = 0; n < UNACKED_MESSAGES_MAX + 3; n++) session.offer(message(1), 1);
  t.same([owner.drops, owner.bytes], [3, 0]);
  session.detach(link, 0);
  session.attach(link);
  link.isBehind = true;
  session.offer(message(1), 1);
  session.offer(message(0), 1);
  t.equal(owner.drops, 5);
});

t.test('a retained message to a kept session is sent and not held', async (t) => {
  const { owner, session, link } = connected(true);
  session.offer(message(1, 'last', true), 1);
  t.same([link.sent, owner.bytes], [[publishPacket('a', 'last', { qos: 1, id: 1, retain: true }).toString('hex')], 0]);
});

t.test('when there are too many sessions, the one away longest gives way, if that is long enough', async (t) => {
  const ended: string[] = [];
  const sessions = new Sessions(
    () => {},
    ({ clientId }) => ended.push(clientId),
  );
  for (let n = 0; n < SESSIONS_MAX; n++) sessions.open(`c${n}`, false, 0).awaySince = n === 7 ? 1 : 10 + n;
  t.notOk(sessions.open('new', false, GIVES_WAY_US).isKept);
  t.ok(sessions.open('new', false, GIVES_WAY_US + 1).isKept);
  t.same([ended, sessions.refused, sessions.evicted], [['c7'], 1, 1]);
});

t.test('all sessions together hold no more bytes than they may', async (t) => {
  const sessions = new Sessions(
    () => {},
    () => {},
  );
  const [one, other] = ['one', 'other'].map((id) => sessions.open(id, false, 0));
  const large = { topic: 'a', payload: Buffer.alloc(SESSION_BYTES_MAX / 2), qos: 1, isRetained: false } as const;
  one?.offer(large, 1);
  other?.offer(large, 1);
  t.equal(sessions.droppedMessages, 1);
  sessions.open('one', true, 0);
  other?.offer(large, 1);
  t.equal(sessions.droppedMessages, 1, 'the end of a session makes room');
});

t.test('a SUBACK has a code for every filter, the same one twice included', async (t) => {
  const { port } = await runBroker(t, {}, new FakeIntake(0));
  const client = await RawClient.connect(port, 'x');
  const filters = ['a', 'b', 'a', '$share/x/a'].flatMap((filter, at) => [field(filter), Buffer.of(at % 3)]);
  client.send(packet(0x82, idBytes(9), ...filters));
  await waitFor('SUBACK', () => client.packets.length === 1);
  t.same(client.received(), ['9006000900010280']);
});

for (const filter of ['a/b#', 'a/#/b', '#a', 'a+', '+a/b', 'a/+b', '##', '++']) {
  t.test(`closes the connection at a subscription to ${filter}`, async (t) => {
    const { collector, port } = await runBroker(t, {}, new FakeIntake(0));
    const client = await RawClient.connect(port, 'x');
    client.send(packet(0x82, idBytes(9), field(filter), Buffer.of(0)));
    await waitFor('closed', () => client.closed);
    t.same(collector.health().errors, { 'subscribe-malformed': 1 });
  });
}

t.test('a subscriber that acknowledges by the wrong kind of packet is closed, and counted', async (t) => {
  const { collector, port } = await runBroker(t, {}, new FakeIntake(0));
  const client = await RawClient.connect(port, 'x');
  client.send(packet(0x82, idBytes(9), field('a'), Buffer.of(1)), publishPacket('a', '1', { qos: 1, id: 5 }));
  await waitFor('the message', () => client.packets.some(({ type }) => type === 3));
  client.send(packet(0x50, idBytes(1)));
  await waitFor('closed', () => client.closed);
  t.same(collector.health().errors, { 'acknowledgement-kind': 1 });
});
