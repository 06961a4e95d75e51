/*
 * What merging gives and costs at a central over SQLite, on slow channels: 500 sensors of simulated cars, asked once a minute for a
 * day, each minute a pack as a gateway seals it by default, which central kept as they came. Bytes are those of pages in use over all
 * samples. Charts are of 50 channels over the whole day to 1,000 pixels, warm, the median of rounds; each pixel is the same before and after.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { defineChannel } from '../../gateway/channel.ts';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { BlockDb } from '../../gateway/store/block-db.ts';
import type { FeedItem } from '../../gateway/store/block-rows.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { Keeper } from '../../sync/central/keeper.ts';
import { sqliteMerger } from '../../sync/central/sqlite-merger.ts';
import { SqliteStore } from '../../sync/central/sqlite-store.ts';
import { GATEWAY, StoreRig } from '../gateway/store/store-rig.ts';
import type { Findings, Progress } from './figure.ts';
import { pollSlowly } from './low-rate-drive.ts';
import { median, percentile, secondsOf } from './statistics.ts';

const CARS = 2;
const DAYS = 1;
const DAY_MS = 86_400_000;
const INTERVAL_S = 60;
const RING_SLOTS = 1 << 16;
const CHARTS = 50;
const PIXELS = 1000;
const ROUNDS = 7;

export async function measureCentralMerge(progress: Progress): Promise<Findings> {
  const rig = new StoreRig([], RING_SLOTS);
  const dir = mkdtempSync(join(tmpdir(), 'caisson-central-'));
  try {
    const samples = fill(rig, progress);
    const clock = { ms: Date.UTC(2026, 4, 17, 12) };
    const db = BlockDb.open(storePaths(dir).blocks);
    const store = new SqliteStore(db, () => clock.ms);
    await pull(store, rig.blocks.feed(0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), clock);
    const before = { bytes: db.pageBytes().used, packs: countPacks(db), ...chartsOf(dir) };
    progress(`merging ${before.packs} packs of ${samples} samples`);
    const merger = sqliteMerger(db, store.arrivals, (text) => {
      throw new Error(text);
    });
    const steps: number[] = [];
    for (let isLast = false; !isLast; ) {
      const { user, system } = process.cpuUsage();
      isLast = merger.step();
      const since = process.cpuUsage({ user, system });
      steps.push((since.user + since.system) / 1e3);
    }
    const after = { bytes: db.pageBytes().used, packs: countPacks(db), ...chartsOf(dir) };
    db.close();
    if (before.pixels !== after.pixels) throw new Error('a chart is another one once packs are merged');
    const merged = merger.status();
    const cpuMs = steps.reduce((sum, ms) => sum + ms, 0);
    return {
      figures: [
        {
          name: 'central_low_rate_bytes',
          value: before.bytes / samples,
          unit: 'B/sample',
          meaning: `500 channels, a sample a minute for a day, kept by central as it came; all pages in use`,
        },
        {
          name: 'central_merged_bytes',
          value: after.bytes / samples,
          unit: 'B/sample',
          meaning: 'the same once packs of the day are merged',
        },
        {
          name: 'central_low_rate_charts_ms',
          value: before.ms,
          unit: 'ms',
          meaning: `${CHARTS} charts of the day as it came`,
        },
        {
          name: 'central_merged_charts_ms',
          value: after.ms,
          unit: 'ms',
          meaning: 'the same once packs are merged',
        },
        {
          name: 'central_merge_step_ms',
          value: percentile(steps, 99),
          unit: 'ms',
          meaning: 'CPU time of a step of merging, p99: what a pull may wait for',
        },
      ],
      notes: [
        `merging at central: ${before.packs} packs became ${after.packs}, ${((cpuMs * 1e3) / merged.samples).toFixed(2)} us of CPU a sample, the longest step ${Math.max(...steps).toFixed(0)} ms`,
      ],
    };
  } finally {
    rig.dispose();
    rmSync(dir, { recursive: true });
  }
}

/** A box that is asked each minute and seals what it has. Returns the number of samples. */
function fill(rig: StoreRig, progress: Progress): number {
  // Polled each second, and told as if it had been each minute.
  const { specs, channels, times: seconds, values } = pollSlowly(CARS, (DAYS * DAY_MS) / 1e3 / INTERVAL_S);
  const origin = seconds[0] ?? 0;
  const times = seconds.map((time) => origin + (time - origin) * INTERVAL_S);
  progress(`${times.length} samples of ${specs.length} channels, one a minute`);
  rig.writer.keepChannels(specs.map((spec, index) => ({ ...defineChannel(spec), id: index + 1 })));
  const minuteOf = (time: number) => Math.round((time - origin) / (INTERVAL_S * 1e6));
  const seal = () => {
    rig.commit();
    rig.sealAll();
    rig.writer.trim();
  };
  for (let i = 0, minute = 0; i < times.length; i += 1) {
    const time = times[i] as number;
    if (minuteOf(time) !== minute) seal();
    minute = minuteOf(time);
    rig.ring.writeSample((channels[i] as number) + 1, time, values[i] as number);
  }
  seal();
  return times.length;
}

/** As a line brings it, a day after the other, and one that only begins. */
async function pull(store: SqliteStore, items: readonly FeedItem[], clock: { ms: number }): Promise<void> {
  const keeper = new Keeper(store);
  const keep = (some: readonly FeedItem[], complete: boolean) =>
    keeper.keep({ role: 'gateway', gateway: GATEWAY }, { feed: 'f', items: some, complete });
  for (let day = 0; day < DAYS; day += 1) {
    const of = items.slice((items.length * day) / DAYS, (items.length * (day + 1)) / DAYS);
    for (let at = 0; at < of.length; at += 256) await keep(of.slice(at, at + 256), false);
    clock.ms += DAY_MS;
  }
  await store.change('nobody', [], () => {});
}

function countPacks(db: BlockDb): number {
  return new Set(db.blocksAfter(0).map(({ position }) => position)).size;
}

/** The time of the charts, milliseconds, and what they show. */
function chartsOf(dir: string): { readonly ms: number; readonly pixels: string } {
  const telemetry = StoreTelemetry.open(dir);
  try {
    const channels = telemetry.channels().slice(0, CHARTS);
    const newest = Math.max(...channels.map(({ id }) => telemetry.latest(id)?.time ?? 0));
    const from = newest - DAYS * DAY_MS * 1e3;
    const chart = () => channels.map(({ id }) => telemetry.envelope(id, from, newest + 1, PIXELS));
    const pixels = chart().map(({ count, min, max, first, last }) =>
      [count, min, max, first, last].map((column) => Buffer.from(column.slice().buffer).toString('base64')),
    );
    return { ms: median(Array.from({ length: ROUNDS }, () => secondsOf(chart) * 1e3)), pixels: JSON.stringify(pixels) };
  } finally {
    telemetry.close();
  }
}
