import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { type StorePlace, startCentral } from '../../../sync/central/central.ts';
import { requireTools } from '../../debian.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { PostgresServer } from '../central/postgres-server.ts';
import { FilledStore } from '../filled-store.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';
import { gapsOf } from '../same-feed.ts';
import { EveryReader, hasAll, samplesOf } from './every-reader.ts';

const HOST = '127.0.0.1';
const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `car/channel${i}`).concat('car/text');

function tempDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-every-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A gateway with some past in every channel, as far as sync sees it. */
async function startBox(t: Test, random: Random) {
  const dir = tempDir(t);
  const source = new FilledStore(dir, 'car', random);
  const server = await startTelemetryServer({
    host: HOST,
    port: 0,
    telemetry: new MemoryTelemetry(),
    feed: source.db,
    status: () => exampleStatus('car'),
    storeDir: dir,
  });
  t.teardown(async () => {
    await server.stop();
    source.close();
  });
  for (const name of CHANNELS) source.seal(name, name === 'car/text' ? 'text' : 'number');
  return { source, port: server.port };
}

/** A central that has all of a box's past: what comes later is news. */
async function startHq(t: Test, place: StorePlace, { source, port }: Awaited<ReturnType<typeof startBox>>) {
  const pull = [{ host: HOST, port }];
  const central = await startCentral({ ...place, host: HOST, port: 0, pull, name: 'hq', version: '0' });
  t.teardown(() => central.stop());
  const client = new TelemetryClient({ host: HOST, port: central.port });
  t.teardown(() => client.close());
  await eventually('every channel came', async () => (await client.listChannels()).length === CHANNELS.length);
  await eventually('all of the past came', () => hasAll(central, source.db));
  return central;
}

/** What holds over every store. */
function contract(name: string, placeFor: (t: Test) => Promise<StorePlace>): void {
  t.test(`over ${name}, who comes back with its token misses nothing, wherever it was cut`, async (t) => {
    t.comment(`CAISSON_TEST_SEED=${SEED}`);
    const random = new Random(SEED);
    const box = await startBox(t, random.fork('car'));
    const { source } = box;
    const central = await startHq(t, await placeFor(t), box);
    const reader = new EveryReader(CHANNELS);
    const past = samplesOf(source.db, 'car', CHANNELS);
    const pastGaps = new Set(gapsOf(source.db, 'car'));
    const first = new AbortController();
    const reading = reader.read(central.port, first.signal);
    await eventually('it has a token', () => reader.token !== undefined);
    first.abort();
    await reading;
    for (let round = 0; round < 12; round += 1) {
      for (let steps = 1 + random.below(40); steps > 0; steps -= 1) source.step();
      const updates = reader.updates + 1 + random.below(4);
      const cut = new AbortController();
      const reading = reader.read(central.port, cut.signal);
      await eventually('it got something', () => reader.updates >= updates || random.below(3) === 0);
      cut.abort();
      await reading;
    }
    const last = new AbortController();
    const end = reader.read(central.port, last.signal);
    const expected = samplesOf(source.db, 'car', CHANNELS);
    for (const identity of past.keys()) expected.delete(identity);
    await eventually('everything came', () => reader.samples.size >= expected.size);
    const gaps = gapsOf(source.db, 'car').filter((gap) => !pastGaps.has(gap));
    await eventually('every gap was told', () => gaps.every((gap) => reader.missed.has(gap)));
    last.abort();
    await end;
    t.same([...reader.samples].sort(), [...expected].sort(), 'every sample since, and none from before');
    t.equal(reader.contradictions, 0);
  });

  t.test(`over ${name}, a reader that takes its time costs nobody anything and gets everything`, async (t) => {
    const random = new Random(SEED + 1);
    const box = await startBox(t, random.fork('car'));
    const { source } = box;
    const central = await startHq(t, await placeFor(t), box);
    const client = new TelemetryClient({ host: HOST, port: central.port });
    t.teardown(() => client.close());
    const updates = client.subscribeEvery({ channels: ['car/channel0'] });
    t.ok((await updates.next()).value?.resume, 'says at once where to go on');
    let count = 0;
    for (let i = 0; i < 100; i += 1) count += source.seal('car/channel0', 'number', 1000);
    const inTime = new EveryReader(['car/channel1']);
    const stop = new AbortController();
    const reading = inTime.read(central.port, stop.signal);
    await eventually('another reader is there', () => inTime.token !== undefined);
    const other = source.seal('car/channel1');
    await eventually('which waits for nobody', () => inTime.samples.size === other);
    stop.abort();
    await reading;
    let got = 0;
    for await (const { samples } of updates) {
      got += samples.reduce((sum, { times }) => sum + times.length, 0);
      if (got >= count) break;
    }
    t.equal(got, count);
  });

  t.test(`over ${name}, a token of another store is refused`, async (t) => {
    const random = new Random(SEED + 2);
    const one = await startBox(t, random.fork('one'));
    const other = await startBox(t, random.fork('other'));
    const reader = new EveryReader(['car/channel0']);
    const central = await startHq(t, await placeFor(t), one);
    const stop = new AbortController();
    const reading = reader.read(central.port, stop.signal);
    await eventually('it has a token', () => reader.token !== undefined);
    stop.abort();
    await reading;
    const elsewhere = await startHq(t, { dir: tempDir(t) }, other);
    await t.rejects(reader.read(elsewhere.port, new AbortController().signal), { code: 'resume-lost' });
    reader.token = Buffer.from('no token');
    await t.rejects(reader.read(central.port, new AbortController().signal), { code: 'query-invalid' });
  });
}

