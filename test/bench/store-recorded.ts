/*
 * The store on recordings, each decoded once, into memory. Each store is read back afterwards through the query path, and must hold
 * exactly what was fed, bit by bit, or the bench fails.
 *
 * - Sizes: one lap of each recording into a store of its own, everything sealed; bytes over samples, times included.
 * - Throughput: laps of the RAV4, back to back. The clock stops when the last sample is durable and every full block is
 *   sealed. Median of the rounds.
 * - Codec: all packs of both, decoded and encoded again on one thread. Median of the rounds behind a warm-up.
 * - Acknowledgement and wear: the RAV4 at the reference load of one car, 25,000 samples a second, handed over every
 *   10 ms; from publish to durable, and what the process has written to the device in the end, sealing included.
 */
import { encodePack } from '../../gateway/store/pack/encode-pack.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';
import { BenchStore } from './bench-store.ts';
import type { Drive } from './drive.ts';
import { requireSame } from './drive-check.ts';
import { DriveFeed } from './drive-feed.ts';
import { atLeast, type Figure, type Progress } from './figure.ts';
import { deviceBytesWritten } from './process-usage.ts';
import { RAW_SAMPLE_BYTES } from './raw-sample.ts';
import { median, percentile, rounds, secondsOf } from './statistics.ts';

const ROUNDS = 3;
const WARM_UP_ROUNDS = 3;
const CODEC_ROUNDS = 15;
const LAPS = 6;
const PACED_RATE = 25_000;
const PACED_S = 20;
const PACED_INTERVAL_MS = 10;

export interface Recordings {
  readonly rav4: Drive;
  readonly css: Drive;
}

export async function measureRecorded({ rav4, css }: Recordings, progress: Progress): Promise<Figure[]> {
  const packs: Uint8Array[] = [];
  const take: Take = (store) => packs.push(...allPacks(store));
  const sizes = [...(await measureSizes(css, progress, take)), ...(await measureSizes(rav4, progress, take))];
  const codec = await measureCodec(packs);
  const throughput = await rounds(ROUNDS, () => measureThroughput(rav4, progress));
  const paced = await measurePaced(rav4, progress);
  return [
    {
      name: 'samples_per_s_durable',
      value: median(throughput.map(({ sealed }) => sealed)),
      unit: 'samples/s',
      meaning: 'sustained: fsynced in the journal, and every full block sealed',
    },
    {
      name: 'samples_per_s_committed',
      value: median(throughput.map(({ committed }) => committed)),
      unit: 'samples/s',
      meaning: 'until the last was acknowledged; sealing may lag behind',
    },
    {
      name: 'seal_lag_s',
      value: median(throughput.map(({ lag }) => lag)),
      unit: 's',
      meaning: 'from the last acknowledgement until every full block was sealed',
    },
    ...sizes,
    ...codec,
    ...paced,
  ];
}

type Take = (store: BenchStore) => void;

/** Bytes a sample of one lap; `take` is shown that store. */
async function measureSizes(drive: Drive, progress: Progress, take: Take): Promise<Figure[]> {
  const store = new BenchStore();
  try {
    const host = await store.open();
    await new DriveFeed(drive, host.intake).laps(1);
    await host.stop();
    await store.sealRest();
    const samples = drive.times.length;
    const blocks = store.blockBytes() / samples;
    const files = store.keptBytes() / samples;
    check(store, drive, 1);
    take(store);
    progress(`${drive.name}: ${samples} samples, ${blocks.toFixed(3)} B a sample in blocks`);
    return [
      {
        name: `bytes_per_sample_${drive.name}`,
        value: blocks,
        unit: 'B/sample',
        meaning: `blocks over samples, times included; one pass of ${drive.name}`,
      },
      {
        name: `file_bytes_per_sample_${drive.name}`,
        value: files,
        unit: 'B/sample',
        meaning: 'all that the store keeps over samples, indices and envelopes included',
      },
    ];
  } finally {
    store.dispose();
  }
}

