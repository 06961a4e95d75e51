/*
 * A store of many gigabytes. Making it takes minutes, so it stays in the folder for temporary files, and what one run has no
 * time for is added by the next, as a boot of its own. 5,000 channels at 100 Hz in 200 messages fill blocks and packs as a
 * gateway would, with their envelopes and index. What is encoded is the first pack of each message; every further one is
 * that pack at a later time, so that what takes the time is writing.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineChannel } from '../../gateway/channel.ts';
import { BLOCK_SAMPLES_MAX } from '../../gateway/limits.ts';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { BlockDb, type KeptBlock } from '../../gateway/store/block-db.ts';
import { nodeOf } from '../../gateway/store/envelope-node.ts';
import { encodePack } from '../../gateway/store/pack/encode-pack.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { BENCH_GATEWAY, BenchStore } from './bench-store.ts';
import type { Progress } from './figure.ts';
import { SensorSignal, SIGNAL_INTERVAL_US, SIGNAL_STEP } from './sensor-signal.ts';
import { type Shift, shiftedPack } from './shifted-pack.ts';

const MESSAGES = 200;
const SIGNALS = 25;

/** Where the first boot begins; any time will do. */
const START_US = 1.6e15;

/** Digits by which the signals of one message lie apart. */
const APART = 100;

/** What a pack spans, microseconds. */
const PACK_US = BLOCK_SAMPLES_MAX * SIGNAL_INTERVAL_US;

/** Between two boots, microseconds: a night. */
const PAUSE_US = 8 * 3600e6;

const TOLD_INTERVAL_MS = 20_000;

/** Room that must be left on the disk for what is added, over its bytes: they are in more than one place on their way. */
const ROOM_FACTOR = 1.5;

export interface LargeStore {
  readonly dir: string;
  /** Of what it keeps, its journal not counted. */
  readonly bytes: number;
}

/** The store of `bytes`, or as much of it as could be made in `seconds` beside what was there. */
export async function largeStore(bytes: number, seconds: number, progress: Progress): Promise<LargeStore> {
  const dir = join(tmpdir(), 'caisson-bench-large');
  if (!isUsable(dir)) rmSync(dir, { recursive: true, force: true });
  const store = new BenchStore(undefined, dir);
  if (!existsSync(dir)) {
    mkdirSync(dir);
    // A gateway makes the store; what stands here only adds to it.
    await (await store.open()).stop();
  }
  const missing = bytes - store.keptBytes();
  if (missing > 0) {
    const { bavail, bsize } = statfsSync(dir);
    if (bavail * bsize < missing * ROOM_FACTOR) {
      const [free, needed] = [bavail * bsize, missing * ROOM_FACTOR].map((each) => (each / 1e9).toFixed(1));
      throw new Error(`${dir}: ${free} GB free, ${needed} GB needed; CAISSON_BENCH_STORE_GB asks for a smaller store`);
    }
    grow(store, bytes, seconds, progress);
  }
  return { dir, bytes: store.keptBytes() };
}

function isUsable(dir: string): boolean {
  try {
    StoreTelemetry.open(dir).close();
    return true;
  } catch {
    // Not there, or made by a version that kept stores otherwise.
    return false;
  }
}

function grow(store: BenchStore, bytes: number, seconds: number, progress: Progress): void {
  const blocks = BlockDb.open(storePaths(store.dir).blocks);
  const messages = Array.from({ length: MESSAGES }, (_, number) => messageOf(number));
  const started = performance.now();
  let told = Number.NEGATIVE_INFINITY;
  const boot = randomBytes(8).toString('hex');
  const begin = Math.max(0, blocks.lastTime() + PAUSE_US - START_US);
  const id = blocks.transaction(() => {
    const kept = blocks.keepBoot(BENCH_GATEWAY, boot, START_US + begin);
    blocks.keepClock(kept, { time: START_US + begin, offset: 0, error: 1e6, source: 'ntp' });
    return kept;
  });
  const known = new Map(blocks.channelsAfter(0).channels.map((channel) => [channel.name, channel.id]));
  const channels = messages.map(({ pack }) =>
    blocks.transaction(() =>
      pack.blocks.map(({ channel: name }) =>
        blocks.keepChannel(BENCH_GATEWAY, defineChannel({ name, source: 'bench' }), known.get(name)),
      ),
    ),
  );
  for (let turn = 0; ; turn += 1) {
    const elapsed = performance.now() - started;
    const made = store.keptBytes();
    if (made >= bytes || elapsed >= seconds * 1e3) break;
    if (elapsed - told >= TOLD_INTERVAL_MS) {
      progress(`a store of ${bytes / 1e9} GB, kept for later runs: ${(made / 1e9).toFixed(1)} GB`);
      told = elapsed;
    }
    const shift = { boot, samples: turn * BLOCK_SAMPLES_MAX, microseconds: begin + turn * PACK_US };
    blocks.transaction(() => {
      for (const [number, message] of messages.entries()) {
        blocks.keepPack({
          boot: id,
          stamp: 'arrival',
          class: 'standard',
          blocks: keptBlocks(message, channels[number] ?? [], shift),
          bytes: shiftedPack(message.pack, shift),
        });
      }
    });
  }
  blocks.transaction(() => blocks.keepBootEnd(id, blocks.lastTime()));
  blocks.close();
}

/** The first pack of a message, and what the index says of its blocks but their channels. */
interface Message {
  readonly pack: Pack;
  readonly blocks: readonly Omit<KeptBlock, 'channel'>[];
}

function messageOf(number: number): Message {
  const signal = new SensorSignal(number + 1, START_US);
  const times = new Float64Array(BLOCK_SAMPLES_MAX);
  const digits = new Float64Array(BLOCK_SAMPLES_MAX);
  for (let i = 0; i < BLOCK_SAMPLES_MAX; i += 1) {
    signal.next();
    times[i] = signal.time;
    digits[i] = Math.round(signal.value / SIGNAL_STEP);
  }
  const columns = Array.from({ length: SIGNALS }, (_, n) => digits.map((digit) => (digit + APART * n) * SIGNAL_STEP));
  const header = {
    gateway: BENCH_GATEWAY,
    boot: '0'.repeat(16),
    stamp: 'arrival',
    clockSource: 'ntp',
    clockErrorUs: 1e6,
  } as const;
  const pack = Pack.open(
    encodePack(
      header,
      columns.map((values, n) => ({
        channel: `message${number}/signal${n}`,
        type: 'number',
        firstSequence: 0,
        times,
        values,
      })),
    ),
  );
  const blocks = columns.map((values) => {
    const node = nodeOf(times, values, 0, times.length);
    return { firstSequence: 0, count: times.length, timeMin: node.timeMin, timeMax: node.timeMax, node };
  });
  return { pack, blocks };
}

function keptBlocks({ blocks }: Message, channels: readonly number[], { samples, microseconds }: Shift): KeptBlock[] {
  return blocks.map(({ firstSequence, count, timeMin, timeMax, node }, n) => ({
    channel: channels[n] ?? 0,
    firstSequence: firstSequence + samples,
    count,
    timeMin: timeMin + microseconds,
    timeMax: timeMax + microseconds,
    node:
      node === undefined
        ? undefined
        : { ...node, timeMin: node.timeMin + microseconds, timeMax: node.timeMax + microseconds },
  }));
}
