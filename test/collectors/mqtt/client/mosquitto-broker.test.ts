import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mqtt from 'mqtt';
import t, { type Test } from 'tap';
import { requireTools } from '../../../debian.ts';
import { waitFor } from '../../../wait-for.ts';
import { FakeIntake } from '../fake-intake.ts';
import { runBroker } from '../running-broker.ts';
import { encodeSparkplug } from '../sparkplug-edge.ts';
import { MosquittoBroker } from './mosquitto-broker.ts';
import { type PartOfConfig, type RunningClient, runClient, startClient } from './running-client.ts';

/** A client that publishes to the broker. */
async function device(t: Test, port: number) {
  const client = await mqtt.connectAsync({ host: '127.0.0.1', port, reconnectPeriod: 50 });
  client.on('error', () => {});
  t.teardown(() => client.endAsync(true));
  return client;
}

for (const version of ['3.1.1', 5] as const) {
  t.test(`MQTT ${version}: topics of a mosquitto become channels by the rules`, async (t) => {
    if (!requireTools(t, 'mosquitto-broker')) return;
    const broker = await MosquittoBroker.start(t);
    const { clock, collector, intake } = await runClient(
      t,
      {
        port: broker.port,
        version,
        qos: 2,
        prefix: 'hall',
        topics: [
          { filter: 'pump/+/pressure', channel: 'pumps/{1}/p', unit: 'bar', payload: 'number' },
          { filter: 'log/#' },
        ],
      },
      new FakeIntake(0),
    );
    const publisher = await device(t, broker.port);
    await publisher.publishAsync('pump/7/pressure', '4.5', { qos: 0 });
    await publisher.publishAsync('log/a', '{"on":true}', { qos: 1 });
    await publisher.publishAsync('log/b', 'text', { qos: 2 });
    await publisher.publishAsync('elsewhere', '1', { qos: 1 });
    await waitFor('all', () => intake.samples.length === 4);
    t.same(intake.samples.slice(1), [
      { channel: 'hall/pumps/7/p', time: clock.time, value: 4.5 },
      { channel: 'hall/log/a/on', time: clock.time, value: 1 },
      { channel: 'hall/log/b', time: clock.time, value: 'text' },
    ]);
    t.match(collector.health(), { state: 'running', received: 3, errors: {} });
  });

  for (const qos of [1, 2] as const) {
    for (const isCommitted of [true, false]) {
      const when = isCommitted ? 'between commit and acknowledgement' : 'before the commit';
      t.test(
        `MQTT ${version}: a message at QoS ${qos} comes again after a kill ${when}, and is there once`,
        async (t) => {
          if (!requireTools(t, 'mosquitto-broker')) return;
          const broker = await MosquittoBroker.start(t);
          const config = { port: broker.port, version, qos };
          const dying = new DyingIntake();
          const first = await runClient(t, config, dying);
          const publisher = await device(t, broker.port);
          await publisher.publishAsync('n', '1', { qos });
          await publisher.publishAsync('n', '2', { qos });
          await waitFor('taken', () => dying.values('n').length === 2);
          if (isCommitted) dying.commit();
          const { intake, collector } = await succeed(t, first, config, dying);
          await publisher.publishAsync('n', '3', { qos });
          await waitFor('the next', () => intake.values('n').length === 3);
          await waitFor('acknowledged', () => collector.details().unacked === 0);
          t.same(intake.values('n'), [1, 2, 3]);
          t.match(collector.details(), { repeats: isCommitted ? 2 : 0, isSessionKept: true });
        },
      );
    }
  }
}

/** An intake whose process hears of no commit. */
class DyingIntake extends FakeIntake {
  readonly #unheard: (() => void)[] = [];