/** Samples a second of decoding and encoding packs, on this thread. */
async function measureCodec(bytes: readonly Uint8Array[]): Promise<Figure[]> {
  const packs = bytes.map((each) => {
    const pack = Pack.open(each);
    return { header: pack.header, blocks: pack.blocks.map((block, i) => ({ ...block, ...pack.samples(i) })) };
  });
  const blocks = packs.reduce((sum, pack) => sum + pack.blocks.length, 0);
  const samples = packs.reduce((sum, pack) => sum + pack.blocks.reduce((all, { count }) => all + count, 0), 0);
  const decodeAll = () => {
    for (const each of bytes) {
      const pack = Pack.open(each);
      for (const index of pack.blocks.keys()) pack.samples(index);
    }
  };
  const encodeAll = () => {
    for (const pack of packs) encodePack(pack.header, pack.blocks);
  };
  await rounds(WARM_UP_ROUNDS, decodeAll);
  const decode = await rounds(CODEC_ROUNDS, () => secondsOf(decodeAll));
  await rounds(WARM_UP_ROUNDS, encodeAll);
  const encode = await rounds(CODEC_ROUNDS, () => secondsOf(encodeAll));
  return [
    {
      name: 'decode_samples_per_s',
      value: samples / median(decode),
      unit: 'samples/s',
      target: atLeast(100e6),
      meaning: `packs of ${(blocks / packs.length).toFixed(1)} blocks of ${Math.round(samples / blocks)} samples on average, one core, checksum and zstd included`,
    },
    {
      name: 'encode_samples_per_s',
      value: samples / median(encode),
      unit: 'samples/s',
      meaning: 'choice of encodings, zstd and checksum included, one core',
    },
  ];
}

function allPacks(store: BenchStore): Uint8Array[] {
  return store.ask((reader) =>
    reader
      .feed(0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
      .flatMap((item) => (item.kind === 'pack' ? [item.bytes] : [])),
  );
}

async function measureThroughput(
  drive: Drive,
  progress: Progress,
): Promise<{ committed: number; sealed: number; lag: number }> {
  const store = new BenchStore();
  try {
    const host = await store.open();
    const feed = new DriveFeed(drive, host.intake);
    const started = performance.now();
    await feed.laps(LAPS);
    const committed = (performance.now() - started) / 1e3;
    await store.blocksReach(feed.fullBlocks());
    const sealed = (performance.now() - started) / 1e3;
    if (host.status.lost + host.ringStatus.refused > 0) throw new Error('samples were lost');
    await host.stop();
    check(store, drive, LAPS);
    progress(`${(feed.fed / sealed / 1e6).toFixed(2)} M samples/s durable and sealed`);
    return { committed: feed.fed / committed, sealed: feed.fed / sealed, lag: sealed - committed };
  } finally {
    store.dispose();
  }
}

async function measurePaced(drive: Drive, progress: Progress): Promise<Figure[]> {
  const store = new BenchStore();
  try {
    progress(`${PACED_RATE} samples/s for ${PACED_S} s`);
    await store.holdReserve();
    const writtenBefore = deviceBytesWritten('self');
    const host = await store.open();
    const feed = new DriveFeed(drive, host.intake);
    const latencies = await feed.paced(PACED_RATE, PACED_S, PACED_INTERVAL_MS);
    await host.stop();
    await store.sealRest();
    const written = deviceBytesWritten('self') - writtenBefore;
    return [
      {
        name: 'ack_p50_ms',
        value: percentile(latencies, 50),
        unit: 'ms',
        meaning: `from publish to durable, ${PACED_RATE} samples/s, commit floor 20 ms included`,
      },
      { name: 'ack_p99_ms', value: percentile(latencies, 99), unit: 'ms', meaning: 'the same' },
      {
        name: 'device_bytes_per_raw_byte_car',
        value: written / (feed.fed * RAW_SAMPLE_BYTES),
        unit: '',
        meaning: `written to the device over ${RAW_SAMPLE_BYTES} B a sample, ${PACED_RATE} samples/s, sealing included`,
      },
    ];
  } finally {
    store.dispose();
  }
}

function check(store: BenchStore, drive: Drive, laps: number): void {
  const telemetry = store.telemetry();
  try {
    requireSame(telemetry, drive, laps);
  } finally {
    telemetry.close();
  }
}
