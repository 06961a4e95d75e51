import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { FeedItem } from '../../../gateway/store/block-db.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import type { PullBatch } from '../../../sync/api/pull-batch.ts';
import { startTelemetryServer } from '../../../sync/api/server.ts';
import { DailyBudget } from '../../../sync/line/daily-budget.ts';
import { PullLine, type PullSink, type Way } from '../../../sync/line/pull-line.ts';
import { WireMeter } from '../../../sync/line/wire-meter.ts';
import { TrafficBook } from '../../../sync/usage/traffic-book.ts';
import { UsageDb } from '../../../sync/usage/usage-db.ts';
import { waitFor } from '../../wait-for.ts';
import { exampleStatus, MemoryTelemetry } from '../memory-telemetry.ts';
import { type LinkShape, ShapedLink } from '../shaped-link.ts';

const HOST = '127.0.0.1';

/** Time of back-offs and of trust passes so many times faster. */
const HURRY = 25;

const PACK_BYTES = 20_000;

/** What a pacer that starts may have on its way over such links, bytes. */
const ON_ITS_WAY_BYTES = 512 * 1024;

/** Packs that no compression makes smaller, behind a boot. */
function packs(count: number): FeedItem[] {
  const random = new Random(7);
  const items: FeedItem[] = [{ kind: 'boot', position: 1, gateway: 'box', boot: 'f', started: 0 }];
  for (let position = 2; position <= count + 1; position += 1) {
    items.push({ kind: 'pack', position, bytes: Uint8Array.from({ length: PACK_BYTES }, () => random.below(256)) });
  }
  return items;
}

/** Keeps positions, and says what came twice or not at all. */
class PositionSink implements PullSink {
  readonly kept: number[] = [];

  async resume() {
    return { feed: 'f', after: this.kept.at(-1) ?? 0 };
  }

  async keep(_peer: object, { items }: PullBatch) {
    for (const { position } of items) this.kept.push(position);
    return { samples: items.length };
  }

  async skip() {}
}

/** A gateway that is reached over several links. */
async function start(t: Test, items: FeedItem[], shapes: Readonly<Record<string, LinkShape>>) {
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry: new MemoryTelemetry(), storeDir: tmpdir() },
    feed: { feed: (after: number) => items.filter(({ position }) => position > after).slice(0, 8), feedId: () => 'f' },
    status: () => exampleStatus('box'),
  });
  const links = new Map<string, ShapedLink>();
  for (const [name, shape] of Object.entries(shapes)) links.set(name, await ShapedLink.start(server.port, shape));
  const link = (name: string) => {
    const found = links.get(name);
    if (found === undefined) throw new Error(`no link ${name}`);
    return found;
  };
  const way = (name: string, more: Partial<Way> = {}): Way & { readonly meter: WireMeter } => {
    const meter = new WireMeter();
    return {
      name,
      meter,
      connect: () => new TelemetryClient({ host: HOST, port: link(name).port }, { meter }),
      ...more,
    };
  };
  const sink = new PositionSink();
  const pull = (ways: readonly Way[]) => {
    const steadyMs = () => performance.now() * HURRY;
    const line = new PullLine({
      ...{ ways, sink, follower: 'hq', steadyMs, lookMs: 40 },
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          const timer = setTimeout(resolve, ms / HURRY);
          signal.addEventListener('abort', () => {
            clearTimeout(timer);
            resolve();
          });
        }),
    });
    t.teardown(() => line.stop());
    line.start();
    return line;
  };
  t.teardown(async () => {
    for (const each of links.values()) await each.stop();
    await server.stop();
  });
  return { link, way, pull, sink };
}

const inUse = (line: PullLine) => line.health().lines.find(({ state }) => state === 'in-use')?.name;

