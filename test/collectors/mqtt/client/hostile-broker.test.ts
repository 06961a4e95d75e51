import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { requireTools } from '../../../debian.ts';
import { waitFor } from '../../../wait-for.ts';
import { FakeIntake } from '../fake-intake.ts';
import { idBytes, packet, publishPacket, pubrelPacket, RawClient } from '../raw-client.ts';
import { FakeBroker } from './fake-broker.ts';
import { MosquittoBroker } from './mosquitto-broker.ts';
import { runClient, startClient } from './running-client.ts';

// The slow ones wait for time-outs, and for each other's sake side by side.
t.jobs = 3;

const CONNACK = packet(0x20, Buffer.of(0, 0));
const SUBACK = packet(0x90, idBytes(1), Buffer.of(1));

/** Something that listens and does with a connection what the test says; its port. */
async function listen(t: Test, onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

t.test('a connection on which nothing comes any more is given up, and made anew', { buffered: true }, async (t) => {
  const broker = await FakeBroker.start(t);
  const { collector, intake } = await runClient(t, { port: broker.port, keepAliveSeconds: 5 }, new FakeIntake(0));
  broker.isMute = true;
  await waitFor('given up', () => collector.details().failures > 0);
  broker.isMute = false;
  t.match(collector.details().lastFailure, /keepalive|answer/i);
  await waitFor('made anew', () => intake.values('plant/state').length === 3);
  t.same(intake.values('plant/state'), ['online', 'lost', 'online']);
});

t.test('a port behind which nobody answers is given up, and named', { buffered: true }, async (t) => {
  let connections = 0;
  const port = await listen(t, () => connections++);
  const { collector } = await startClient(t, { port });
  await waitFor('given up', () => collector.details().failures > 0);
  t.equal(collector.health().state, 'waiting');
  t.match(collector.health().problem, new RegExp(`^broker 127\\.0\\.0\\.1:${port}: `));
  await waitFor('made anew', () => connections === 2);
});

t.test(
  'a mosquitto that is killed under load again and again costs no message that it kept',
  { buffered: true },
  async (t) => {
    if (!requireTools(t, 'mosquitto-broker')) return;
    const broker = await MosquittoBroker.start(t, ['autosave_on_changes true', 'autosave_interval 1']);
    const { collector, intake } = await runClient(t, { port: broker.port }, new FakeIntake(5));
    const rounds = 3;
    const each = 500;
    for (let round = 0; round < rounds; round++) {
      const sender = await RawClient.connect(broker.port, 'sender');
      const publish = (from: number, to: number) => {
        for (let n = from; n < to; n++)
          sender.send(publishPacket('load', String(round * each + n), { qos: 1, id: n + 1 }));
      };
      publish(0, each);
      await waitFor('acknowledged by the broker', () => sender.acks().length === each);
      const last = round * each + each - 1;
      await waitFor('all of the round', () => intake.values('load').includes(last));
      publish(each, 2 * each);
      await broker.stop('SIGKILL');
      await waitFor('lost', () => intake.values('plant/state').at(-1) === 'lost');
      await broker.start();
      await waitFor('back', () => intake.values('plant/state').at(-1) === 'online');
    }
    const values = intake.values('load').map(Number);
    for (let round = 0; round < rounds; round++) {
      const sent = values.filter((value) => value >= round * each && value < (round + 1) * each);
      t.equal(new Set(sent).size, each, `round ${round}`);
    }
    t.equal(collector.details().connections, rounds + 1);
  },
);

const garbage: [what: string, bytes: Uint8Array][] = [
  ['a page of the web', Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')],
  ['a greeting of SSH', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')],
  ['an alert of TLS', Buffer.from('15030300020228', 'hex')],
  ['a length of five bytes', Buffer.of(0x20, 0xff, 0xff, 0xff, 0xff, 0x7f)],
  ['a CONNACK without content', Buffer.of(0x20, 0)],
  ['a PUBLISH before the CONNACK', publishPacket('a', '1', { qos: 1 })],
  ['two CONNACKs', Buffer.concat([CONNACK, CONNACK])],
  ['a PUBREL with wrong flags', Buffer.concat([CONNACK, packet(0x60, idBytes(1))])],
  ['a CONNECT', Buffer.concat([CONNACK, packet(0x10, Buffer.alloc(12))])],
  ['a PUBLISH of a wildcard', Buffer.concat([CONNACK, SUBACK, publishPacket('a/#', '1')])],
  ['zeros', Buffer.alloc(4096)],
];
for (const [what, bytes] of garbage) {
  t.test(`a broker that answers ${what} neither ends the process nor gives samples`, async (t) => {
    const port = await listen(t, (socket) => {
      socket.once('data', () => socket.end(bytes));
    });
    const { collector, intake } = await startClient(t, { port }, new FakeIntake(0));
    await waitFor('given up', () => collector.details().failures > 0);
    t.equal(collector.health().state, 'waiting');
    t.same(intake.values('a'), []);
  });
}

t.test('whatever bytes a broker answers, the client lives, and serves the next that makes sense', async (t) => {
  const wires = [CONNACK, SUBACK, publishPacket('a', '1', { qos: 2, id: 7 }), pubrelPacket(7), packet(0xd0)];
  const piece = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(...wires));
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
      let isAnswered = false;
      const port = await listen(t, (socket) => {
        if (isAnswered) return;
        isAnswered = true;
        socket.once('data', () => socket.end(Buffer.concat(pieces)));
      });
      const { collector } = await startClient(t, { port }, new FakeIntake(0));
      await waitFor('given up', () => collector.details().failures > 0);
      await collector.stop();
    }),
    { numRuns: 60 },
  );
});

t.test('a broker that sends byte by byte is understood', async (t) => {
  const broker = await FakeBroker.start(t);
  const { intake } = await runClient(t, { port: broker.port }, new FakeIntake(0));
  const messages = Array.from({ length: 20 }, (_, n) => publishPacket('a', String(n), { qos: 1, id: n + 1 }));
  for (const byte of Buffer.concat(messages)) {
    broker.send(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await waitFor('acknowledged', () => broker.sent(4).length === 20);
  t.same(
    intake.values('a'),
    messages.map((_, n) => n),
  );
});
