import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import mqtt from 'mqtt';
import type { Test } from 'tap';
import type { Random } from '../../hardware/simulated/random.ts';
import type { TelemetryClient } from '../../sync/api/client.ts';
import { EveryReader, samplesIn } from '../sync/fanout/every-reader.ts';
import { blocksIn, definitionsIn, gapsIn } from '../sync/same-feed.ts';
import { ask, feedInDatabase, feedInStore, ledgerDifferences, valuesOf } from './both-ends.ts';
import { eventually } from './eventually.ts';
import { CENTRAL, GATEWAY, KillableSystem, VICTIMS, type Victim } from './killable-system.ts';
import { NatsStreamReader } from './nats-stream-reader.ts';
import { faultsOf, Qos1Publisher } from './qos1-publisher.ts';

const HOST = '127.0.0.1';

/** Who publishes, and messages that each has on their way at a time. */
const CLIENTS = ['client-0', 'client-1', 'client-2'];
const INFLIGHT = 3;
const TOPICS = CLIENTS.map((name) => `load/${name}`);

/** How long a reader that takes its time does so for each update, milliseconds. */
const SLOW_MS = 40;

/** After what is new at a reader the next one is killed, within so long, milliseconds. */
const MOMENT_MS_MAX = 400;

/** In so many rounds of a hundred two are killed side by side. */
const PAIRS_PERCENT = 25;

/** The stream is read on every so many rounds, so that nothing is too old for it. */
const STREAM_ROUNDS = 10;

/** How long samples may take to come through after something was killed, and everything at the end, milliseconds. */
const THROUGH_MS_MAX = 180_000;
const WHOLE_MS_MAX = 240_000;

/** Differences that are shown where there are some. */
const SHOWN_MAX = 10;

/**
 * Kills what may be killed between a device and who reads at central, by chance, `rounds` times, while devices publish with QoS 1. In the
 * end every acknowledged message is at central once, both ends tell the same of every number, and whoever follows has missed nothing.
 */
export async function killAtRandom(t: Test, random: Random, rounds: number): Promise<void> {
  const system = await KillableSystem.start(random.fork('kills'));
  t.teardown(() => system.dispose());
  await publishFirst(system.mqttPort);
  await eventually('every channel came', () => ask(system.anyCentralPort(), hasTopics), THROUGH_MS_MAX);
  const past = samplesIn(await feedInDatabase(system.databaseUrl, GATEWAY), TOPICS);

  const stop = new AbortController();
  const readers = [0, SLOW_MS].map((paceMs) => new EveryReader(TOPICS, paceMs));
  const reading = readers.map((reader) => reader.readOn(() => system.anyCentralPort(), stop.signal));
  t.teardown(() => stop.abort());
  await eventually('every reader has a token', () => readers.every(({ token }) => token !== undefined), THROUGH_MS_MAX);
  const nats = await system.cluster.client();
  t.teardown(() => nats.close());
  await eventually('the cluster knows where news begin', () => hasPlace(nats), THROUGH_MS_MAX);
  const stream = new NatsStreamReader(nats, CENTRAL, TOPICS);

  const publishers = CLIENTS.map((name) => new Qos1Publisher(system.mqttPort, name, INFLIGHT));
  t.teardown(() => Promise.all(publishers.map((publisher) => publisher.abandon())));
  const killed = new Map<string, number>();
  let last = 'the start';
  for (let round = 0; round < rounds; round += 1) {
    const before = readers[0]?.samples.size ?? 0;
    const through = `samples come through in round ${round + 1}, after ${last}`;
    await eventually(through, () => (readers[0]?.samples.size ?? 0) > before, THROUGH_MS_MAX);
    await new Promise((resolve) => setTimeout(resolve, random.below(MOMENT_MS_MAX)));
    const what = await Promise.all(victimsOf(round, random).map((victim) => system.kill(victim)));
    last = what.join(' and ');
    killed.set(last, (killed.get(last) ?? 0) + 1);
    system.requireRunning();
    if (round % STREAM_ROUNDS !== STREAM_ROUNDS - 1) continue;
    t.comment(`${round + 1} rounds, ${readers[0]?.samples.size} samples`);
    // A cluster that does not answer now is asked again later.
    await stream.readOn().catch(() => {});
  }
  t.comment(`killed: ${JSON.stringify(Object.fromEntries(killed))}`);

  await Promise.all(publishers.map((publisher) => publisher.finish()));
  await compareLedgers(t, system);
  for (const { topic, acknowledged } of publishers) {
    // A process that was not asked since its database was killed may have connections that it does not know are cut.
    const kept = await eventually(
      `a central answers what it has of ${topic}`,
      () => ask(system.anyCentralPort(), (client) => valuesOf(client, GATEWAY, topic)).catch(() => undefined),
      WHOLE_MS_MAX,
    );
    const { missing, twice } = faultsOf(acknowledged, kept);
    t.same(missing, [], `${topic}: of ${acknowledged.size} acknowledged none is missing at central`);
    t.same(twice, [], `${topic}: none is there twice`);
    t.ok(acknowledged.size > rounds, `${topic}: ${acknowledged.size} were acknowledged`);
  }
  await compareStores(t, system);

  const expected = samplesIn(await feedInDatabase(system.databaseUrl, GATEWAY), TOPICS);
  for (const identity of past.keys()) expected.delete(identity);
  for (const [i, reader] of readers.entries()) {
    const name = i === 0 ? 'a reader' : 'a reader that takes its time';
    await eventually(`${name} has every sample`, () => reader.samples.size >= expected.size, WHOLE_MS_MAX);
    t.same(differing(reader.samples, expected), [], `${name} has every sample, once under its identity`);
    t.equal(reader.contradictions, 0);
  }
  await compareStream(t, stream, past, expected);
  stop.abort();
  await Promise.all(reading);
  const { codes, said } = await system.stop();
  for (const text of said) t.comment(text);
  t.same(codes, [0, 0, 0], 'all end in good order when asked to');
}

