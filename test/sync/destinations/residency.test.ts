import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type ChannelDefinition, defineChannel } from '../../../gateway/channel.ts';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { nodeOf } from '../../../gateway/store/envelope-node.ts';
import { decodeNodes } from '../../../gateway/store/outline/outline-bytes.ts';
import { encodePack } from '../../../gateway/store/pack/encode-pack.ts';
import { Pack } from '../../../gateway/store/pack/pack.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { storeDigests } from '../../../sync/api/digest-call.ts';
import type { PullBatch } from '../../../sync/api/pull-batch.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import type { WishSource } from '../../../sync/api/transfer-pull.ts';
import type { DestinationsConfig } from '../../../sync/destinations/destination-config.ts';
import { DestinationPolicy } from '../../../sync/destinations/destination-policy.ts';
import { PassedOverBook } from '../../../sync/destinations/passed-over-book.ts';
import { ScopedFeed } from '../../../sync/destinations/scoped-feed.ts';
import { NOTHING_OUTLINED } from '../../../sync/fidelity/outlined.ts';
import { LoopLag } from '../../../sync/line/loop-lag.ts';
import { Pacer } from '../../../sync/line/pacer.ts';
import { PackAssembly } from '../../../sync/line/pack-assembly.ts';
import { exampleStatus } from '../memory-telemetry.ts';

const HOST = '127.0.0.1';
const BOOT = '00000000000000aa';
const GATEWAY = 'box';

/** Every channel has samples of a value of its own, which no compression hides: eight bytes that stand nowhere else. */
const CHANNELS: readonly {
  readonly name: string;
  readonly residency: ChannelDefinition['residency'];
  readonly value: number;
}[] = [
  { name: 'open/speed', residency: 'any', value: 1.2345e101 },
  { name: 'open/driver-heart', residency: 'any', value: 2.3456e102 },
  { name: 'eu/fuel-secret', residency: ['eu', 'uk'], value: 3.4567e103 },
  { name: 'us/tyre-secret', residency: ['us'], value: 4.5678e104 },
  { name: 'local/weight-secret', residency: 'local', value: 5.6789e105 },
];

const DESTINATIONS: DestinationsConfig = {
  team: { region: 'eu', except: ['**/driver-*'] },
  maker: { region: 'us', only: ['us/**'] },
};

const CASES: readonly {
  readonly name: string;
  readonly caller: string | undefined;
  readonly goes: readonly string[];
}[] = [
  { name: 'a central of a region, with a filter', caller: 'team', goes: ['open/speed', 'eu/fuel-secret'] },
  { name: 'a central of another region, that wants some channels only', caller: 'maker', goes: ['us/tyre-secret'] },
  { name: 'a central that no config names', caller: 'stranger', goes: ['open/speed', 'open/driver-heart'] },
];

/** A store with one pack of all channels and then one of each. */
function filled(dir: string): BlockDb {
  const db = BlockDb.open(storePaths(dir).blocks);
  db.transaction(() => {
    const boot = db.keepBoot(GATEWAY, BOOT, 0);
    const ids = CHANNELS.map(({ name, residency }) =>
      db.keepChannel(GATEWAY, defineChannel({ name, residency, source: 's' })),
    );
    const keep = (indexes: readonly number[], firstSequence: number) => {
      const times = Float64Array.of(1e6 + firstSequence, 2e6 + firstSequence);
      const blocks = indexes.map((i) => {
        const { name: channel, value } = CHANNELS[i] ?? { name: '', value: 0 };
        return { channel, type: 'number' as const, firstSequence, times, values: Float64Array.of(value, value) };
      });
      const header = { gateway: GATEWAY, boot: BOOT, stamp: 'arrival', clockSource: 'none', clockErrorUs: 1 } as const;
      db.keepPack({
        ...{ boot, stamp: 'arrival', class: 'standard', bytes: encodePack(header, blocks) },
        blocks: blocks.map(({ values }, n) => {
          const bounds = { timeMin: times[0] ?? 0, timeMax: times[1] ?? 0, node: nodeOf(times, values, 0, 2) };
          return { channel: ids[indexes[n] ?? 0] ?? 0, firstSequence, count: 2, ...bounds };
        }),
      });
    };
    keep([0, 1, 2, 3, 4], 0);
    for (const i of CHANNELS.keys()) keep([i], 2);
    for (const channel of ids) {
      db.keepGap({ channel, boot, firstSequence: 4, count: 3, from: 5e6, to: 6e6, cause: 'ring-full' });
    }
  });
  return db;
}