t.test('what a store gave up while a reader was away is told, with its cause', async (t) => {
  const random = new Random(SEED + 3);
  const box = await startBox(t, random.fork('car'));
  const { source } = box;
  const dir = tempDir(t);
  const reader = new EveryReader(['car/channel0', 'car/channel1']);
  const readUntil = async (at: number, fact: () => boolean) => {
    const stop = new AbortController();
    const reading = reader.read(at, stop.signal);
    await eventually('it got what it wants', fact);
    stop.abort();
    await reading;
  };
  const central = await startHq(t, { dir }, box);
  await readUntil(central.port, () => reader.token !== undefined);
  const [thinned, dropped] = [source.seal('car/channel0'), source.seal('car/channel1')];
  await eventually('central has them', () => hasAll(central, source.db));
  await central.stop();
  const db = BlockDb.open(storePaths(dir).blocks);
  db.transaction(() => {
    const newest = db.lastPosition();
    db.giveUp('standard', 'thin', 'age', () => true);
    // The newest pack stays thinned, everything before goes as a whole.
    db.giveUp('standard', 'drop', 'age', ({ position }) => position < newest);
  });
  db.close();
  const again = await startCentral({ dir, host: HOST, port: 0, pull: [], name: 'hq', version: '0' });
  t.teardown(() => again.stop());
  const lost = () => [...reader.missed].filter((each) => each.endsWith(' age'));
  await readUntil(again.port, () => lost().length >= 2);
  const runs = lost().map((each) => each.split(' ').slice(1).join(' '));
  const firsts = ['car/channel0', 'car/channel1'].map((name) => {
    const [past = 0] = [...samplesOf(source.db, 'car', [name]).keys()]
      .slice(-1)
      .map((key) => Number(key.split(' ')[2]));
    return past + 1;
  });
  const covers = (name: string, first: number, end: number) =>
    runs.some((each) => {
      const [, from = 0, count = 0] = /(\d+)\+(\d+) age$/.exec(each)?.map(Number) ?? [];
      return each.startsWith(name) && from <= first && from + count >= end;
    });
  t.ok(covers('car/channel0', (firsts[0] ?? 0) - thinned, firsts[0] ?? 0), 'all that was dropped');
  t.ok(covers('car/channel1', (firsts[1] ?? 0) - dropped, firsts[1] ?? 0), 'all that was thinned');
  t.equal(reader.samples.size, 0);
});

contract('SQLite', async (t) => ({ dir: tempDir(t) }));

if (requireTools(t, 'postgresql')) {
  const postgres = PostgresServer.start();
  t.teardown(async () => (await postgres).dispose());
  contract('PostgreSQL', async () => ({ url: await (await postgres).database() }));
}

t.test('a gateway refuses, and says who delivers', async (t) => {
  const { port } = await startBox(t, new Random(SEED));
  const client = new TelemetryClient({ host: HOST, port });
  t.teardown(() => client.close());
  await t.rejects(client.subscribeEvery({ channels: ['car/channel0'] }).next(), { code: 'not-served' });
});
