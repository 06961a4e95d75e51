/**
 * What comes first over a thin line, of 5 Mbit/s and 20 ms.
 *
 * - The first chart: a gateway comes back with seven laps of 90 s of the simulated car, over ten minutes, all sealed behind each of them: a
 *   gateway seals what is a minute old. How long until central can draw the last lap, every second of every channel, over how long it
 *   takes in the order in which it was taken in.
 * - Live values while a backlog drains over the same line, from when they are there to when a subscriber has them, over the same in one
 *   stream behind whatever was written before. The backlog does not end: how much there is of it, 1 GB or more, changes nothing of what
 *   is on its way at a time, and in one stream all of it would have to pass first, which is left out of the comparison.
 * - Bytes of packs that come a second time when the line is cut every ten seconds.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { BlockDb, type FeedItem } from '../../gateway/store/block-db.ts';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import type { FeedSource } from '../../sync/api/pull-call.ts';
import { startTelemetryServer } from '../../sync/api/server.ts';
import { Keeper } from '../../sync/central/keeper.ts';
import { SqliteStore } from '../../sync/central/sqlite-store.ts';
import { LoopLag } from '../../sync/line/loop-lag.ts';
import { Pacer } from '../../sync/line/pacer.ts';
import { PackAssembly, type PackPiece } from '../../sync/line/pack-assembly.ts';
import { PullLine } from '../../sync/line/pull-line.ts';
import { exampleStatus, MemoryTelemetry } from '../sync/memory-telemetry.ts';
import { ShapedLink } from '../sync/shaped-link.ts';
import { waitFor } from '../wait-for.ts';
import { BENCH_GATEWAY, BenchStore } from './bench-store.ts';
import { lapUsOf } from './drive.ts';
import { DriveFeed } from './drive-feed.ts';
import { atMost, type Findings, type Progress } from './figure.ts';
import { simulateGrid } from './grid-drive.ts';
import { endlessFeed } from './sync-line.ts';

const HOST = '127.0.0.1';
const LAP_S = 90;
const LAPS = 7;
const LINE = { downBitsPerS: 5e6, roundTripMs: 20 };
const PULL_MAX_MS = 300_000;
const PEER = { role: 'gateway', gateway: BENCH_GATEWAY } as const;
const LIVE_VALUES = 400;
const LIVE_INTERVAL_MS = 50;
const CUT_MS = 10_000;
const CUTS = 3;

/** Everything that is opened, closed in the opposite order. */
type Closers = (() => unknown)[];

export async function measureFidelity(progress: Progress): Promise<Findings> {
  const gateway = new BenchStore();
  try {
    const drive = await simulateGrid(1, LAP_S);
    for (let lap = 0; lap < LAPS; lap += 1) {
      const host = await gateway.open();
      await new DriveFeed(drive, host.intake, lap).laps(1);
      await host.stop();
      await gateway.sealRest();
    }
    progress('the first chart, in the order in which it was taken in');
    const inOrder = await firstChart(gateway, lapUsOf(drive), false);
    progress(`${inOrder.lapMs.toFixed(0)} ms; with outlines ahead`);
    const ahead = await firstChart(gateway, lapUsOf(drive), true);
    progress(`${ahead.lapMs.toFixed(0)} ms; live values beside a backlog`);
    const packs = gateway.ask((blocks) =>
      blocks.feed(0, 1e6, 1e9).flatMap((item) => (item.kind === 'pack' ? [item.bytes] : [])),
    );
    const live = await liveDelays(packs, gateway.dir);
    const fifo = await fifoDelays(packs, gateway.dir);
    progress(`p99 ${p99(live).toFixed(0)} ms, in one stream ${p99(fifo).toFixed(0)} ms; a cut every ${CUT_MS / 1e3} s`);
    const cuts = await resent(packs, gateway.dir);
    return {
      figures: [
        {
          name: 'first_chart_ratio',
          value: ahead.lapMs / inOrder.lapMs,
          unit: '',
          target: atMost(1 / 20),
          meaning:
            'until the last lap of ten minutes can be drawn, over the same in the order in which it was taken in',
        },
        {
          name: 'live_p99_ratio',
          value: p99(live) / p99(fifo),
          unit: '',
          target: atMost(1 / 10),
          meaning: 'delay of live values beside a backlog, p99, over that in one stream',
        },
        {
          name: 'live_p99_ms',
          value: p99(live),
          unit: 'ms',
          target: atMost(LINE.roundTripMs + 50),
          meaning: `the same, over a line of ${LINE.roundTripMs} ms`,
        },
        {
          name: 'resent_bytes_per_cut',
          value: cuts.bytes,
          unit: 'B',
          target: atMost(cuts.quantumBytes),
          meaning: `of packs, that came twice, a cut every ${CUT_MS / 1e3} s; at most one message`,
        },
      ],
      notes: [
        `all ${LAPS} laps: ${(ahead.allMs / inOrder.lapMs).toFixed(3)} of the time in order`,
        `outlines: ${(ahead.outlineBytes / inOrder.bytes).toFixed(3)} of the bytes of the packs`,
      ],
    };
  } finally {
    gateway.dispose();
  }
}

