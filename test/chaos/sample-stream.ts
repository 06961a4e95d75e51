import type { ChannelSpec } from '../../gateway/channel.ts';
import type { Intake, Ticket } from '../../gateway/intake.ts';

/**
 * Samples that can be told again: channel, run and index give time and value, so that whoever finds a sample in a store
 * knows whether it is the right one, and how many there must be once batch number n of a run is acknowledged.
 */

/** Where the first run begins, microseconds; in the past, so that no clock is moved by it. */
const FIRST_RUN_US = 1e15;

/** Runs are so far apart, microseconds, that the time of a sample tells its run. */
const RUN_US = 3600e6;

/** A run's batches are so far apart, microseconds. */
const BATCH_US = 10_000;

/** Batches of one run, at most: the next run begins where they end. */
export const RUN_BATCHES_MAX = RUN_US / BATCH_US;

export interface StreamChannel {
  readonly spec: ChannelSpec;
  /** Samples in one batch; 1 where it has none in most batches. */
  readonly samplesPerBatch: number;
  /** It has samples in one batch of so many. */
  readonly everyBatches: number;
  /** Batches before its first. */
  readonly phase: number;
  /** Of its samples one in each batch has no time, and is to be counted as lost. */
  readonly hasLosses: boolean;
  /** Value of sample `index` of a run. */
  readonly value: (run: number, index: number) => number | string;
}

/** 32 mixed bits of three integers (murmur3's finish), the same in every process. */
export function mixed(a: number, b: number, c: number): number {
  let bits = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b ^ 0xc2b2ae35, 0x27d4eb2f) ^ Math.imul(c, 0x165667b1);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

const FAST = { samplesPerBatch: 10, everyBatches: 1, phase: 0, hasLosses: false };
const SLOW_EVERY_BATCHES = 20;

/** The kinds a box meets: smooth and scaled, noise in every bit, switches, constants, slow ones, text, and one with bad times. */
const CHANNELS: readonly StreamChannel[] = [
  ...many(16, (i) => ({
    ...FAST,
    spec: { name: `smooth/${i}`, source: 'stream' },
    value: (run, index) => Math.round(1000 * Math.sin((index + run) / (100 + i))) / 100,
  })),
  ...many(8, (i) => ({
    ...FAST,
    spec: { name: `noise/${i}`, source: 'stream', stamp: 'device' },
    value: (run, index) => mixed(run, i, index) / (1 + mixed(i, index, run)),
  })),
  ...many(4, (i) => ({
    ...FAST,
    spec: { name: `switch/${i}`, source: 'stream', type: 'bool' },
    value: (run, index) => mixed(run, i, index >> 6) & 1,
  })),
  ...many(4, (i) => ({ ...FAST, spec: { name: `constant/${i}`, source: 'stream' }, value: (run) => run + i / 8 })),
  ...many(60, (i) => ({
    spec: { name: `slow/${i}`, source: 'stream' },
    samplesPerBatch: 1,
    everyBatches: SLOW_EVERY_BATCHES,
    phase: i % SLOW_EVERY_BATCHES,
    hasLosses: false,
    value: (run, index) => mixed(run, i, index) % 1000,
  })),
  {
    ...FAST,
    samplesPerBatch: 1,
    spec: { name: 'text', source: 'stream', type: 'text' },
    value: (run, index) => `run ${run}, entry ${index} ${'.'.repeat(mixed(run, 0, index) % 60)}`,
  },
  {
    spec: { name: 'lossy', source: 'stream' },
    samplesPerBatch: 1,
    everyBatches: 5,
    phase: 2,
    hasLosses: true,
    value: (run, index) => run * 1e6 + index,
  },
];

/** All of them are critical: what is not, a store gives up when its disk is full. */
export const STREAM: readonly StreamChannel[] = CHANNELS.map((channel) => ({
  ...channel,
  spec: { ...channel.spec, class: 'critical' },
}));

function many(count: number, channel: (i: number) => Omit<StreamChannel, 'spec'> & { spec: ChannelSpec }) {
  return Array.from({ length: count }, (_, i): StreamChannel => channel(i));
}

/** Samples of a channel in batches 0 to `batch` of a run; `batch` -1 for none. */
export function samplesUpTo({ samplesPerBatch, everyBatches, phase }: StreamChannel, batch: number): number {
  return batch < phase ? 0 : (Math.floor((batch - phase) / everyBatches) + 1) * samplesPerBatch;
}

/** Time of sample `index` of a run, microseconds; rises with the index. */
export function timeOf({ samplesPerBatch, everyBatches, phase }: StreamChannel, run: number, index: number): number {
  const intervalUs = (everyBatches * BATCH_US) / samplesPerBatch;
  return FIRST_RUN_US + run * RUN_US + phase * BATCH_US + index * intervalUs;
}

/** The run that a sample of that time is of. */
export function runAt(time: number): number {
  return Math.floor((time - FIRST_RUN_US) / RUN_US);
}

/** Puts runs of the stream into an intake, batch after batch. */
export class StreamPusher {
  readonly #intake: Intake;
  readonly #run: number;
  readonly #ids: readonly number[];
  #next = 0;

  constructor(intake: Intake, run: number) {
    this.#intake = intake;
    this.#run = run;
    this.#ids = STREAM.map(({ spec }) => intake.channel(spec).id);
  }

  /** Number of the batch that comes next. */
  get next(): number {
    return this.#next;
  }

  /** Publishes the next batch. Everything of it must fit: ask the intake first where its ring may be full. */
  push(): Ticket {
    for (const [place, channel] of STREAM.entries()) {
      const end = samplesUpTo(channel, this.#next);
      for (let index = samplesUpTo(channel, this.#next - 1); index < end; index += 1) {
        this.#pushOne(this.#ids[place] ?? 0, channel, index);
      }
    }
    this.#next += 1;
    return this.#intake.publish();
  }

  #pushOne(id: number, channel: StreamChannel, index: number): void {
    const time = timeOf(channel, this.#run, index);
    const value = channel.value(this.#run, index);
    if (typeof value === 'string') this.#intake.pushText(id, time, value);
    else this.#intake.push(id, time, value);
    if (channel.hasLosses) this.#intake.push(id, Number.NaN, 0);
  }
}

/** Ring slots of one batch, at most: what {@link Intake.hasRoom} is to be asked for. */
export const BATCH_SLOTS_MAX = 1024;
