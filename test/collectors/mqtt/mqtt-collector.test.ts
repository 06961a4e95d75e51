import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import mqtt from 'mqtt';
import t from 'tap';
import { CollectorCounters } from '../../../collectors/collector.ts';
import { LINE_REASONS } from '../../../collectors/line-protocol/line-fault.ts';
import { CLIENT_STATES_MAX, ClientStates } from '../../../collectors/mqtt/client-states.ts';
import { MqttConfig, mqttSettings } from '../../../collectors/mqtt/config.ts';
import { MqttCollector } from '../../../collectors/mqtt/mqtt-collector.ts';
import { encodePackedFrame } from '../../../collectors/mqtt/packed-frame.ts';
import { GUARD_REASONS } from '../../../collectors/mqtt/packet-rules.ts';
import { PAYLOAD_REASONS } from '../../../collectors/payload/payload-error.ts';
import { PROJECT_ROOT } from '../../data-dir.ts';
import { freePort } from '../../free-port.ts';
import { waitFor } from '../../wait-for.ts';
import { FakeClock, FakeIntake } from './fake-intake.ts';
import { field, idBytes, packet, publishPacket, RawClient } from './raw-client.ts';
import { runBroker } from './running-broker.ts';

t.test('everything has a default, and the default port is closed to other machines', async (t) => {
  t.match(mqttSettings({}), {
    listen: '127.0.0.1',
    port: 1883,
    users: [],
    topics: [],
    limits: { packetBytesMax: 262_144, clientsMax: 256, topicBytesMax: 512, topicLevelsMax: 32, inflightMax: 1024 },
  });
  t.match(mqttSettings({ topics: [{ filter: 'a' }] }).topics, [
    { channel: '{topic}', payload: 'auto', timestamp: 'arrival' },
  ]);
});

