import { tmpdir } from 'node:os';
import t, { type Test } from 'tap';
import type { FeedItem } from '../../../gateway/store/block-db.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { LoopLag } from '../../../sync/line/loop-lag.ts';
import { Pacer } from '../../../sync/line/pacer.ts';
import { PackAssembly } from '../../../sync/line/pack-assembly.ts';
import { StolenTime } from '../../stolen-time.ts';
import { waitFor } from '../../wait-for.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';
import { type LinkShape, ShapedLink } from '../shaped-link.ts';

/** Packs of that size, each of its own bytes, and a boot before them. */
function packs(count: number, size: number): FeedItem[] {
  const items: FeedItem[] = [{ kind: 'boot', position: 1, gateway: 'box', boot: 'f', started: 0 }];
  for (let position = 2; position <= count + 1; position += 1) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 31 + position) & 0xff);
    items.push({ kind: 'pack', position, bytes });
  }
  return items;
}

async function serve(t: Test, items: readonly FeedItem[], shape: LinkShape) {
  const telemetry = new MemoryTelemetry();
  const server = await startTelemetryServer({
    host: '127.0.0.1',
    port: 0,
    telemetry,
    feed: { feed: (after) => items.filter(({ position }) => position > after).slice(0, 4), feedId: () => 'f' },
    status: () => exampleStatus(),
    storeDir: tmpdir(),
  });
  const link = await ShapedLink.start(server.port, shape);
  const lag = new LoopLag();
  lag.start();
  t.teardown(async () => {
    lag.stop();
    await link.stop();
    await server.stop();
  });
  const assembly = new PackAssembly();
  const pull = async (after: number, until: (item: FeedItem) => boolean): Promise<FeedItem[]> => {
    const client = new TelemetryClient({ host: '127.0.0.1', port: link.port });
    const came: FeedItem[] = [];
    const pacer = new Pacer();
    try {
      for await (const batch of client.transfer({ feed: 'f', after, pacer, lag, assembly })) {
        came.push(...batch.items);
        if (batch.complete || batch.items.some(until)) break;
      }
    } catch (error) {
      if (came.length === 0) throw error;
    } finally {
      client.close();
    }
    return came;
  };
  return { link, pull, assembly, telemetry };
}

t.test('brings everything in order, in messages that are smaller than a pack', async (t) => {
  const items = packs(6, 60_000);
  const { pull } = await serve(t, items, { downBitsPerS: 20e6, roundTripMs: 10 });
  const came = await pull(0, () => false);
  t.same(
    came.map(({ position }) => position),
    items.map(({ position }) => position),
  );
  for (const [i, item] of came.entries()) {
    const sent = items[i];
    if (item.kind === 'pack' && sent?.kind === 'pack') t.ok(Buffer.compare(item.bytes, sent.bytes) === 0);
  }
});

t.test('goes on at the byte after a cut in the middle of a pack', async (t) => {
  const items = packs(1, 400_000);
  const { link, pull, assembly } = await serve(t, items, { downBitsPerS: 4e6, roundTripMs: 10 });
  const first = pull(0, () => false);
  await waitFor('a part came', () => (assembly.parts[0]?.bytes ?? 0) > 100_000);
  link.cut();
  const before = await first;
  t.same(
    before.map(({ kind }) => kind),
    ['boot'],
    'what came before the cut is given',
  );
  const part = assembly.parts[0]?.bytes ?? 0;
  const passed = link.down.bytes;
  const [pack] = await pull(1, () => true);
  const [, sent] = items;
  t.ok(pack?.kind === 'pack' && sent?.kind === 'pack' && Buffer.compare(pack.bytes, sent.bytes) === 0);
  const again = link.down.bytes - passed - (400_000 - part);
  t.ok(again < 12_000, `${again} bytes beyond the rest of the pack, of framing`);
});

t.test('a live value does not wait behind a backlog', async (t) => {
  const items = packs(40, 200_000);
  const { link, pull, telemetry } = await serve(t, items, { downBitsPerS: 2e6, roundTripMs: 20 });
  const channel = telemetry.add('a', () => [][Symbol.iterator]()).id;
  const draining = pull(0, ({ position }) => position > 5).catch(() => []);
  const client = new TelemetryClient({ host: '127.0.0.1', port: link.port });
  await waitFor('the line is in use', () => link.down.bytes > 300_000);
  const delays: number[] = [];
  const stolen = new StolenTime(t);
  let before = stolen.ms;
  telemetry.commit(channel, 0, performance.now());
  for await (const values of client.subscribe({ channels: ['a'], rateMax: 60 })) {
    if (values.length > 0) delays.push(performance.now() - (values[0]?.value as number) - (stolen.ms - before));
    if (delays.length >= 20) break;
    before = stolen.ms;
    telemetry.commit(channel, delays.length + 1, performance.now());
  }
  client.close();
  link.cut();
  await draining;
  delays.sort((a, b) => a - b);
  t.ok((delays[10] ?? 0) < 150, `median ${delays[10]?.toFixed(0)} ms, less what others took`);
});
