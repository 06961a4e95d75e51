import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import t from 'tap';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { decodeRun } from '../../../sync/fanout/live-update.ts';
import { updateCodec } from '../../../sync/fanout/update-codec.ts';
import { requireTools } from '../../debian.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { PostgresServer } from '../central/postgres-server.ts';
import { EveryReader, hasAll, samplesOf } from './every-reader.ts';
import { NatsCluster } from './nats-cluster.ts';
import { CHANNELS, startBox, startTwo } from './two-centrals.ts';

const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

if (requireTools(t, 'nats', 'postgresql')) {
  const postgres = await PostgresServer.start();
  const cluster = await NatsCluster.start();
  t.teardown(async () => {
    await cluster.dispose();
    await postgres.dispose();
  });

  await t.test('what one process keeps is followed at another, and read by any client of NATS', async (t) => {
    t.comment(`CAISSON_TEST_SEED=${SEED}`);
    const random = new Random(SEED);
    const { source, port } = await startBox(t, random.fork('car'));
    const url = await postgres.database();
    const { other } = await startTwo(t, { url, nats: cluster.urls, port });
    const client = new TelemetryClient({ host: '127.0.0.1', port: other.port });
    t.teardown(() => client.close());
    await eventually('every channel came', async () => (await client.listChannels()).length === CHANNELS.length);
    await eventually('all of the past came', () => hasAll(other, source.db));

    const reader = new EveryReader(CHANNELS);
    const stop = new AbortController();
    const reading = reader.read(other.port, stop.signal);
    await eventually('it has a token', () => reader.token !== undefined, 240_000);
    const past = samplesOf(source.db, 'car', CHANNELS);
    const nats = await cluster.client();
    t.teardown(() => nats.close());
    const manager = await jetstreamManager(nats);
    // A cluster that elects a leader does not answer.
    const infoOf = (topic: string) => manager.streams.info(`caisson-hq-${topic}`).catch(() => undefined);
    await eventually('the cluster was told where news begin', async () => {
      return ((await infoOf('places'))?.state.messages ?? 0) >= 1;
    });
    for (let i = 0; i < 60; i += 1) source.step();
    source.lose('car/channel0', 7);
    source.startBoot();
    source.seal('car/channel0');
    const fresh = samplesOf(source.db, 'car', CHANNELS);
    for (const identity of past.keys()) fresh.delete(identity);
    await eventually('every sample came to the other process', () => reader.samples.size >= fresh.size);
    t.same([...reader.samples].sort(), [...fresh].sort());
    t.equal(reader.repeats, 0);
    stop.abort();
    await reading;

    const { config } = await eventually('the cluster tells of the stream', () => infoOf('samples'));
    t.equal(config.num_replicas, 3);
    const codec = updateCodec();
    const published = new Map<string, string>();
    const samples = await jetstream(nats).consumers.get('caisson-hq-samples');
    for await (const message of await samples.consume()) {
      t.equal(message.subject, 'caisson.hq.samples.car');
      for (const each of codec.decode(message.data).samples) {
        const { boot, channel, firstSequence, values } = decodeRun(each);
        for (const [i, value] of values.entries()) {
          const identity = `${boot} ${channel} ${firstSequence + i}`;
          // News begin when the cluster is there, which may be before the past has come.
          if (!past.has(identity)) published.set(identity, String(value));
        }
      }
      if (published.size >= fresh.size) break;
    }
    t.same([...published].sort(), [...fresh].sort(), 'the stream has every sample');
    const events = await jetstream(nats).consumers.get('caisson-hq-events');
    const kinds = new Set<string>();
    const gaps = new Set<string>();
    for await (const message of await events.consume()) {
      const event = message.json<Record<string, unknown>>();
      t.equal(message.subject, `caisson.hq.events.car.${event.kind}`);
      t.equal(event.gateway, 'car');
      kinds.add(String(event.kind));
      if (event.kind === 'gap')
        gaps.add(`${event.boot} ${event.channel} ${event.firstSequence}+${event.count} ${event.cause}`);
      if (kinds.has('boot') && kinds.has('gap') && gaps.size >= reader.missed.size) break;
    }
    t.same([...gaps].sort(), [...reader.missed].sort(), 'every gap is an event');
  });

  await t.test('a viewer at one process sees what a gateway with its line at another says now', async (t) => {
    const { telemetry, port } = await startBox(t, new Random(SEED + 1).fork('car'));
    const { other, holder } = await startTwo(t, { url: await postgres.database(), nats: cluster.urls, port });
    const client = new TelemetryClient({ host: '127.0.0.1', port: other.port });
    t.teardown(() => client.close());
    await eventually('every channel came', async () => (await client.listChannels()).length === CHANNELS.length);
    const { id } = telemetry.add('car/channel3', () => [].values(), 'car');
    for (const central of [other, holder]) {
      const viewer = new TelemetryClient({ host: '127.0.0.1', port: central.port });
      const stop = new AbortController();
      const seen: number[] = [];
      const viewing = (async () => {
        for await (const values of viewer.subscribe({ channels: ['car/channel3'], rateMax: 60 }, stop.signal)) {
          for (const { value } of values) seen.push(Number(value));
        }
      })();
      let value = 0;
      // Far ahead of what is sealed, as what is live is.
      await eventually('it sees values that are in no block', () => {
        value += 1;
        telemetry.commit(id, 3e15 + value, value);
        return seen.filter((each) => Number.isInteger(each) && each > 0).length > 3;
      });
      stop.abort();
      await viewing;
      viewer.close();
    }
    await eventually('what nobody watches is not asked for', () => telemetry.followers === 0);
    t.equal(telemetry.followers, 0);
  });
}
