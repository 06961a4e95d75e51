/**
 * The ring by itself. Two threads: this one writes batches of 500 samples and publishes each, a worker drains and frees
 * them as they come; a round is timed from the first write until the last slot is freed. Then one thread alone: writing a
 * whole ring, and draining it. The consumer adds up what it reads, so that a sample lost, repeated or torn fails the bench.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { RING_SLOTS } from '../../gateway/limits.ts';
import { ownScript } from '../../gateway/own-file.ts';
import { createRing, RingReader, RingWriter } from '../../gateway/ring.ts';
import type { Findings, Progress } from './figure.ts';
import type { FromRingConsumer, RingConsumerData } from './ring-consumer.ts';
import { median, rounds, secondsOf } from './statistics.ts';
import { SummingSink } from './summing-sink.ts';

const ROUNDS = 7;
const BATCH = 500;
const BATCHES = 30_000;
const CHANNELS = 250;

/** How long the producer sleeps when the ring is full, milliseconds: about what the consumer needs for a tenth of it. */
const FULL_SLEEP_MS = 1;

export async function runRing(progress: Progress): Promise<Findings> {
  const rates = await rounds(ROUNDS, async () => {
    const rate = await passBetweenThreads();
    progress(`${(rate / 1e6).toFixed(1)} M samples/s from thread to thread`);
    return rate;
  });
  const alone = await rounds(ROUNDS, passInOneThread);
  return {
    figures: [
      {
        name: 'ring_samples_per_s',
        value: median(rates),
        unit: 'samples/s',
        meaning: `from thread to thread, batches of ${BATCH}`,
      },
      {
        name: 'ring_write_ns',
        value: median(alone.map(({ write }) => write)),
        unit: 'ns/sample',
        meaning: 'to write and publish, no other thread at work',
      },
      {
        name: 'ring_drain_ns',
        value: median(alone.map(({ drain }) => drain)),
        unit: 'ns/sample',
        meaning: 'to drain and free, no other thread at work',
      },
    ],
  };
}

/** Samples a second of one round. */
async function passBetweenThreads(): Promise<number> {
  const samples = BATCH * BATCHES;
  const memory = createRing(RING_SLOTS);
  const ring = new RingWriter(memory);
  const workerData: RingConsumerData = { memory, samples };
  const consumer = new Worker(ownScript('test/bench/ring-consumer'), { workerData });
  await once(consumer, 'message');
  const reported = once(consumer, 'message') as Promise<[FromRingConsumer]>;
  const started = performance.now();
  const expected = writeAll(ring);
  while (ring.used() > 0) sleep(FULL_SLEEP_MS / 10);
  const seconds = (performance.now() - started) / 1e3;
  const [result] = await reported;
  if (result === 'ready' || result.count !== samples || result.sum !== expected) {
    throw new Error(`${samples} samples that add up to ${expected} were written, read: ${JSON.stringify(result)}`);
  }
  return samples / seconds;
}

/** Writes all batches, waiting where the ring is full; returns what all columns add up to. */
function writeAll(ring: RingWriter): number {
  let sum = 0;
  let time = 0;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    while (ring.free() < BATCH) sleep(FULL_SLEEP_MS);
    sum += writeBatch(ring, time);
    time += BATCH;
    ring.publish();
  }
  return sum;
}

/** Whole numbers, small enough that sums are exact in any order. */
function writeBatch(ring: RingWriter, firstTime: number): number {
  let sum = 0;
  for (let i = 0; i < BATCH; i += 1) {
    const channel = (i % CHANNELS) + 1;
    const time = firstTime + i;
    ring.writeSample(channel, time, i);
    sum += channel + time + i;
  }
  return sum;
}

function passInOneThread(): { write: number; drain: number } {
  const memory = createRing(RING_SLOTS);
  const writer = new RingWriter(memory);
  const reader = new RingReader(memory);
  const batches = Math.floor(RING_SLOTS / BATCH);
  const nsPerSample = 1e9 / (batches * BATCH);
  let expected = 0;
  const write = secondsOf(() => {
    for (let batch = 0; batch < batches; batch += 1) {
      expected += writeBatch(writer, batch * BATCH);
      writer.publish();
    }
  });
  const sink = new SummingSink();
  const drain = secondsOf(() => {
    reader.drain(RING_SLOTS, sink);
    reader.release();
  });
  if (sink.sum !== expected) throw new Error(`written: ${expected}, read: ${sink.sum}`);
  return { write: write * nsPerSample, drain: drain * nsPerSample };
}

const never = new Int32Array(new SharedArrayBuffer(4));

function sleep(ms: number): void {
  Atomics.wait(never, 0, 0, ms);
}