  override durable(): Promise<void> {
    return new Promise((resolve) => this.#unheard.push(resolve));
  }

  end(): void {
    for (const resolve of this.#unheard.splice(0)) resolve();
  }
}

/** The next process of a client that is killed: its connection takes the place of the old one, which ends unheard. */
async function succeed(
  t: Test,
  first: RunningClient,
  config: PartOfConfig,
  dying: DyingIntake,
): Promise<RunningClient> {
  const ended = first.collector.stop();
  const intake = dying.crash(0);
  const second = await runClient(t, config, intake);
  dying.end();
  await ended;
  return second;
}

t.test('what is published while the broker, or this end, is away comes afterwards', async (t) => {
  if (!requireTools(t, 'mosquitto-broker')) return;
  const broker = await MosquittoBroker.start(t);
  const config = { port: broker.port, subscribe: ['n'] };
  const first = await runClient(t, config, new FakeIntake(0));
  const publisher = await device(t, broker.port);
  await publisher.publishAsync('n', '1', { qos: 1 });
  await waitFor('the first', () => first.intake.values('n').length === 1);
  await waitFor('acknowledged', () => first.collector.details().unacked === 0);

  await broker.stop();
  await waitFor('waiting', () => first.collector.health().state === 'waiting');
  t.match(first.collector.health().problem, /^broker 127\.0\.0\.1:\d+: /);
  const later = publisher.publishAsync('n', '2', { qos: 1 });
  await broker.start();
  await later;
  await waitFor('the second', () => first.intake.values('n').length === 2);
  await waitFor('running', () => first.collector.health().state === 'running');
  t.notOk(first.collector.health().problem);
  t.match(first.collector.details(), { connections: 2, isSessionKept: true });

  await first.collector.stop();
  await publisher.publishAsync('n', '3', { qos: 1 });
  const second = await runClient(t, config, new FakeIntake(0));
  await waitFor('the third', () => second.intake.values('n').length === 1);
  t.same(first.intake.values('n'), [1, 2]);
  t.same(second.intake.values('n'), [3]);
});

t.test('a broker that is not there yet is a state in health', async (t) => {
  if (!requireTools(t, 'mosquitto-broker')) return;
  const broker = await MosquittoBroker.start(t);
  await broker.stop();
  const { collector, intake } = await startClient(t, { port: broker.port });
  await waitFor('refused', () => collector.health().state === 'waiting');
  t.match(collector.health().problem, /ECONNREFUSED/);
  await broker.start();
  await waitFor('online', () => intake.values('plant/state').length === 1);
  t.equal(collector.health().state, 'starting');
});

t.test('a broker that refuses the credentials is named, and let in with the right ones', async (t) => {
  if (!requireTools(t, 'mosquitto-broker')) return;
  const lines = ['allow_anonymous false', 'password_file {folder}/users'];
  const broker = await MosquittoBroker.start(t, lines, (folder) => {
    writeFileSync(join(folder, 'users'), 'pit:right\n');
    spawnSync('mosquitto_passwd', ['-U', join(folder, 'users')]);
  });
  for (const [version, login] of [
    ['3.1.1', {}],
    ['3.1.1', { user: 'pit', password: 'wrong' }],
    [5, { user: 'pit', password: 'wrong' }],
  ] as const) {
    const { collector } = await startClient(t, { port: broker.port, version, ...login });
    await waitFor('refused', () => collector.health().state === 'waiting');
    t.match(
      collector.health().problem,
      /the broker refuses (user "pit"|a client without user) .*; check user and password/,
    );
    t.match(collector.details(), { isConnected: false, connections: 0 });
  }
  await runClient(t, { port: broker.port, user: 'pit', password: 'right' });
});

t.test('what the broker retains is no new data, and live messages of the same topic are', async (t) => {
  if (!requireTools(t, 'mosquitto-broker')) return;
  const broker = await MosquittoBroker.start(t);
  const publisher = await device(t, broker.port);
  await publisher.publishAsync('mode', 'idle', { qos: 1, retain: true });
  const { collector, intake } = await runClient(t, { port: broker.port }, new FakeIntake(0));
  await waitFor('retained', () => collector.details().retainedSkipped === 1);
  await publisher.publishAsync('mode', 'pump', { qos: 1, retain: true });
  await waitFor('live', () => intake.values('mode').length === 1);
  t.same(intake.values('mode'), ['pump']);
});

t.test('others see at the status topic whether the gateway is there', async (t) => {
  if (!requireTools(t, 'mosquitto-broker')) return;
  const broker = await MosquittoBroker.start(t);
  const seen: string[] = [];
  const looker = await device(t, broker.port);
  looker.on('message', (_topic, payload) => seen.push(payload.toString()));
  await looker.subscribeAsync('gateways/pit', { qos: 1 });
  const config = { port: broker.port, status: 'gateways/pit', subscribe: ['a'] };
  const { collector } = await runClient(t, config);
  await waitFor('online', () => seen.length === 1);
  // Another client of the same id: the broker closes the first, and speaks its will.
  const thief = await mqtt.connectAsync({
    host: '127.0.0.1',
    port: broker.port,
    clientId: 'caisson',
    reconnectPeriod: 0,
  });
  await waitFor('lost', () => seen.includes('lost'));
  // Told by what stays: the state `waiting` is over once it has connected again.
  await waitFor('noticed', () => collector.details().failures > 0);
  t.match(collector.details().lastFailure, /look whether another client connects as caisson/);
  await thief.endAsync();
  await waitFor('online again', () => seen.at(-1) === 'online');
  await collector.stop();
  await waitFor('offline', () => seen.at(-1) === 'offline');
  t.same(seen, ['online', 'lost', 'online', 'offline']);
});

t.test('a Sparkplug edge node of another broker is born, asked again and heard', async (t) => {
  if (!requireTools(t, 'mosquitto-broker')) return;
  const broker = await MosquittoBroker.start(t);
  const node = await device(t, broker.port);
  const heard: string[] = [];
  node.on('message', (topic, payload) => heard.push(topic.includes('STATE') ? payload.toString() : topic));
  await node.subscribeAsync(['spBv1.0/STATE/pit', 'spBv1.0/hall/NCMD/press'], { qos: 1 });
  const config = { port: broker.port, sparkplug: { hostId: 'pit' } };
  const { collector, intake } = await runClient(t, config, new FakeIntake(0));
  await waitFor('the host', () => heard.length === 1);
  t.match(heard[0], '"online":true');
  const send = (type: string, payload: object) =>
    node.publishAsync(`spBv1.0/hall/${type}/press`, encodeSparkplug(payload), { qos: 0 });
  await send('NDATA', { seq: 4, metrics: [{ alias: 1, doubleValue: 2.5 }] });
  await waitFor('asked for its birth', () => heard.includes('spBv1.0/hall/NCMD/press'));
  await send('NBIRTH', { seq: 0, metrics: [{ name: 'force', alias: 1, datatype: 10, doubleValue: 1.5 }] });
  await send('NDATA', { seq: 1, metrics: [{ alias: 1, doubleValue: 2.5 }] });
  await waitFor('data', () => intake.values('hall/press/force').length === 2);
  t.same(intake.values('hall/press/force'), [1.5, 2.5]);
  t.same(intake.values('hall/press/state'), ['online']);
  t.same(collector.health().errors, { 'sparkplug-unborn': 1 });
});

t.test('subscribes at our own broker as at any other; MQTT 5 is refused there, and named', async (t) => {
  const { port, intake: ofBroker } = await runBroker(t, {}, new FakeIntake(0));
  const { collector, intake } = await runClient(t, { port, prefix: 'mirror', status: 'gateway' }, new FakeIntake(0));
  const publisher = await device(t, port);
  await publisher.publishAsync('a', '5', { qos: 1 });
  await waitFor('mirrored', () => intake.values('mirror/a').length === 1);
  t.same([ofBroker.values('a'), intake.values('mirror/a')], [[5], [5]]);
  t.equal(collector.health().state, 'running');
  const five = await startClient(t, { port, version: 5, clientId: 'five' });
  await waitFor('refused', () => five.collector.health().state === 'waiting');
  t.match(five.collector.health().problem, /does not speak MQTT 5; configure version 3\.1\.1/);
});
