import mqtt from 'mqtt';
import t from 'tap';
import { waitFor } from '../../wait-for.ts';
import { runBroker } from './running-broker.ts';
import { decodeCommand, encodeSparkplug } from './sparkplug-edge.ts';

const birth = encodeSparkplug({
  timestamp: 1_700_000_000_000,
  seq: 0,
  metrics: [
    { name: 'bdSeq', datatype: 4, longValue: 3 },
    { name: 'speed', alias: 1, datatype: 10, doubleValue: 1 },
  ],
});
const death = encodeSparkplug({ metrics: [{ name: 'bdSeq', datatype: 4, longValue: 3 }] });
const data = (seq: number, value: number) =>
  encodeSparkplug({ timestamp: 1_700_000_001_000, seq, metrics: [{ alias: 1, doubleValue: value }] });

t.test('an edge node meets its host, is asked for its births, and dies by its will', async (t) => {
  const { collector, intake, port } = await runBroker(t, { sparkplug: { hostId: 'caisson' } });
  const will = { topic: 'spBv1.0/g/NDEATH/n', payload: death, qos: 1 as const, retain: false };
  const edge = await mqtt.connectAsync({ port, host: '127.0.0.1', clientId: 'edge', will, reconnectPeriod: 0 });
  t.teardown(() => edge.end(true));
  const states: unknown[] = [];
  const commands: [string, unknown][] = [];
  edge.on('message', (topic, payload) => {
    if (topic === 'spBv1.0/STATE/caisson') states.push(JSON.parse(payload.toString()));
    else commands.push(...decodeCommand(payload));
  });
  await edge.subscribeAsync(['spBv1.0/STATE/caisson', 'spBv1.0/g/NCMD/n']);
  await waitFor('the state of the host, retained', () => states.length === 1);
  t.strictSame(states, [{ online: true, timestamp: 1000 }]);

  edge.publish('spBv1.0/g/NDATA/n', data(1, 5));
  await waitFor('births are asked for', () => commands.length === 1);
  t.strictSame(commands, [['Node Control/Rebirth', true]]);
  edge.publish('spBv1.0/g/NBIRTH/n', birth);
  edge.publish('spBv1.0/g/NDATA/n', data(1, 2));
  edge.publish('spBv1.0/g/NDATA/n', data(2, 3));
  await waitFor('data is taken', () => intake.values('g/n/speed').length === 3);
  t.strictSame(intake.values('g/n/speed'), [1, 2, 3]);
  t.equal(intake.channels.get('g/n/speed')?.stamp, 'device');

  edge.publish('spBv1.0/g/NDATA/n', data(7, 4));
  await waitFor('births are asked for again', () => commands.length === 2);
  edge.stream.destroy();
  await waitFor('the node is offline', () => intake.values('g/n/state').length === 2);
  t.strictSame(intake.values('g/n/state'), ['online', 'offline']);
  t.strictSame(collector.health().errors, { 'sparkplug-unborn': 1, 'sparkplug-sequence': 1 });
});

t.test('a host that stops says so', async (t) => {
  const { collector, port } = await runBroker(t, { sparkplug: { hostId: 'caisson' } });
  const edge = await mqtt.connectAsync({ port, host: '127.0.0.1', reconnectPeriod: 0 });
  t.teardown(() => edge.end(true));
  const states: boolean[] = [];
  edge.on('message', (_, payload) => states.push(JSON.parse(payload.toString()).online));
  await edge.subscribeAsync('spBv1.0/STATE/caisson');
  await waitFor('the state of the host', () => states.length === 1);
  await collector.stop();
  await waitFor('the state of the host that stopped', () => states.length === 2);
  t.strictSame(states, [true, false]);
});

t.test('without a host the namespace is one like any other', async (t) => {
  const { collector, intake, port } = await runBroker(t);
  const edge = await mqtt.connectAsync({ port, host: '127.0.0.1', reconnectPeriod: 0 });
  t.teardown(() => edge.end(true));
  edge.publish('spBv1.0/g/NBIRTH/n', birth);
  await waitFor('it is refused', () => collector.health().errors['payload-unrecognised'] === 1);
  t.equal(intake.values('g/n/speed').length, 0);
});
