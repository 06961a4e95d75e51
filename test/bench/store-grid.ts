/*
 * The store under a grid of 20 simulated cars, 5,120 channels, decoded by the collectors beforehand. It runs in a process of
 * its own with the store thread as in a gateway; the main thread there is the producer: it reads samples from a file,
 * puts them into the ring and awaits the commits. Afterwards the store is read back, sample by sample, bit by bit, and
 * its ledger must have lost nothing.
 *
 * - At 500,000 samples/s, a batch every 5 ms, for a minute: half a minute of driving, twice. grid_cpu is the process without
 *   the producing thread, CPU seconds over seconds; grid_producer_cpu that thread. Device bytes are counted until every
 *   sample is in a block and the store closed, without the room held ready that is made once in the life of a store; memory is the most the process ever held.
 * - As fast as it goes, for half a minute and on to the end of a lap. The clock stops when the last sample is durable and
 *   every full block is sealed, so that no backlog counts as speed.
 * - Against better-sqlite3, a row a sample: the same samples (fewer of them), the same commit interval, both durable, the key
 *   such that a channel's stretch of time is found. What appending alone would give is noted.
 * - Against VictoriaMetrics: CPU over samples, each fed in its fastest own way. Theirs is the server alone, until it has
 *   flushed to parts that can be searched, by the cheapest of its ways in: JSON lines, remote write and its native format,
 *   each measured before ours and after, because a machine may be slower for a while; all of them bring columns, the samples of one series after those of the other. Times are in milliseconds
 *   there. Ours is a fast run with the same samples in the same order, pushed as columns, until every sample is in a block,
 *   also those of blocks that were not full, and the store closed, the producer included. ratio_vm_cpu_interleaved is of the
 *   run before, where samples come one by one, those of all channels mixed, as from cars; theirs stays as it is.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchStore, COMMIT_FLOOR_MS } from './bench-store.ts';
import { byChannel, columnsByChannel, type Drive, headOf, inMilliseconds, lapUsOf } from './drive.ts';
import { requireSame } from './drive-check.ts';
import { writeDriveFile } from './drive-file.ts';
import type { FeedOrder, FeedResult } from './feed-process.ts';
import { atLeast, atMost, type Figure, type Findings, type Progress } from './figure.ts';
import { simulateGrid } from './grid-drive.ts';
import { measureSqliteRows } from './peers/sqlite-rows.ts';
import { cheapestOf, meanOf, measureVictoriaCpu } from './peers/victoria-cpu.ts';
import { RAW_SAMPLE_BYTES } from './raw-sample.ts';
import { runFeed } from './run-feed.ts';
import { percentile } from './statistics.ts';

const CARS = 20;
const LAP_S = 30;
const RATE = 500_000;
const PACED_LAPS = 2;
const FLOOD_S = 30;

/** As in a gateway that says nothing else. */
const BLOCK_AGE_S = 60;

/** As fast as it goes blocks are full long before; it is what is waited for in the end. */
const FLOOD_AGE_S = 20;

/** Rows that SQLite is given: some seconds of work. */
const ROWS = 1_000_000;

/**
 * Samples that VictoriaMetrics is given, and ours in columns, again and again for so many seconds: a box runs for months, and
 * the seconds that V8 takes to compile the store once are not what a sample costs.
 */
const VICTORIA_SAMPLES = 10_000_000;
const COLUMNS_S = 60;

