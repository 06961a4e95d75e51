/*
 * What merging gives and costs at a central, over SQLite and over PostgreSQL (`postgres-merge.ts`), on slow channels: 500 sensors of simulated cars, asked once a minute for a
 * day, each minute a pack as a gateway seals it by default, which central kept as they came. Bytes are those of pages in use over all
 * samples. Charts are of 50 channels over the whole day to 1,000 pixels, warm, the median of rounds; each pixel is the same before and after.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { BlockDb } from '../../gateway/store/block-db.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { sqliteMerger } from '../../sync/central/sqlite-merger.ts';
import { SqliteStore } from '../../sync/central/sqlite-store.ts';
import type { Findings, Progress } from './figure.ts';
import { measurePostgresMerge } from './postgres-merge.ts';
import { CHARTS, DAY_MS, PIXELS, pixelsOf, pull, ROUNDS, type SlowDay, slowDay } from './slow-day.ts';
import { median, percentile, secondsOf } from './statistics.ts';

/** @param url of an empty database */
export async function measureCentralMerge(progress: Progress, url: string): Promise<Findings> {
  const day = slowDay(progress);
  const [sqlite, postgres] = [await measureSqlite(day, progress), await measurePostgresMerge(url, day, progress)];
  return {
    figures: [...sqlite.figures, ...postgres.figures],
    notes: [...(sqlite.notes ?? []), ...(postgres.notes ?? [])],
  };
}

async function measureSqlite({ items, samples }: SlowDay, progress: Progress): Promise<Findings> {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-central-'));
  try {
    const clock = { ms: Date.UTC(2026, 4, 17, 12) };
    const db = BlockDb.open(storePaths(dir).blocks);
    const store = new SqliteStore(db, () => clock.ms);
    await pull(store, items, clock);
    // Something that comes on a later day.
    await store.change('nobody', [], () => {});
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
    rmSync(dir, { recursive: true });
  }
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
    const from = newest - DAY_MS * 1e3;
    const chart = () => channels.map(({ id }) => telemetry.envelope(id, from, newest + 1, PIXELS));
    const pixels = pixelsOf(chart());
    return { ms: median(Array.from({ length: ROUNDS }, () => secondsOf(chart) * 1e3)), pixels };
  } finally {
    telemetry.close();
  }
}
