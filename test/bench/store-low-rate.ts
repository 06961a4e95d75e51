/*
 * Slow channels: 500 sensors of simulated cars, asked once a second, for 20 minutes. They are fed at forty times their pace
 * into a store whose blocks are sealed after 1 s in place of 60: a look each second closes what is older, so that a block
 * is 1.5 s old on the average, and holds the minute it would hold at their own pace. What the closed store, without its journal, grew
 * by in the second half, over the samples of that half: what is there whatever is fed is not a sample's cost.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { BenchStore } from './bench-store.ts';
import { type Drive, headOf } from './drive.ts';
import { requireSame } from './drive-check.ts';
import { atMost, type Figure, type Progress } from './figure.ts';
import { pollSlowly } from './low-rate-drive.ts';

const CARS = 2;
const CHANNELS = 500;
const SECONDS = 1200;
const PACE = 40;
const BLOCK_AGE_S = 1;

export async function measureLowRate(progress: Progress): Promise<Figure[]> {
  const drive = pollSlowly(CARS, SECONDS);
  if (drive.specs.length !== CHANNELS) throw new Error(`${drive.specs.length} slow channels, not ${CHANNELS}`);
  progress(`${CHANNELS} channels at 1 Hz, ${SECONDS} s in ${SECONDS / PACE} s`);
  const store = new BenchStore(BLOCK_AGE_S);
  try {
    const half = drive.times.length / 2;
    await play(store, drive, 0, half);
    const before = store.keptBytes();
    await play(store, drive, half, drive.times.length);
    const bytes = store.keptBytes() - before;
    const telemetry = store.telemetry();
    requireSame(telemetry, drive, 1);
    telemetry.close();
    return [
      {
        name: 'low_rate_bytes',
        value: bytes / half,
        unit: 'B/sample',
        target: atMost(3),
        meaning: `${CHANNELS} channels at 1 Hz, sealed at an age of a minute; what the store grows by, times included`,
      },
    ];
  } finally {
    store.dispose();
  }
}

/** Feeds samples [from, to) second by second, forty seconds in one, and seals them all. */
async function play(store: BenchStore, drive: Drive, from: number, to: number): Promise<void> {
  const host = await store.open();
  const { intake } = host;
  const { channels, times, values } = headOf(drive, to);
  const ids = drive.specs.map((spec) => intake.channel(spec).id);
  const started = performance.now();
  const origin = times[from] ?? 0;
  for (let at = from; at < to; ) {
    const reached = origin + (performance.now() - started) * 1e3 * PACE;
    for (; at < to && (times[at] as number) <= reached; at += 1) {
      intake.push(ids[channels[at] as number] as number, times[at] as number, values[at] as number);
    }
    intake.publish();
    await wait(1000 / PACE);
  }
  await intake.durable(intake.publish());
  await host.stop();
  await store.sealRest();
}
