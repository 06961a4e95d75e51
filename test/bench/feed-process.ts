/*
 * A process that feeds a store from a drive's file and measures itself: the store thread runs in it as in a gateway, the
 * main thread is the producer and nothing else. Started by `runFeed`.
 */
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { BLOCK_SAMPLES_MAX } from '../../gateway/limits.ts';
import type { StoreHost } from '../../gateway/store-host.ts';
import { BenchStore } from './bench-store.ts';
import { DriveFile, type DrivePiece, PIECE_SAMPLES } from './drive-file.ts';
import { deviceBytesWritten, mainThreadSeconds, peakResidentMiB } from './process-usage.ts';
import { syncTimes } from './sync-times.ts';

export interface FeedOrder {
  /** An existing, empty folder. */
  readonly dir: string;
  /** Written by `writeDriveFile`. */
  readonly file: string;
  /** By how much the times of a lap are behind those of the one before, microseconds. */
  readonly lapUs: number;
  readonly blockAgeSeconds: number;
  /** What no block is full of is sealed for its age, as in a gateway that goes on; or else by the next boot. */
  readonly sealsByAge: boolean;
  /** Samples of one channel that stand together in the file are pushed as columns; or else each by itself. */
  readonly asColumns: boolean;
  /** Whole laps are fed: at least so many... */
  readonly laps: number;
  /** ...and for at least so many seconds. */
  readonly seconds: number;
  /** Samples a second; without it, as many as the store takes. */
  readonly rate?: number;
}

export interface FeedResult {
  readonly laps: number;
  readonly samples: number;
  /** From the first sample until the last was durable. */
  readonly seconds: number;
  /** From the first sample until every block that was full was sealed, too. */
  readonly sealedSeconds: number;
  /** CPU seconds of the process, of those `seconds`, and what the producing thread used of them. */
  readonly cpu: number;
  readonly producerCpu: number;
  /** CPU seconds of the process until every sample was in a block and the store closed. */
  readonly wholeCpu: number;
  /** From publish to durable, of every batch, milliseconds; only of a feed at a rate. */
  readonly latencies: readonly number[];
  /** One page and its fdatasync on the same device, before and after, milliseconds. */
  readonly syncs: readonly number[];
  readonly peakMiB: number;
  /** Written until every sample was in a block and the store closed. */
  readonly deviceBytes: number;
  /** Samples in no block when the last was durable, and the most of any look. */
  readonly unsealed: number;
  readonly unsealedMost: number;
  readonly refused: number;
  readonly lost: number;
}

/** Samples of one batch as fast as can be, about what one read of a busy wire gives; and time between two batches at a rate. */
const BATCH = 500;
const BATCH_INTERVAL_MS = 5;

const FULL_WAIT_MS = 1;
const LOOK_INTERVAL_MS = 20;
const SYNCS = 300;

/** Puts a drive's file through an intake, lap after lap. */
class FileFeed {
  readonly #file: DriveFile;
  readonly #host: StoreHost;
  readonly #ids: Uint32Array;
  readonly #lapUs: number;
  readonly #asColumns: boolean;
  /** Samples fed of each channel. */
  readonly counts: Float64Array;
  #piece: DrivePiece | undefined;
  #at = 0;
  #shift = 0;
  fed = 0;

  constructor(file: DriveFile, host: StoreHost, { lapUs, asColumns }: FeedOrder) {
    this.#file = file;
    this.#host = host;
    this.#lapUs = lapUs;
    this.#asColumns = asColumns;
    this.#ids = Uint32Array.from(file.specs, (spec) => host.intake.channel(spec).id);
    this.counts = new Float64Array(file.specs.length);
  }

  get lapSamples(): number {
    return this.#file.samples;
  }

  get laps(): number {
    return this.fed / this.lapSamples;
  }

