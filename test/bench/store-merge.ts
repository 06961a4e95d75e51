/*
 * What merging gives and costs, on slow channels: 500 sensors of simulated cars, asked once a second, sealed each minute for
 * 65 minutes and merged then, without a pause. Bytes are those of pages in use, before and after, over all samples; what is
 * written to the device is `write_bytes` of the process while it merges; a step's time is CPU time, of which a commit that
 * becomes due meanwhile waits for one at most.
 */
import process from 'node:process';
import { defineChannel } from '../../gateway/channel.ts';
import { Merger } from '../../gateway/store/merge/merger.ts';
import { StoreRig } from '../gateway/store/store-rig.ts';
import type { Drive } from './drive.ts';
import { requireSame } from './drive-check.ts';
import type { Findings, Progress } from './figure.ts';
import { pollSlowly } from './low-rate-drive.ts';
import { deviceBytesWritten } from './process-usage.ts';
import { percentile } from './statistics.ts';

const CARS = 2;
const SECONDS = 65 * 60;
const SEAL_SECONDS = 60;
const RING_SLOTS = 1 << 16;

export function measureMerge(progress: Progress): Findings {
  const drive = pollSlowly(CARS, SECONDS);
  const samples = drive.times.length;
  progress(`merging ${samples} samples of ${drive.specs.length} channels at 1 Hz`);
  const rig = new StoreRig([], RING_SLOTS);
  try {
    fill(rig, drive);
    const before = rig.blocks.pageBytes().used;
    const packs = countPacks(rig);
    const merger = new Merger({
      store: rig.blocks,
      scaleOf: (channel) => rig.writer.scaleOf(channel),
      isApart: () => true,
      onProblem: (text) => {
        throw new Error(text);
      },
    });
    const written = deviceBytesWritten('self');
    const steps = stepsOf(merger);
    const merged = merger.status();
    const wear = (deviceBytesWritten('self') - written) / merged.samples;
    const after = rig.blocks.pageBytes().used;
    const telemetry = rig.telemetry();
    requireSame(telemetry, drive, 1);
    telemetry.close();
    const cpu = steps.reduce((sum, ms) => sum + ms, 0);
    return {
      figures: [
        {
          name: 'low_rate_merged_bytes',
          value: after / samples,
          unit: 'B/sample',
          meaning: `${drive.specs.length} channels at 1 Hz for 65 minutes, packs of a minute merged; all pages in use`,
        },
        {
          name: 'merge_wear',
          value: wear,
          unit: 'B/sample',
          meaning: 'written to the device for each sample that is merged',
        },
        {
          name: 'merge_step_ms',
          value: percentile(steps, 99),
          unit: 'ms',
          meaning: 'CPU time of a step of merging, p99',
        },
      ],
      notes: [
        `merging: ${packs} packs became ${countPacks(rig)}, ${(before / samples).toFixed(2)} B a sample before, ${((cpu * 1e3) / merged.samples).toFixed(2)} us of CPU a sample`,
      ],
    };
  } finally {
    rig.dispose();
  }
}

function fill(rig: StoreRig, { specs, channels, times, values }: Drive): void {
  rig.writer.keepChannels(specs.map((spec, index) => ({ ...defineChannel(spec), id: index + 1 })));
  const origin = times[0] ?? 0;
  let sealed = 0;
  let second = 0;
  for (const [i, time] of times.entries()) {
    // A poll is late by some milliseconds: its second is the nearest.
    const now = Math.round((time - origin) / 1e6);
    if (now !== second) rig.commit();
    second = now;
    if (second - sealed >= SEAL_SECONDS) {
      rig.sealAll();
      rig.writer.trim();
      sealed = second;
    }
    rig.ring.writeSample((channels[i] as number) + 1, time, values[i] as number);
  }
  rig.commit();
  rig.sealAll();
}

/** CPU time of every step of a look at all series, milliseconds. */
function stepsOf(merger: Merger): number[] {
  const steps: number[] = [];
  for (let isLast = false; !isLast; ) {
    const before = process.cpuUsage();
    isLast = merger.step();
    const { user, system } = process.cpuUsage(before);
    steps.push((user + system) / 1e3);
  }
  return steps;
}

function countPacks(rig: StoreRig): number {
  return new Set(rig.blocks.blocksAfter(0).map(({ position }) => position)).size;
}
