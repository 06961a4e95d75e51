/*
 * How small the store is, against others that hold the same samples of the same recordings, one pass of each. All files of
 * a closed store are counted, everything sealed, but the journal and the ballast: they hold no sample then, and are as large
 * for a year of them (journal_mb). Every sample is read back from both sides and compared.
 *
 * - VictoriaMetrics, which keeps milliseconds: both sides are given times rounded to them. Theirs is samples and index after
 *   a forced merge, without its caches. It rounds values to a decimal, ours are kept to the bit.
 * - Parquet version 2, zstd, by DuckDB: one file a recording, sorted by channel and time; times in microseconds on both sides.
 * - The noise floor: `noise-floor.ts` says what it is.
 */
import { BenchStore } from './bench-store.ts';
import { columnsByChannel, type Drive, inMilliseconds } from './drive.ts';
import { requireSame } from './drive-check.ts';
import { DriveFeed } from './drive-feed.ts';
import { atMost, type Findings, type Progress } from './figure.ts';
import { noiseFloor } from './noise-floor.ts';
import { parquetBytes } from './peers/parquet.ts';
import { remoteWriteBodies } from './peers/victoria-bodies.ts';
import { requireVictoriaHolds, roundingText } from './peers/victoria-check.ts';
import { VictoriaMetrics } from './peers/victoria-metrics.ts';

/** Bytes a sample of one recording. */
interface Sizes {
  readonly name: string;
  readonly samples: number;
  /** At milliseconds. */
  readonly oursMs: number;
  /** Of the journal, all bytes. */
  readonly journal: number;
  readonly victoria: number;
  readonly rounding: string;
  /** At microseconds. */
  readonly oursUs: number;
  readonly parquet: number;
  readonly floor: number;
}

export async function measureSizes(drives: readonly Drive[], progress: Progress): Promise<Findings> {
  const all: Sizes[] = [];
  for (const drive of drives) all.push(await sizesOf(drive, progress));
  const sum = (read: (sizes: Sizes) => number) => all.reduce((total, each) => total + read(each), 0);
  const samples = sum((each) => each.samples);
  const oursMs = sum((each) => each.oursMs);
  const oursUs = sum((each) => each.oursUs);
  return {
    figures: [
      {
        name: 'bytes_per_sample',
        value: oursMs / samples,
        unit: 'B/sample',
        meaning: 'all that the store keeps over samples, times in milliseconds, both recordings',
      },
      {
        name: 'ratio_vm_bytes',
        value: oursMs / sum((each) => each.victoria),
        unit: '',
        target: atMost(0.75),
        meaning: 'the same over samples and index of VictoriaMetrics',
      },
      ...all.map(({ name, oursMs: ours, victoria }) => ({
        name: `ratio_vm_bytes_${name}`,
        value: ours / victoria,
        unit: '',
        meaning: `of ${name} alone`,
      })),
      {
        name: 'journal_mb',
        value: Math.max(...all.map(({ journal }) => journal)) / 1e6,
        unit: 'MB',
        meaning: 'of the journal that was left out there: recycled space',
      },
      {
        name: 'ratio_parquet_bytes',
        value: oursUs / sum((each) => each.parquet),
        unit: '',
        target: atMost(0.5),
        meaning: 'all that the store keeps over Parquet v2 with zstd, times in microseconds, both recordings',
      },
      {
        name: 'noise_floor_ratio',
        value: oursUs / sum((each) => each.floor),
        unit: '',
        meaning: 'all that the store keeps over the order-0 entropy of the least differences, times in microseconds',
      },
    ],
    notes: all.map(
      ({ name, samples: count, victoria, parquet, floor, rounding, ...ours }) =>
        `${name}, B/sample: at ms ${(ours.oursMs / count).toFixed(3)}, VictoriaMetrics ${(victoria / count).toFixed(3)} (${rounding}); ` +
        `at us ${(ours.oursUs / count).toFixed(3)}, Parquet ${(parquet / count).toFixed(3)}, noise floor ${(floor / count).toFixed(3)}`,
    ),
  };
}

async function sizesOf(drive: Drive, progress: Progress): Promise<Sizes> {
  progress(`sizes of ${drive.name}`);
  const columns = columnsByChannel(drive);
  const { bytes: victoria, rounding } = await victoriaBytes(inMilliseconds(drive));
  const { valueBytes, timeBytes } = noiseFloor(
    columns.map((each, index) => ({ ...each, scale: drive.specs[index]?.scale })),
  );
  const atMs = await storeBytes(inMilliseconds(drive));
  return {
    name: drive.name,
    samples: drive.times.length,
    oursMs: atMs.kept,
    journal: atMs.journal,
    victoria,
    rounding,
    oursUs: (await storeBytes(drive)).kept,
    parquet: await parquetBytes(columns),
    floor: valueBytes + timeBytes,
  };
}

async function storeBytes(drive: Drive): Promise<{ kept: number; journal: number }> {
  const store = new BenchStore();
  try {
    const host = await store.open();
    await new DriveFeed(drive, host.intake).laps(1);
    await host.stop();
    await store.sealRest();
    const bytes = { kept: store.keptBytes(), journal: store.journalBytes() };
    const telemetry = store.telemetry();
    requireSame(telemetry, drive, 1);
    telemetry.close();
    return bytes;
  } finally {
    store.dispose();
  }
}

async function victoriaBytes(drive: Drive): Promise<{ bytes: number; rounding: string }> {
  const victoria = await VictoriaMetrics.start();
  try {
    const series = columnsByChannel(drive).map((columns, index) => ({
      ...columns,
      name: drive.specs[index]?.name ?? '',
    }));
    for (const body of remoteWriteBodies(series)) await victoria.import(body);
    await victoria.flush();
    await victoria.merge();
    const rounding = roundingText(await requireVictoriaHolds(victoria, series));
    await victoria.stop();
    return { bytes: victoria.dataBytes(), rounding };
  } finally {
    await victoria.dispose();
  }
}
