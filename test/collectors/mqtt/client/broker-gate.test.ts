import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import t from 'tap';
import { BrokerGate } from '../../../../collectors/mqtt/client/broker-gate.ts';
import { TopicNames } from '../../../../collectors/mqtt/topic-names.ts';
import { waitFor } from '../../../wait-for.ts';
import { packet, publishPacket } from '../raw-client.ts';

const CONNACK_PACKET = packet(0x20, Buffer.of(0, 0));
const PINGREQ_PACKET = packet(0xc0);
const PINGRESP_PACKET = packet(0xd0);

t.test(
  'a broker that is not read on counts as one that answers pings, and one that is read on answers itself',
  async (t) => {
    const accepted: Socket[] = [];
    const server = createServer((socket) => accepted.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
    let hasRoom = true;
    let taken = 0;
    const limits = { packetBytesMax: 1024, topicBytesMax: 512, topicLevelsMax: 32, inflightMax: 10 };
    const gate = new BrokerGate(socket, {
      limits,
      version: '3.1.1',
      topics: new TopicNames(limits),
      identity: Buffer.from('broker'),
      canTake: () => hasRoom,
      received: () => {
        taken++;
      },
      failed: () => {},
      released: () => {},
      refused: () => {},
    });
    t.teardown(() => {
      gate.destroy();
      for (const peer of accepted) peer.destroy();
      server.close();
    });
    let forLibrary = Buffer.alloc(0);
    gate.on('data', (chunk: Buffer) => {
      forLibrary = Buffer.concat([forLibrary, chunk]);
    });
    let forBroker = Buffer.alloc(0);
    await waitFor('connected', () => accepted.length === 1);
    const [peer] = accepted;
    peer?.on('data', (chunk: Buffer) => {
      forBroker = Buffer.concat([forBroker, chunk]);
    });
    peer?.write(CONNACK_PACKET);
    await waitFor('let in', () => forLibrary.equals(CONNACK_PACKET));
    forLibrary = Buffer.alloc(0);
    hasRoom = false;
    peer?.write(publishPacket('a', '1'));
    await waitFor('held', () => socket.isPaused());
    gate.write(PINGREQ_PACKET);
    await waitFor('answered', () => forLibrary.equals(PINGRESP_PACKET));
    await waitFor('pinged all the same', () => forBroker.equals(PINGREQ_PACKET));
    t.equal(taken, 0);
    hasRoom = true;
    gate.pump();
    t.equal(taken, 1);
    gate.write(PINGREQ_PACKET);
    await waitFor('pinged', () => forBroker.length === 4);
    t.equal(forLibrary.length, 2);
    peer?.write(PINGRESP_PACKET);
    await waitFor('the answer', () => forLibrary.length === 4);
  },
);