/** Time until the last lap, and all, can be drawn, milliseconds from when the line is there. */
async function firstChart(gateway: BenchStore, lapUs: number, outlines: boolean) {
  const central = new BenchStore();
  const closers: Closers = [() => central.dispose()];
  try {
    const feed = BlockReader.openReadonly(storePaths(gateway.dir).blocks);
    closers.push(() => feed.close());
    const { oldest, newest } = lapPositions(feed, lapUs);
    const link = await serve(feed, gateway.dir, closers);
    const db = BlockDb.open(storePaths(central.dir).blocks);
    closers.push(() => db.close());
    const keeper = new Keeper(new SqliteStore(db));
    const line = new PullLine({
      ...{ follower: 'bench', outlines, sink: keeper },
      ways: [{ name: '', connect: () => new TelemetryClient({ host: HOST, port: link.port }) }],
    });
    closers.push(() => line.stop());
    const started = performance.now();
    line.start();
    if (!outlines) {
      await waitFor('central has everything', () => line.health().complete, PULL_MAX_MS);
      const lapMs = performance.now() - started;
      requireSameCharts(gateway, central.dir, lapUs);
      return { lapMs, allMs: lapMs, outlineBytes: 0, bytes: link.down.bytes };
    }
    const reach = () => JSON.parse(db.meta(`outlined of ${PEER.gateway}`) ?? '{}') as { upTo?: number; from?: number };
    const isThere = (position: number) => {
      const { upTo = 0, from = Number.POSITIVE_INFINITY } = reach();
      return upTo >= newest || (from < position && from > 0);
    };
    await waitFor('the last lap can be drawn', () => isThere(oldest), PULL_MAX_MS);
    const lapMs = performance.now() - started;
    requireSameCharts(gateway, central.dir, lapUs);
    await waitFor('all can be drawn', () => (reach().upTo ?? 0) >= newest, PULL_MAX_MS);
    return { lapMs, allMs: performance.now() - started, outlineBytes: link.down.bytes, bytes: 0 };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** Positions of the oldest pack with a sample of the last lap, and of the newest of all. */
function lapPositions(feed: BlockReader, lapUs: number): { readonly oldest: number; readonly newest: number } {
  const packs = feed.feed(0, 1e6, 1e9).flatMap((item) => (item.kind === 'pack' ? [item] : []));
  const ends = packs.map(({ bytes }) => Math.max(...Pack.open(bytes).blocks.map(({ timeMax }) => timeMax)));
  const begin = Math.max(...ends) - lapUs;
  const first = packs.find((_, i) => (ends[i] ?? 0) >= begin);
  return { oldest: first?.position ?? 0, newest: packs.at(-1)?.position ?? 0 };
}

/** @throws Error where a channel of numbers has other samples in a second of the last lap */
function requireSameCharts(gateway: BenchStore, dir: string, lapUs: number): void {
  const [own, central] = [gateway.telemetry(), StoreTelemetry.open(dir)];
  try {
    for (const { id, name, type } of own.channels()) {
      const newest = own.latest(id);
      if (type === 'text' || newest === undefined) continue;
      const to = (Math.floor(newest.time / 1e6) + 1) * 1e6;
      const seconds = Math.floor(lapUs / 1e6);
      const [truth, chart] = [own, central].map((telemetry) =>
        telemetry.envelope(telemetry.channel(name).id, to - seconds * 1e6, to, seconds),
      );
      const isSame = truth?.count.every((count, i) => count === chart?.count[i]);
      if (isSame !== true) throw new Error(`the chart of ${name} lacks samples`);
    }
  } finally {
    own.close();
    central.close();
  }
}

/** Delays of live values while a backlog drains over the same line, milliseconds. */
async function liveDelays(packs: readonly Uint8Array[], storeDir: string): Promise<number[]> {
  const closers: Closers = [];
  try {
    const telemetry = new MemoryTelemetry();
    const channel = telemetry.add('a', () => [][Symbol.iterator]()).id;
    const link = await serve(endlessFeed(packs), storeDir, closers, telemetry);
    const [bulk, live] = [1, 2].map(() => new TelemetryClient({ host: HOST, port: link.port }));
    const stopping = new AbortController();
    const lag = new LoopLag();
    lag.start();
    const request = { feed: 'bench', after: 0, pacer: new Pacer(), lag, assembly: new PackAssembly() };
    const draining = (async () => {
      for await (const _ of bulk?.transfer(request, stopping.signal) ?? []);
    })();
    await wait(5_000);
    const delays: number[] = [];
    telemetry.commit(channel, 0, performance.now());
    const timer = setInterval(() => telemetry.commit(channel, performance.now(), performance.now()), LIVE_INTERVAL_MS);
    for await (const values of live?.subscribe({ channels: ['a'], rateMax: 60 }, stopping.signal) ?? []) {
      for (const { value } of values) delays.push(performance.now() - Number(value));
      if (delays.length > LIVE_VALUES) break;
    }
    clearInterval(timer);
    stopping.abort();
    await draining;
    lag.stop();
    bulk?.close();
    live?.close();
    // The first is what was known before.
    return delays.slice(1);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** The same in one stream: values are items of the feed, written as soon as there is room. */
async function fifoDelays(packs: readonly Uint8Array[], storeDir: string): Promise<number[]> {
  const closers: Closers = [];
  try {
    const waiting: number[] = [];
    const backlog = endlessFeed(packs);
    const feed: FeedSource = {
      feedId: () => 'bench',
      feed(after, itemsMax, bytesMax) {
        const values = waiting.splice(0).map((time, i): FeedItem => {
          const reading = { time, offset: 0, error: 0, source: 'ntp' as const };
          return { kind: 'clock', position: after + 1 + i, gateway: 'box', boot: 'live', reading };
        });
        return [...values, ...backlog.feed(after + values.length, itemsMax, bytesMax)];
      },
    };
    const link = await serve(feed, storeDir, closers);
    const client = new TelemetryClient({ host: HOST, port: link.port });
    closers.push(() => client.close());
    const timer = setInterval(() => waiting.push(performance.now()), LIVE_INTERVAL_MS);
    closers.push(() => clearInterval(timer));
    const delays: number[] = [];
    for await (const { items } of client.pull({ feed: 'bench', after: 0, follow: true })) {
      for (const item of items) if (item.kind === 'clock') delays.push(performance.now() - item.reading.time);
      if (delays.length >= LIVE_VALUES) break;
    }
    return delays;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** Counts what comes of packs. */
class CountingAssembly extends PackAssembly {
  #came = 0;
  #whole = 0;

  /** Bytes that came beyond those of the packs that are whole, or begun. */
  get twice(): number {
    return this.#came - this.#whole - this.parts.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  override add(piece: PackPiece) {
    this.#came += piece.bytes.length;
    const pack = super.add(piece);
    this.#whole += pack?.bytes.length ?? 0;
    return pack;
  }
}

/** Bytes of packs that came twice for each cut of the line, and those of one message. */
async function resent(packs: readonly Uint8Array[], storeDir: string) {
  const closers: Closers = [];
  try {
    const link = await serve(endlessFeed(packs), storeDir, closers);
    const lag = new LoopLag();
    lag.start();
    closers.push(() => lag.stop());
    const assembly = new CountingAssembly();
    let after = 0;
    let pacer = new Pacer();
    for (let round = 0; round <= CUTS; round += 1) {
      const client = new TelemetryClient({ host: HOST, port: link.port });
      pacer = new Pacer({ earlier: pacer.state });
      const timer = setTimeout(() => link.cut(), CUT_MS);
      try {
        for await (const batch of client.transfer({ feed: 'bench', after, pacer, lag, assembly })) {
          for (const item of batch.items) {
            if (item.kind !== 'pack' || item.position !== after + 1)
              throw new Error(`item ${item.position} behind ${after}`);
            after = item.position;
          }
        }
      } catch (error) {
        if (after === 0) throw error;
      } finally {
        clearTimeout(timer);
        client.close();
      }
    }
    return { bytes: assembly.twice / CUTS, quantumBytes: pacer.state.quantumBytes };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function serve(feed: FeedSource, storeDir: string, closers: Closers, telemetry = new MemoryTelemetry()) {
  const server = await startTelemetryServer({
    ...{ host: HOST, port: 0, telemetry, feed, storeDir },
    status: () => exampleStatus(BENCH_GATEWAY),
  });
  closers.push(() => server.stop());
  const link = await ShapedLink.start(server.port, LINE);
  closers.push(() => link.stop());
  return link;
}

function p99(delays: readonly number[]): number {
  const ascending = delays.toSorted((a, b) => a - b);
  return ascending[Math.floor(ascending.length * 0.99)] ?? Number.NaN;
}