  /** Feeds and publishes the next `count` samples; there must be room. */
  push(count: number): number {
    const { intake } = this.#host;
    for (let left = count; left > 0; ) {
      const piece = this.#next();
      const end = Math.min(this.#at + left, piece.times.length);
      left -= end - this.#at;
      if (this.#asColumns) this.#pushColumns(piece, end);
      else this.#pushEach(piece, end);
    }
    this.fed += count;
    return intake.publish();
  }

  #pushEach({ channels, times, values }: DrivePiece, end: number): void {
    const { intake } = this.#host;
    for (; this.#at < end; this.#at += 1) {
      const channel = channels[this.#at] as number;
      this.counts[channel] = (this.counts[channel] as number) + 1;
      intake.push(this.#ids[channel] as number, (times[this.#at] as number) + this.#shift, values[this.#at] as number);
    }
  }

  #pushColumns({ channels, times, values }: DrivePiece, end: number): void {
    const { intake } = this.#host;
    while (this.#at < end) {
      const from = this.#at;
      const channel = channels[from] as number;
      for (; this.#at < end && channels[this.#at] === channel; this.#at += 1) {
        times[this.#at] = (times[this.#at] as number) + this.#shift;
      }
      this.counts[channel] = (this.counts[channel] as number) + this.#at - from;
      intake.pushColumns(this.#ids[channel] as number, times, values, from, this.#at);
    }
  }

  /** Samples of open blocks when every full one is sealed. */
  open(): number {
    return this.counts.reduce((sum, count) => sum + (count % BLOCK_SAMPLES_MAX), 0);
  }

  #next(): DrivePiece {
    if (this.#piece === undefined || this.#at === this.#piece.times.length) {
      this.#shift = Math.floor(this.#file.read / this.#file.samples) * this.#lapUs;
      this.#piece = this.#file.next();
      this.#at = 0;
    }
    return this.#piece;
  }
}

/** All channels are defined at once when the feed begins, as they are once in the life of a store. */
const WARM_UP_S = 1;

async function feed(order: FeedOrder): Promise<FeedResult> {
  const syncs = syncTimes(order.dir, SYNCS);
  const store = new BenchStore(order.blockAgeSeconds, order.dir);
  await store.holdReserve();
  const [cpuBefore, writtenBefore] = [processSeconds(), deviceBytesWritten('self')];
  const host = await store.open();
  const file = new DriveFile(order.file);
  const feeding = new FileFeed(file, host, order);
  let unsealedMost = 0;
  const looks = setInterval(() => {
    unsealedMost = Math.max(unsealedMost, host.status.unsealed);
  }, LOOK_INTERVAL_MS);
  const producerBefore = mainThreadSeconds();
  const cpuStart = processSeconds();
  const started = performance.now();
  const latencies =
    order.rate === undefined ? await flood(order, feeding, host) : await pace(order, order.rate, feeding, host);
  const seconds = (performance.now() - started) / 1e3;
  const cpu = processSeconds() - cpuStart;
  const producerCpu = mainThreadSeconds() - producerBefore;
  const { unsealed } = host.status;
  while (host.status.samples < feeding.fed - host.ringStatus.refused || host.status.unsealed > feeding.open()) {
    await wait(LOOK_INTERVAL_MS);
  }
  const sealedSeconds = (performance.now() - started) / 1e3;
  const peakMiB = peakResidentMiB();
  const [{ refused }, { lost }] = [host.ringStatus, host.status];
  clearInterval(looks);
  while (order.sealsByAge && host.status.unsealed > 0) await wait(LOOK_INTERVAL_MS);
  await host.stop();
  await store.sealRest();
  const [wholeCpu, deviceBytes] = [processSeconds() - cpuBefore, deviceBytesWritten('self') - writtenBefore];
  syncs.push(...syncTimes(order.dir, SYNCS));
  file.close();
  return {
    laps: feeding.laps,
    samples: feeding.fed,
    seconds,
    sealedSeconds,
    cpu,
    producerCpu,
    wholeCpu,
    latencies: latencies ?? [],
    syncs,
    peakMiB,
    deviceBytes,
    unsealed,
    unsealedMost,
    refused,
    lost,
  };
}

/** As fast as the store takes them; resolves when all are durable. */
async function flood(order: FeedOrder, feeding: FileFeed, { intake }: StoreHost): Promise<void> {
  const { laps, seconds } = order;
  const batch = order.asColumns ? PIECE_SAMPLES : BATCH;
  const started = performance.now();
  let ticket = 0;
  while (feeding.laps < laps || performance.now() - started < seconds * 1e3) {
    for (let left = feeding.lapSamples; left > 0; ) {
      if (intake.hasRoom(batch)) {
        const count = Math.min(batch, left);
        ticket = feeding.push(count);
        left -= count;
      } else await wait(FULL_WAIT_MS);
    }
  }
  await intake.durable(ticket);
}

/** At `rate`, in real time; resolves with how long each batch behind the warm-up took to be durable, milliseconds. */
async function pace(order: FeedOrder, rate: number, feeding: FileFeed, { intake }: StoreHost): Promise<number[]> {
  const latencies: number[] = [];
  const pending = new Set<Promise<void>>();
  const samples = Math.ceil(Math.max(order.laps, (order.seconds * rate) / feeding.lapSamples)) * feeding.lapSamples;
  const started = performance.now();
  while (feeding.fed < samples) {
    const seconds = (performance.now() - started) / 1e3;
    const owed = Math.min(Math.floor(seconds * rate), samples) - feeding.fed;
    if (owed > 0) {
      const ticket = feeding.push(owed);
      const published = performance.now();
      const done = intake.durable(ticket).then(() => {
        if (seconds >= WARM_UP_S) latencies.push(performance.now() - published);
        pending.delete(done);
      });
      pending.add(done);
    }
    await wait(BATCH_INTERVAL_MS);
  }
  await Promise.all(pending);
  return latencies;
}

function processSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

process.once('message', (order: FeedOrder) => {
  void feed(order).then((result) => {
    process.send?.(result);
    process.disconnect();
  });
});
