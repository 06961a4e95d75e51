import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Test } from 'tap';
import type { Random } from '../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import { decodeRun } from '../../sync/fanout/live-update.ts';
import { updateCodec } from '../../sync/fanout/update-codec.ts';
import { CaissonProcess } from '../sync/caisson-process.ts';
import { PostgresServer } from '../sync/central/postgres-server.ts';
import { EveryReader, samplesOf } from '../sync/fanout/every-reader.ts';
import { NatsCluster } from '../sync/fanout/nats-cluster.ts';
import { CHANNELS, startBox } from '../sync/fanout/two-centrals.ts';
import { gapsOf } from '../sync/same-feed.ts';
import { eventually } from './eventually.ts';

const HOST = '127.0.0.1';
const PROCESSES = 2;

/** How long a reader that takes its time does so for each update, milliseconds. */
const SLOW_MS = 40;

/** What may happen to a central whose processes tell each other over NATS. */
type Fault = 'a node killed' | 'a node cut off' | 'all nodes killed' | 'a central killed';
const FAULTS: readonly Fault[] = [
  'a node killed',
  'a node cut off',
  'a central killed',
  'all nodes killed',
  'a node killed',
];

/** Two processes of a central over PostgreSQL and three nodes of NATS, with readers of every sample; `rounds` times something fails under load. */
export async function natsRounds(t: Test, random: Random, rounds: number): Promise<void> {
  const { source, port } = await startBox(t, random.fork('car'));
  const postgres = await PostgresServer.start();
  t.teardown(() => postgres.dispose());
  const cluster = await NatsCluster.start();
  t.teardown(() => cluster.dispose());
  const url = await postgres.database();
  const pull = `${HOST}:${port}`;
  const where = [
    '--store',
    url,
    '--name',
    'hq',
    '--lease',
    '1',
    '--listen',
    `${HOST}:0`,
    '--nats',
    cluster.urls.join(),
  ];
  const start = () => new CaissonProcess(['central', ...where, '--pull', pull]);
  const centrals = Array.from({ length: PROCESSES }, start);
  t.teardown(async () => {
    for (const central of centrals) await central.kill('SIGKILL');
  });
  const ports: number[] = [];
  const listen = async (index: number) => {
    const line = await centrals[index]?.said('central answers on ');
    ports[index] = Number(/^127\.0\.0\.1:(\d+)/.exec(line ?? '')?.[1]);
  };
  for (let i = 0; i < PROCESSES; i += 1) await listen(i);

  const past = samplesOf(source.db, 'car', CHANNELS);
  const client = new TelemetryClient({ host: HOST, port: ports[0] ?? 0 });
  await eventually('the past came', async () => (await heldSamples(client)) === past.size, 120_000);
  client.close();

  const stop = new AbortController();
  const readers = [0, SLOW_MS].map((paceMs) => new EveryReader(CHANNELS, paceMs));
  const reading = readers.map((reader) => reader.readOn(() => ports[random.below(PROCESSES)] ?? 0, stop.signal));
  t.teardown(() => stop.abort());
  await eventually('every reader has a token', () => readers.every(({ token }) => token !== undefined), 120_000);
  const pastGaps = new Set(gapsOf(source.db, 'car'));
  const nats = await cluster.client();
  t.teardown(() => nats.close());
  await eventually('the cluster knows where news begin', async () => {
    const { streams } = await jetstreamManager(nats);
    const names = await streams.names().next();
    return names.includes('caisson-hq-places') && (await streams.info('caisson-hq-places')).state.messages > 0;
  });

  const happened: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const fault = FAULTS[round < FAULTS.length ? round : random.below(FAULTS.length)] as Fault;
    happened.push(fault);
    const load = async () => {
      const before = readers[0]?.samples.size ?? 0;
      for (let steps = 10 + random.below(30); steps > 0; steps -= 1) source.step();
      source.seal(CHANNELS[0] as string);
      await eventually(`samples go on coming: ${fault}`, () => (readers[0]?.samples.size ?? 0) > before, 120_000);
    };
    await load();
    const node = random.below(cluster.size);
    if (fault === 'a node killed') {
      await cluster.killNode(node);
      await load();
      cluster.startNode(node);
    } else if (fault === 'a node cut off') {
      cluster.partition(node);
      await load();
      cluster.rejoin();
    } else if (fault === 'all nodes killed') {
      for (let i = 0; i < cluster.size; i += 1) await cluster.killNode(i);
      await load();
      for (let i = 0; i < cluster.size; i += 1) cluster.startNode(i);
    } else {
      const index = random.below(PROCESSES);
      await centrals[index]?.kill('SIGKILL');
      centrals[index] = start();
      await listen(index);
    }
    await load();
  }
  t.comment(happened.join(', '));

  const expected = samplesOf(source.db, 'car', CHANNELS);
  for (const identity of past.keys()) expected.delete(identity);
  const gaps = gapsOf(source.db, 'car').filter((gap) => !pastGaps.has(gap));
  for (const [i, reader] of readers.entries()) {
    const name = i === 0 ? 'a reader' : 'a reader that takes its time';
    await eventually(`${name} has every sample`, () => reader.samples.size >= expected.size, 240_000);
    await eventually(`${name} was told of every gap`, () => gaps.every((gap) => reader.missed.has(gap)), 60_000);
    t.same([...reader.samples].sort(), [...expected].sort(), `${name} has every sample, once under its identity`);
    t.equal(reader.contradictions, 0);
  }
  const published = await eventually('the stream has every sample', async () => {
    const samples = await samplesInStream(nats).catch(() => new Map<string, string>());
    return samples.size >= expected.size && samples;
  });
  t.same([...published].sort(), [...expected].sort(), 'what any client of NATS reads is whole as well');
  stop.abort();
  await Promise.all(reading);
}

async function heldSamples(client: TelemetryClient): Promise<number> {
  let sum = 0;
  for await (const { held } of client.ledger()) sum += held.reduce((all, { first, end }) => all + end - first, 0);
  return sum;
}

/** What is in the stream, read from its beginning as any client may. */
async function samplesInStream(nats: NatsConnection): Promise<Map<string, string>> {
  const codec = updateCodec();
  const samples = new Map<string, string>();
  const { state } = await (await jetstreamManager(nats)).streams.info('caisson-hq-samples');
  const consumer = await jetstream(nats).consumers.get('caisson-hq-samples');
  for (let last = 0; last < state.last_seq; ) {
    for await (const { data, seq } of await consumer.fetch({ max_messages: 256, expires: 2_000 })) {
      last = seq;
      for (const message of codec.decode(data).samples) {
        const { boot, channel, firstSequence, values } = decodeRun(message);
        for (const [i, value] of values.entries())
          samples.set(`${boot} ${channel} ${firstSequence + i}`, String(value));
      }
    }
  }
  return samples;
}