/** The first rounds take each in its turn, so that every run has all of them. */
function victimsOf(round: number, random: Random): readonly Victim[] {
  const any = () => VICTIMS[random.below(VICTIMS.length)] ?? 'gateway';
  const first = VICTIMS[round] ?? any();
  const second = any();
  return random.below(100) < PAIRS_PERCENT && second !== first ? [first, second] : [first];
}

/** One message a topic, so that the channels are there. */
async function publishFirst(port: number): Promise<void> {
  const client = await mqtt.connectAsync(`mqtt://${HOST}:${port}`);
  for (const topic of TOPICS) await client.publishAsync(topic, '-1', { qos: 1 });
  await client.endAsync();
}

async function hasTopics(client: TelemetryClient): Promise<boolean> {
  const known = new Set((await client.listChannels()).map(({ name }) => name));
  if (!TOPICS.every((topic) => known.has(topic))) return false;
  for (const topic of TOPICS) if ((await valuesOf(client, GATEWAY, topic)).length === 0) return false;
  return true;
}

async function hasPlace(nats: NatsConnection): Promise<boolean> {
  try {
    const { streams } = await jetstreamManager(nats);
    return (await streams.info(`caisson-${CENTRAL}-places`)).state.messages > 0;
  } catch {
    return false;
  }
}

/** Waits until both ends tell the same of every number of the load. */
async function compareLedgers(t: Test, system: KillableSystem): Promise<void> {
  const differences = () =>
    ledgerDifferences({ here: system.grpcPort, there: system.anyCentralPort() }, GATEWAY, TOPICS);
  await eventually(
    'both ends tell the same of every number',
    async () => (await differences().catch(() => undefined))?.length === 0,
    WHOLE_MS_MAX,
  ).catch(async (error) => {
    t.comment(JSON.stringify((await differences()).slice(0, SHOWN_MAX)));
    throw error;
  });
}

/** Holds central's store against what the gateway's is now, block by block and byte by byte. */
async function compareStores(t: Test, { databaseUrl, storeDir }: KillableSystem): Promise<void> {
  const here = feedInStore(storeDir, GATEWAY);
  const blocks = blocksIn(here);
  const there = await eventually(
    'central has as much',
    async () => {
      const feed = await feedInDatabase(databaseUrl, GATEWAY);
      return [blocksIn, gapsIn, definitionsIn].every((each) => each(feed).length >= each(here).length) && feed;
    },
    WHOLE_MS_MAX,
  );
  // What the gateway says of itself goes on.
  t.same(blocksIn(there).slice(0, blocks.length), blocks, 'every block, once, in order, byte for byte');
  t.same(gapsIn(there), gapsIn(here), 'every gap, with its cause');
  const told = new Set(definitionsIn(here));
  const isLater = (definition: string) => !told.has(definition) && definition.includes('["name","caisson/');
  t.same(
    definitionsIn(there).filter((definition) => !isLater(definition)),
    [...told],
  );
}

/** Waits until the stream has every sample, and nothing but what is kept. It may begin before its readers. */
async function compareStream(
  t: Test,
  stream: NatsStreamReader,
  past: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
): Promise<void> {
  const missing = () => [...expected.keys()].filter((identity) => !stream.samples.has(identity));
  await eventually(
    'the stream has every sample',
    async () => {
      await stream.readOn().catch(() => {});
      return missing().length === 0;
    },
    WHOLE_MS_MAX,
  ).catch(async (error) => {
    const [all, gone] = [[...expected.keys()], missing()];
    const [first, last] = [gone[0], gone.at(-1)].map((identity) => all.indexOf(identity ?? ''));
    t.comment(`${gone.length} of ${all.length} are missing, between ${first} and ${last}; ${await stream.state()}`);
    t.comment(gone.slice(0, SHOWN_MAX).join(', '));
    const again = await stream.readAgain();
    t.comment(`read from its first message on: ${missing().length} are missing; ${again}`);
    throw error;
  });
  const stray = [...stream.samples].filter(([identity, value]) => {
    return (expected.get(identity) ?? past.get(identity)) !== value;
  });
  t.same(stray.slice(0, SHOWN_MAX), [], 'what any client of NATS reads is what is kept');
  t.equal(stream.contradictions, 0);
}

/** Identities that only one of them has, or that have another value. */
function differing(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): string[] {
  const all = new Set([...one.keys(), ...other.keys()]);
  return [...all].filter((identity) => one.get(identity) !== other.get(identity));
}