/** A way to a port on which every byte towards the client is kept. */
async function tapped(t: Test, port: number): Promise<{ readonly port: number; readonly bytes: () => Buffer }> {
  const pieces: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const to = connect(port, HOST);
    for (const socket of [client, to]) sockets.add(socket.on('error', () => socket.destroy()));
    client.pipe(to);
    to.on('data', (piece: Buffer) => pieces.push(piece)).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, bytes: () => Buffer.concat(pieces) };
}

async function serve(t: Test) {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-residency-'));
  const db = filled(dir);
  const telemetry = StoreTelemetry.open(dir);
  const { store, ...example } = exampleStatus();
  const withNames = { ...example, problems: [{ time: 1, text: CHANNELS.map(({ name }) => name).join() }] };
  const settled = { until: 7e6, position: db.lastPosition() };
  const policy = new DestinationPolicy(DESTINATIONS);
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry, feed: db, storeDir: dir },
    // As a central has it, which gives gateways back and has them backed up.
    lost: {
      id: async () => 'f',
      feed: async (gateway, after, itemsMax, bytesMax) => db.feed(after, itemsMax, bytesMax, gateway),
      bootsUpTo: async (gateway, position) => db.bootsUpTo(position, gateway),
      digests: (request, scope) => storeDigests(db, request, scope),
    },
    ...{ status: () => ({ ...withNames, store: { ...store, settled } }), policy },
    passedOver: new PassedOverBook({ store: db, policy, kept: {}, onChanged: () => {} }),
  });
  t.teardown(async () => {
    await server.stop();
    telemetry.close();
    db.close();
    rmSync(dir, { recursive: true });
  });
  return { db, port: server.port };
}

/** Every answer that a caller gets of whatever it may ask; failures are answers as well. */
async function askAll(client: TelemetryClient, unnamed: boolean) {
  const attempt = async (ask: () => Promise<unknown>) => ask().catch((error: unknown) => String(error));
  const drain = async (stream: AsyncIterable<unknown>) => {
    for await (const _ of stream);
  };
  await attempt(() => client.status());
  await attempt(() => client.listChannels());
  await attempt(() => client.listVersions());
  await attempt(() => drain(client.ledger({ days: true })));
  for (const { name } of CHANNELS) {
    await attempt(() => drain(client.query({ channels: [name] })));
    await attempt(() => drain(client.query({ channels: [name], from: 0, to: 9e6, pixels: 10 })));
    await attempt(async () => {
      for await (const _ of client.subscribe({ channels: [name] })) break;
    });
  }
  if (!unnamed) await attempt(() => client.sql({ sql: 'select * from channels' }));
  const lag = new LoopLag();
  const channels = CHANNELS.map(({ name }) => name);
  const wishes: WishSource = {
    follow(listener) {
      for (const outlines of [true, false]) listener({ gateway: '', channels, from: 0, to: 1e16, outlines });
      return () => {};
    },
  };
  const ahead = { outlined: NOTHING_OUTLINED, wishes };
  const opening = { feed: '', after: 0, pacer: new Pacer(), lag, assembly: new PackAssembly(), ...ahead };
  const transferred: PullBatch[] = [];
  for await (const batch of client.transfer(opening)) {
    transferred.push(batch);
    if (batch.complete) break;
  }
  const batches: PullBatch[] = [];
  const stop = new AbortController();
  for await (const batch of client.pull({ feed: '', after: 0, follow: false }, stop.signal)) batches.push(batch);
  const given: PullBatch[] = [];
  for await (const batch of client.pullGateway({ gateway: GATEWAY, feed: '', after: 0 })) given.push(batch);
  return { batches, transferred, given };
}

/** Columns of packs and items of a transfer are compressed, so that they are opened to be looked through. */
function plainOf(batches: readonly PullBatch[]): Buffer {
  const parts: Buffer[] = [];
  for (const { channel, nodes } of batches.flatMap(({ ahead }) => ahead?.outlines ?? [])) {
    const corners = decodeNodes(nodes).flatMap(({ min, max, first, last }) => [min, max, first, last]);
    parts.push(Buffer.from(channel), Buffer.from(Float64Array.from(corners).buffer));
  }
  for (const item of batches.flatMap(({ items, ahead }) => [...items, ...(ahead?.items ?? [])])) {
    if (item.kind !== 'pack') {
      parts.push(Buffer.from(JSON.stringify(item)));
      continue;
    }
    const pack = Pack.open(item.bytes);
    for (const [i, { channel }] of pack.blocks.entries()) {
      const { values } = pack.samples(i);
      parts.push(
        Buffer.from(channel),
        values instanceof Float64Array ? Buffer.from(values.slice().buffer) : Buffer.from(''),
      );
    }
  }
  return Buffer.concat(parts);
}