t.test(
  'a line that dies is followed by the next, and taken again, with every item once and no pack twice',
  async (t) => {
    const items = packs(120);
    const { link, way, pull, sink } = await start(t, items, {
      lan: { downBitsPerS: 20e6, roundTripMs: 4 },
      lte: { downBitsPerS: 6e6, roundTripMs: 40 },
    });
    const line = pull([way('lan'), way('lte', { isMetered: true })]);
    await waitFor('a part came over the LAN', () => sink.kept.length > 10);
    t.equal(inUse(line), 'lan');
    link('lan').goDown();
    await waitFor('LTE takes over', () => inUse(line) === 'lte' && link('lte').down.bytes > 100_000);
    t.match(line.health().lines, [
      { name: 'lan', state: 'dead' },
      { name: 'lte', state: 'in-use', metered: true },
    ]);
    link('lan').goUp();
    await waitFor('the LAN is taken again', () => inUse(line) === 'lan');
    await waitFor('all is there', () => line.health().complete);
    t.same(
      sink.kept,
      items.map(({ position }) => position),
      'each once, in order',
    );
    const passed = link('lan').down.bytes + link('lte').down.bytes;
    const least = 120 * PACK_BYTES;
    t.ok(passed < least * 1.1 + ON_ITS_WAY_BYTES, `${passed} bytes for ${least}: a cut costs what was on its way`);
  },
);

t.test('a budget is used to its end and not beyond, as the wire has it, and the next line goes on', async (t) => {
  const items = packs(100);
  const { link, way, pull, sink } = await start(t, items, {
    lte: { downBitsPerS: 20e6, roundTripMs: 10 },
    sat: { downBitsPerS: 20e6, roundTripMs: 10 },
  });
  const days = { last: () => undefined, of: () => undefined, keep: () => {} };
  const budget = new DailyBudget({ bytesPerDay: 1e6, days, utcMs: () => 1.8e12, steadyMs: () => 0 });
  const line = pull([way('lte', { budget }), way('sat')]);
  await waitFor('all is there', () => line.health().complete);
  t.match(line.health().lines, [
    { name: 'lte', state: 'waiting', why: 'budget used up until 2027-01-16 00:00 UTC', budgetBytes: 1e6 },
    { name: 'sat', state: 'in-use' },
  ]);
  await line.stop();
  const spent = link('lte').down.bytes + link('lte').up.bytes;
  // A line is left when two messages do not fit any more, and what comes all at once after this process stood still makes them large.
  t.ok(spent <= 1e6 && spent > 0.7e6, `${spent} bytes of 1000000`);
  t.equal(sink.kept.length, items.length);
});

t.test('a line that may carry so much a second carries no more', async (t) => {
  const { link, way, pull, sink } = await start(t, packs(20), { lte: { downBitsPerS: 50e6, roundTripMs: 4 } });
  const from = performance.now();
  const line = pull([way('lte', { capBytesPerS: 200_000 })]);
  await waitFor('all is there', () => line.health().complete);
  const rate = (link('lte').down.bytes * 1e3) / (performance.now() - from);
  t.ok(rate < 220_000, `${rate.toFixed(0)} bytes a second`);
  t.equal(sink.kept.length, 21);
});

t.test('what is written down is what passed on the wire, to the byte, day by day, also after a restart', async (t) => {
  const { link, way, pull } = await start(t, packs(30), { lan: { downBitsPerS: 20e6, roundTripMs: 4 } });
  const dir = mkdtempSync(join(tmpdir(), 'caisson-usage-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'usage.db');
  const lan = way('lan');
  let utcMs = 20_000 * 86_400_000;
  let db = UsageDb.open(path);
  const book = new TrafficBook({ db, utcMs: () => utcMs });
  book.follow(() => 'box', 'lan', lan.meter);
  const line = pull([lan]);
  await waitFor('a part came', () => link('lan').down.bytes > 100_000);
  const today = book.rows(20_000, 20_001);
  utcMs += 86_400_000;
  await waitFor('all is there', () => line.health().complete);
  await line.stop();
  await waitFor('the connection is closed', () => lan.meter.open === 0);
  book.close();
  db.close();
  db = UsageDb.open(path);
  const rows = db.rows(20_000, 20_002);
  db.close();
  t.same(rows[0], today[0], 'yesterday stays as it was');
  t.equal(
    rows.reduce((sum, { received }) => sum + received, 0),
    link('lan').down.bytes,
  );
  t.equal(
    rows.reduce((sum, { sent }) => sum + sent, 0),
    link('lan').up.bytes,
  );
});
