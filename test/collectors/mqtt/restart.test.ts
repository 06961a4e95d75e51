import { Buffer } from 'node:buffer';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { MqttConfig } from '../../../collectors/mqtt/config.ts';
import { MqttCollector } from '../../../collectors/mqtt/mqtt-collector.ts';
import { waitFor } from '../../wait-for.ts';
import { FakeClock, FakeIntake } from './fake-intake.ts';
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

const subscribe = (filter: string, qos: number) => packet(0x82, idBytes(1), field(filter), Buffer.of(qos));

function stateFile(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'mqtt-restart-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'devices.state');
}

async function start(t: Test, stateFile: string, config: MqttConfig = {}) {
  const context = { source: 'mqtt', intake: new FakeIntake(0), clock: new FakeClock(), stateFile };
  const collector = new MqttCollector({ port: 0, ...config }, context);
  await collector.start();
  let isStopped = false;
  const stop = async () => {
    if (!isStopped) await collector.stop();
    isStopped = true;
  };
  t.teardown(stop);
  return { collector, port: collector.port ?? 0, stop };
}

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

/** Sends `packets` and waits until as many packets came as it asks for. */
async function ask(client: RawClient, answers: number, ...packets: Uint8Array[]): Promise<string[]> {
  client.packets.length = 0;
  client.send(...packets);
  await waitFor(`${answers} answers`, () => client.packets.length >= answers);
  return client.received();
}

t.test('sessions, what they hold, and retained messages are there after a restart', async (t) => {
  const path = stateFile(t);
  const first = await start(t, path);
  const { client } = await resume(first.port, 'watcher');
  t.same(await ask(client, 1, subscribe('a/#', 2)), ['9003000102']);
  await leave(client);
  const sender = await RawClient.connect(first.port, 'sender');
  await ask(
    sender,
    4,
    publishPacket('a/1', 'one', { qos: 1, id: 1 }),
    publishPacket('a/2', 'two', { qos: 2, id: 2 }),
    publishPacket('r/1', 'kept', { qos: 1, id: 3, retain: true }),
    publishPacket('r/2', 'gone', { qos: 1, id: 4, retain: true }),
  );
  await ask(sender, 1, publishPacket('r/2', '', { qos: 1, id: 5, retain: true }));
  await first.stop();

  const second = await start(t, path);
  const again = await resume(second.port, 'watcher');
  t.ok(again.isPresent);
  await waitFor('both', () => again.client.packets.length === 2);
  const met = again.client.received();
  t.same(met, [
    publishPacket('a/1', 'one', { qos: 1, id: 1, dup: true }).toString('hex'),
    publishPacket('a/2', 'two', { qos: 2, id: 2, dup: true }).toString('hex'),
  ]);
  t.same(await ask(again.client, 1, packet(0x40, idBytes(1)), packet(0x50, idBytes(2))), ['62020002']);
  const late = await RawClient.connect(second.port, '');
  t.same(await ask(late, 2, subscribe('r/#', 0)), [
    '9003000100',
    publishPacket('r/1', 'kept', { retain: true }).toString('hex'),
  ]);
  await second.stop();

  const third = await start(t, path);
  const released = await resume(third.port, 'watcher');
  await waitFor('PUBREL', () => released.client.packets.length === 1);
  t.same(released.client.received(), ['62020002'], 'what was received is released, not sent again');
  t.same(await ask(released.client, 1, packet(0x70, idBytes(2)), PINGREQ_PACKET), ['d000']);
  const after = await RawClient.connect(third.port, 'after');
  await ask(after, 1, publishPacket('a/3', 'live', { qos: 1, id: 1 }));
  await waitFor('live', () => released.client.packets.length === 2);
  t.same(released.client.received()[1], publishPacket('a/3', 'live', { qos: 1, id: 3 }).toString('hex'));
});

t.test('a session that ended is not there after a restart, nor what a topic held that is private by now', async (t) => {
  const path = stateFile(t);
  const first = await start(t, path);
  const { client } = await resume(first.port, 'watcher');
  await ask(client, 1, subscribe('a/#', 2));
  await leave(client);
  const sender = await RawClient.connect(first.port, 'sender');
  await ask(
    sender,
    2,
    ...['a/1', 'secret/1'].map((topic, at) => publishPacket(topic, 'x', { qos: 1, id: at + 1, retain: true })),
  );
  await leave(await RawClient.connect(first.port, 'watcher'));
  await first.stop();

  const second = await start(t, path, { private: ['secret/#'] });
  t.notOk((await resume(second.port, 'watcher')).isPresent);
  const late = await RawClient.connect(second.port, '');
  t.same(await ask(late, 2, subscribe('#', 0)), [
    '9003000100',
    publishPacket('a/1', 'x', { retain: true }).toString('hex'),
  ]);
});

t.test('whether a Sparkplug host is there is not kept: it must say so again', async (t) => {
  const path = stateFile(t);
  const first = await start(t, path);
  const host = await RawClient.connect(first.port, 'host');
  await ask(host, 1, publishPacket('spBv1.0/STATE/other', '{"online":true}', { qos: 1, retain: true }));
  await first.stop();
  const second = await start(t, path);
  const late = await RawClient.connect(second.port, '');
  t.same(await ask(late, 2, subscribe('#', 0), PINGREQ_PACKET), ['9003000100', 'd000']);
});

t.test('who is not let in ends nobody\u2019s session', async (t) => {
  const users = [{ name: 'u', password: 'p' }];
  const { port } = await start(t, stateFile(t), { users });
  const asUser = (password: string, clean: boolean) =>
    packet(0x10, field('MQTT'), Buffer.of(4, clean ? 0xc2 : 0xc0, 0, 0), field('watcher'), field('u'), field(password));
  const open = async (password: string, clean: boolean) => {
    const client = await RawClient.open(port);
    const [answer] = await ask(client, 1, asUser(password, clean));
    return { client, answer };
  };
  const first = await open('p', false);
  await ask(first.client, 1, subscribe('a', 1));
  await leave(first.client);
  t.equal((await open('wrong', true)).answer, '20020004');
  t.equal((await open('p', false)).answer, '20020100');
});

t.test('a state that cannot be written is told, and costs no message', async (t) => {
  const { collector, port } = await start(t, join(stateFile(t), 'under', 'a', 'folder', 'that', 'is', 'not'));
  const client = await RawClient.connect(port, '');
  t.same(await ask(client, 1, publishPacket('r', '1', { qos: 1, retain: true })), ['40020001']);
  await waitFor('told', () => collector.details().stateProblem !== undefined);
  t.match(collector.details().stateProblem, /ENOENT/);
});

t.test('a file of something else is begun anew', async (t) => {
  const path = stateFile(t);
  writeFileSync(path, Buffer.alloc(1000, 7));
  const { port, stop } = await start(t, path);
  const client = await RawClient.connect(port, '');
  await ask(client, 1, publishPacket('r', '1', { qos: 1, retain: true }));
  await stop();
  t.ok(existsSync(path) && readFileSync(path).includes('r'));
  t.equal(readFileSync(path, 'latin1').slice(0, 8), 'CAISSTA1');
});