for (const { name, caller, goes } of CASES) {
  t.test(`${name} gets nothing of a channel that does not go there: neither name nor value`, async (t) => {
    const { db, port } = await serve(t);
    const wire = await tapped(t, port);
    const client = new TelemetryClient(
      { host: HOST, port: wire.port },
      caller === undefined ? {} : { destination: caller },
    );
    t.teardown(() => client.close());
    const { batches, transferred, given } = await askAll(client, caller === undefined);
    t.equal(given.at(-1)?.complete, true);
    const { store } = await client.status();
    const reached = batches.at(-1)?.items.at(-1)?.position;
    t.same(
      store.settled,
      { until: 7e6, position: caller === undefined ? db.lastPosition() : reached },
      'all of what goes there has come',
    );
    const sent = Buffer.concat([wire.bytes(), plainOf(transferred), plainOf(batches), plainOf(given)]);
    for (const { name: channel, value } of CHANNELS) {
      const isThere = [Buffer.from(channel), Buffer.from(Float64Array.of(value).buffer)].map((bytes) =>
        sent.includes(bytes),
      );
      const expected = goes.includes(channel);
      t.same(isThere, [expected, expected], channel);
    }
    const packs = batches.flatMap(({ items }) =>
      items.flatMap((item) => (item.kind === 'pack' ? [Pack.open(item.bytes)] : [])),
    );
    t.same(
      packs[0]?.blocks.map(({ channel, firstSequence }) => [channel, firstSequence]),
      goes.map((each) => [each, 0]),
      'cut',
    );
    t.equal(packs.length, 1 + goes.length);
    const [whole] = db.feed(0, 99, 1e9).filter((item) => item.kind === 'pack');
    const original = whole?.kind === 'pack' ? Pack.open(whole.bytes) : undefined;
    t.same(packs[0]?.header, original?.header);
    for (const [i, block] of (packs[0]?.blocks ?? []).entries()) {
      const index = original?.blocks.findIndex(({ channel }) => channel === block.channel) ?? -1;
      t.same(packs[0]?.samples(i), original?.samples(index), 'samples as they were');
    }
    t.equal(batches.at(-1)?.complete, true);
  });
}

t.test('which channels do not go to a central is told on the box, to another central not', async (t) => {
  const { port } = await serve(t);
  const ask = async (destination: string, caller?: string) => {
    const client = new TelemetryClient({ host: HOST, port }, caller === undefined ? {} : { destination: caller });
    t.teardown(() => client.close());
    const told: Record<string, string | undefined> = {};
    for await (const { channel, withheld } of client.ledger({ destination })) told[channel] = withheld;
    return told;
  };
  t.same(await ask('team'), {
    ...{ 'open/speed': undefined, 'open/driver-heart': 'filter', 'eu/fuel-secret': undefined },
    ...{ 'us/tyre-secret': 'residency', 'local/weight-secret': 'residency' },
  });
  t.same(await ask('team', 'team'), { 'open/speed': undefined, 'eu/fuel-secret': undefined });
  await t.rejects(ask('maker', 'team'), { code: 'access-refused' });
});

t.test('someone on the box sees everything, and still pulls only what may go anywhere', async (t) => {
  const { port } = await serve(t);
  const client = new TelemetryClient({ host: HOST, port });
  t.teardown(() => client.close());
  t.equal((await client.listChannels()).length, CHANNELS.length);
  const text = plainOf((await askAll(client, true)).batches).toString('latin1');
  t.same(
    CHANNELS.filter(({ name }) => text.includes(name)).map(({ name }) => name),
    ['open/speed', 'open/driver-heart'],
  );
});

t.test('statements of SQL read the whole store, and are refused to a central', async (t) => {
  const { port } = await serve(t);
  const client = new TelemetryClient({ host: HOST, port }, { destination: 'team' });
  t.teardown(() => client.close());
  await t.rejects(client.sql({ sql: 'select 1' }), { message: /answered to callers on the box only/ });
});

t.test(
  'what was chosen is looked at again as it leaves, also where a channel was defined anew in between',
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-residency-'));
    const db = filled(dir);
    t.teardown(() => {
      db.close();
      rmSync(dir, { recursive: true });
    });
    const feed = new ScopedFeed(db, new DestinationPolicy(DESTINATIONS).scopeOf('stranger'));
    const items = feed.feed(0, 99, 1e9);
    t.ok(items.some(({ kind }) => kind === 'pack'));
    for (const item of items) feed.requireAllowed(item);
    const speed = db.channelsAfter(0).channels.find(({ name }) => name === 'open/speed');
    db.transaction(() =>
      db.keepChannel(GATEWAY, defineChannel({ name: 'open/speed', residency: 'local', source: 's' }), speed?.id),
    );
    const pack = items.find(({ kind }) => kind === 'pack');
    t.throws(() => pack && feed.requireAllowed(pack), { code: 'residency-violated' });
  },
);