const refused: [what: string, config: MqttConfig, message: RegExp][] = [
  ['to listen wider than loopback without users', { listen: '0.0.0.0' }, /listen 0\.0\.0\.0 is wider than loopback/],
  ['a rule that cannot be', { topics: [{ filter: 'a/#/b' }] }, /filter a\/#\/b/],
];
for (const [what, config, message] of refused) {
  t.test(`refuses ${what} at start`, async (t) => {
    const collector = new MqttCollector(
      { port: 0, ...config },
      { source: 'mqtt', intake: new FakeIntake(), clock: new FakeClock() },
    );
    await t.rejects(collector.start(), { code: 'config-invalid', message });
    await collector.stop();
  });
}

t.test('listens wider than loopback where users are named', async (t) => {
  const { port } = await runBroker(t, { listen: '0.0.0.0', users: [{ name: 'a', password: 'b' }] });
  t.ok(port > 0);
});

t.test('a port that is taken is a state in health, and is opened when it is free', async (t) => {
  const port = await freePort();
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  const { collector } = await runBroker(t, { port });
  t.match(collector.health(), { state: 'waiting', problem: new RegExp(`127.0.0.1:${port}`) });
  other.close();
  await waitFor('listening', () => collector.port === port);
  t.equal(collector.health().state, 'starting');
  t.notOk(collector.health().problem);
});

t.test('topics become channels with the type, unit and time of their rule', async (t) => {
  const { clock, collector, intake, port } = await runBroker(t, {
    prefix: 'site',
    topics: [
      { filter: 'pump/+/pressure', channel: 'pumps/{1}/p', unit: 'bar', payload: 'number' },
      { filter: 'log/#', timestamp: { field: 'at', unit: 's' } },
    ],
  });
  const client = await RawClient.connect(port, '');
  const frame = encodePackedFrame({
    baseTimeUs: 5e6,
    channels: [{ type: 'i16', name: 'x', firstUs: 0, intervalUs: 10, gain: 0.5, offset: 0, values: Int16Array.of(3) }],
  });
  client.send(
    publishPacket('pump/7/pressure', '4.5'),
    publishPacket('log/a', '{"at":2,"on":true,"n":1}'),
    publishPacket('word', 'hello'),
    publishPacket('fast', frame),
  );
  await waitFor('all', () => intake.samples.length === 5);
  t.same(intake.samples, [
    { channel: 'site/pumps/7/p', time: clock.time, value: 4.5 },
    { channel: 'site/log/a/on', time: 2e6, value: 1 },
    { channel: 'site/log/a/n', time: 2e6, value: 1 },
    { channel: 'site/word', time: clock.time, value: 'hello' },
    { channel: 'site/fast/x', time: 5e6, value: 1.5 },
  ]);
  t.match(intake.channels.get('site/pumps/7/p'), { type: 'number', unit: 'bar', stamp: 'arrival', source: 'mqtt' });
  t.match(intake.channels.get('site/log/a/on'), { type: 'bool', unit: '', stamp: 'device' });
  t.match(intake.channels.get('site/word'), { type: 'text', unit: '' });
  t.match(intake.channels.get('site/fast/x'), { stamp: 'device', scale: { gain: 0.5, offset: 0 } });
  t.match(collector.health(), {
    state: 'running',
    received: 4,
    samples: 5,
    errors: {},
    dropped: 0,
    lastSeen: clock.time,
  });
});

t.test('a channel keeps its type and its kind of time, and what does not fit stands beside it', async (t) => {
  const { clock, intake, port } = await runBroker(t);
  const client = await RawClient.connect(port, '');
  const frame = (baseTimeUs: number) =>
    encodePackedFrame({
      baseTimeUs,
      channels: [{ type: 'f32', name: '', firstUs: 0, intervalUs: 0, values: Float32Array.of(9) }],
    });
  client.send(
    publishPacket('t', '1'),
    publishPacket('t', 'n/a'),
    publishPacket('t', 'true'),
    publishPacket('t', frame(7e6)),
    publishPacket('s', 'text'),
    publishPacket('s', '5'),
    publishPacket('d', frame(8e6)),
    publishPacket('d', frame(0)),
  );
  await waitFor('all', () => intake.samples.length === 8);
  t.same(
    intake.samples.map(({ channel, value, time }) => [channel, value, time]),
    [
      ['t', 1, clock.time],
      ['t/text', 'n/a', clock.time],
      ['t', 1, clock.time],
      ['t/device', 9, 7e6],
      ['s', 'text', clock.time],
      ['s', '5', clock.time],
      ['d', 9, 8e6],
      ['d/arrival', 9, clock.time],
    ],
  );
  t.match(intake.channels.get('t'), { type: 'number', stamp: 'arrival' });
  t.match(intake.channels.get('d/arrival'), { stamp: 'arrival' });
});

t.test('the connection of each client is a channel, and a lost one publishes its will', async (t) => {
  const { intake, port } = await runBroker(t);
  const will = { topic: 'car7/status', payload: 'gone' };
  const lost = await RawClient.connect(port, 'car7', { will });
  await lost.cut();
  await waitFor('will', () => intake.values('car7/status').length === 1);
  const polite = await RawClient.connect(port, 'car7', { will });
  polite.send(packet(0xe0));
  await waitFor('offline', () => intake.values('mqtt/clients/car7/state').length === 4);
  t.same(intake.values('mqtt/clients/car7/state'), ['online', 'lost', 'online', 'offline']);
  t.same(intake.values('car7/status'), ['gone']);
});

t.test('a client that connects again takes over its own connection', async (t) => {
  const { intake, port } = await runBroker(t);
  const first = await RawClient.connect(port, 'a/b');
  await RawClient.connect(port, 'a/b');
  await waitFor('closed', () => first.closed);
  t.same(intake.values('mqtt/clients/a_b/state'), ['online', 'lost', 'online']);
});

t.test('shared subscriptions are refused, and those to what only the gateway reads', async (t) => {
  const { collector, intake, port } = await runBroker(t, { private: ['a/2', 'c/#'] }, new FakeIntake(0));
  const client = await RawClient.connect(port, '');
  const filters = ['a/#', '$share/g/a', 'a/2', 'c/+/d'].flatMap((filter) => [field(filter), Uint8Array.of(0)]);
  client.send(packet(0x82, idBytes(1), ...filters));
  await waitFor('SUBACK', () => client.packets.length === 1);
  t.same(client.received(), ['9006000100808080']);
  t.same(collector.health().errors, { 'subscribe-shared': 1, 'subscribe-private': 2 });
  client.packets.length = 0;
  const other = await RawClient.connect(port, '');
  other.send(publishPacket('a/2', '7', { qos: 1, id: 2, retain: true }));
  other.send(publishPacket('a/1', 'x', { qos: 1, id: 3, retain: true }), publishPacket('b', 'y'));
  await waitFor('forwarded', () => client.packets.length === 1);
  t.same(intake.values('a/2'), [7]);
  t.same(client.received(), [publishPacket('a/1', 'x').toString('hex')]);
  const late = await RawClient.connect(port, '');
  late.send(packet(0x82, idBytes(2), field('#'), Uint8Array.of(0)));
  await waitFor('retained', () => late.packets.length === 2);
  t.same(late.received(), ['9003000200', publishPacket('a/1', 'x', { retain: true }).toString('hex')]);
});

t.test('a subscriber that does not read costs messages to itself and nothing to others', async (t) => {
  const { collector, intake, port } = await runBroker(t, {}, new FakeIntake(0));
  const slow = await mqtt.connectAsync({ host: '127.0.0.1', port });
  t.teardown(() => slow.endAsync(true));
  await slow.subscribeAsync('#');
  slow.stream.pause();
  const client = await RawClient.connect(port, '');
  const payload = 'x'.repeat(50_000);
  let sent = 0;
  while (collector.details().forwardsDropped === 0 && sent < 2000) {
    client.send(publishPacket('big', payload, { qos: 1, id: ++sent }));
    await waitFor('PUBACK', () => client.acks().length === sent);
  }
  t.ok(collector.details().forwardsDropped > 0, `dropped from message ${sent} on`);
  t.equal(intake.values('big').length, sent);
});

t.test('clients with ever new ids do not make ever new channels', async (t) => {
  const intake = new FakeIntake();
  const states = new ClientStates(intake, new FakeClock(), 'mqtt', new CollectorCounters());
  for (let n = 0; n < CLIENT_STATES_MAX + 5; n++) states.set(`random-${n}`, 'online');
  states.set('random-0', 'lost');
  t.equal(intake.channels.size, CLIENT_STATES_MAX);
  t.same([states.beyond, intake.values('mqtt/clients/random-0/state')], [5, ['online', 'lost']]);
});

t.test('the README names every reason with its meaning', async (t) => {
  const page = readFileSync(join(PROJECT_ROOT, 'collectors/mqtt/README.md'), 'utf8');
  const rows = page.slice(page.indexOf('## Reasons'), page.indexOf('## Limits')).match(/^\| `.*$/gm);
  const inner = rows?.map((row) => row.replace(/ {2,}/g, ' '));
  const reasons = Object.entries({ ...PAYLOAD_REASONS, ...LINE_REASONS, ...GUARD_REASONS });
  t.same(
    inner,
    reasons.map(([reason, meaning]) => `| \`${reason}\` | ${meaning} |`),
  );
});

t.test('the schema refuses what is out of range or unknown', async (t) => {
  t.ok(Value.Check(MqttConfig, {}));
  t.ok(Value.Check(MqttConfig, mqttSettings({ topics: [{ filter: 'a', timestamp: { field: 'b', unit: 'ns' } }] })));
  const wrong = [
    { port: 70_000 },
    { prot: 1 },
    { limits: { packetBytesMax: 1 } },
    { limits: { clients: 1 } },
    { topics: [{ payload: 'json' }] },
    { topics: [{ filter: 'a', payload: 'xml' }] },
    { topics: [{ filter: 'a', timestamp: { field: 'b', unit: 'h' } }] },
    { users: [{ name: 'a' }] },
    { repeats: 'never' },
  ];
  for (const section of wrong) t.notOk(Value.Check(MqttConfig, section), JSON.stringify(section));
});