export async function measureGrid(progress: Progress): Promise<Findings> {
  progress(`driving ${CARS} simulated cars`);
  const drive = await simulateGrid(CARS, LAP_S);
  const paced = await feedGrid(
    drive,
    { laps: PACED_LAPS, seconds: 0, rate: RATE, blockAgeSeconds: BLOCK_AGE_S, sealsByAge: false, asColumns: false },
    progress,
  );
  const flood = await feedGrid(
    drive,
    { laps: 1, seconds: FLOOD_S, blockAgeSeconds: FLOOD_AGE_S, sealsByAge: true, asColumns: false },
    progress,
  );
  const head = headOf(drive, VICTORIA_SAMPLES);
  const names = drive.specs.map(({ name }) => name);
  const measureVictoria = () => measureVictoriaCpu(columnsByChannel(inMilliseconds(head)), names, progress);
  const before = await measureVictoria();
  const columns = await feedGrid(
    byChannel(head),
    { laps: 1, seconds: COLUMNS_S, blockAgeSeconds: FLOOD_AGE_S, sealsByAge: true, asColumns: true },
    progress,
  );
  const after = await measureVictoria();
  const victoria = meanOf([before.all, after.all]);
  const cheapest = cheapestOf(victoria);
  const rate = flood.samples / flood.sealedSeconds;
  progress('better-sqlite3, a row a sample');
  const rows = measureSqliteRows(headOf(drive, ROWS), COMMIT_FLOOR_MS);
  const [cpu, columnsCpu] = [cpuPerMillion(flood), cpuPerMillion(columns)];
  return {
    figures: [
      ...pacedFigures(paced),
      {
        name: 'max_samples_per_s',
        value: rate,
        unit: 'samples/s',
        target: atLeast(5e6),
        meaning: `sustained for ${flood.sealedSeconds.toFixed(0)} s, each commit fsynced, every full block sealed`,
      },
      {
        name: 'ratio_rows',
        value: rate / rows.byChannel,
        unit: '',
        target: atLeast(25),
        meaning: `the same over better-sqlite3's ${perSecond(rows.byChannel)} rows/s by channel and time, FULL, a commit every ${COMMIT_FLOOR_MS} ms`,
      },
      {
        name: 'cpu_s_per_million',
        value: cpu,
        unit: 's',
        meaning: 'CPU for a million samples that come mixed, until each is in a block, producer and closing included',
      },
      {
        name: 'cpu_s_per_million_columns',
        value: columnsCpu,
        unit: 's',
        meaning: `the same where they come in columns, as VictoriaMetrics gets them, over ${COLUMNS_S} s`,
      },
      {
        name: 'ratio_vm_cpu',
        value: columnsCpu / cheapest.seconds,
        unit: '',
        target: atMost(1 / 3),
        meaning: `ours in columns over VictoriaMetrics' ${cheapest.seconds.toFixed(3)} s by ${cheapest.way}, its cheapest way in`,
      },
      {
        name: 'ratio_vm_cpu_interleaved',
        value: cpu / cheapest.seconds,
        unit: '',
        meaning: 'ours mixed over the same',
      },
    ],
    notes: [
      `grid: ${paced.samples}, ${flood.samples} and, in columns, ${columns.samples} samples of ${drive.specs.length} channels, none lost, read back bit by bit`,
      `grid: in no block when the last was durable: ${paced.unsealed} at ${RATE} samples/s, ${flood.unsealed} as fast as it goes (at most ${flood.unsealedMost})`,
      `grid: in columns ${perSecond(columns.samples / columns.sealedSeconds)} samples/s`,
      `better-sqlite3 where rows are only appended, by time and channel: ${perSecond(rows.byTime)} rows/s`,
      `VictoriaMetrics, CPU s a million samples: ${victoria.map(({ way, seconds }) => `${way} ${seconds.toFixed(3)}`).join(', ')}`,
      `VictoriaMetrics holds the same samples; it rounds values to a decimal: ${after.rounding}`,
    ],
  };
}

function pacedFigures(paced: FeedResult): Figure[] {
  const { samples, seconds, cpu, producerCpu, latencies, syncs } = paced;
  const sync = percentile(syncs, 99);
  const ack = percentile(latencies, 99);
  return [
    {
      name: 'grid_cpu',
      value: (cpu - producerCpu) / seconds,
      unit: 'cores',
      target: atMost(0.6),
      meaning: `${CARS} cars, ${perSecond(samples / seconds)} samples/s, durable: CPU seconds a second of all threads but the producer`,
    },
    {
      name: 'grid_producer_cpu',
      value: producerCpu / seconds,
      unit: 'cores',
      meaning: 'of the thread that reads the samples from a file, puts them into the ring and awaits commits',
    },
    {
      name: 'ack_p99_ratio',
      value: ack / (COMMIT_FLOOR_MS + sync),
      unit: '',
      target: atMost(2),
      meaning: `p99 from publish to durable, ${ack.toFixed(1)} ms, over the floor of ${COMMIT_FLOOR_MS} ms and p99 of fdatasync here, ${sync.toFixed(2)} ms`,
    },
    {
      name: 'grid_ack_p50_ms',
      value: percentile(latencies, 50),
      unit: 'ms',
      meaning: 'from publish to durable, median',
    },
    {
      name: 'device_bytes_per_raw_byte',
      value: paced.deviceBytes / (samples * RAW_SAMPLE_BYTES),
      unit: '',
      target: atMost(0.5),
      meaning: `written to the device over ${RAW_SAMPLE_BYTES} B a sample, until all is in blocks and the store closed`,
    },
    {
      name: 'rss_mb_grid',
      value: (paced.peakMiB * 2 ** 20) / 1e6,
      unit: 'MB',
      target: atMost(700),
      meaning: 'the most the process ever held meanwhile, ring and unsealed samples included',
    },
  ];
}

/** CPU seconds a million samples. */
function cpuPerMillion({ wholeCpu, samples }: FeedResult): number {
  return (wholeCpu / samples) * 1e6;
}

function perSecond(rate: number): string {
  return Math.round(rate).toLocaleString('en-US');
}

/** Feeds a store of its own and holds it against what was fed. */
async function feedGrid(
  drive: Drive,
  order: Omit<FeedOrder, 'dir' | 'file' | 'lapUs'>,
  progress: Progress,
): Promise<FeedResult> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-grid-'));
  const store = new BenchStore();
  try {
    const file = join(folder, 'drive');
    writeDriveFile(file, drive);
    progress(order.rate === undefined ? 'as fast as it goes' : `${order.rate} samples/s`);
    const result = await runFeed({
      ...order,
      dir: store.dir,
      file,
      lapUs: lapUsOf(drive),
    });
    if (result.refused + result.lost > 0) throw new Error(`${result.refused} samples refused, ${result.lost} lost`);
    progress(`${(result.samples / result.sealedSeconds / 1e6).toFixed(2)} M samples/s; reading ${result.samples} back`);
    const telemetry = store.telemetry();
    requireSame(telemetry, drive, result.laps);
    telemetry.close();
    return result;
  } finally {
    store.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}
