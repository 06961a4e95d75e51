import { Buffer } from 'node:buffer';
import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoreTelemetry } from '../../../../gateway/query/store-telemetry.ts';
import { StoreRig } from '../store-rig.ts';

export const CHANNELS = ['a', 'b', 'c', 'words text'];

/**
 * A store with something of everything: two boots, packs of one channel and of several, three levels of the pyramid, late
 * samples, text, gaps, rows of the index that are in their place and some that are not, and a journal with samples that are
 * in no block.
 */
export function wholeStore(): StoreRig {
  const rig = new StoreRig(CHANNELS, 1 << 14, undefined, { rows: 100, bytes: 1 << 20 });
  for (let block = 0; block < 280; block += 1) {
    if (block === 140) rig.restartProcess();
    fillBlock(rig, block);
    if (block < 278) rig.sealAll();
    if (block % 50 === 0) rig.writer.trim();
  }
  return rig;
}

/** A copy of the folder of a store that is closed; to be deleted by whoever asks. */
export function copyOf(rig: StoreRig): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-copy-'));
  cpSync(rig.dir, dir, { recursive: true });
  return dir;
}

/** Takes in a stretch: `a` and `b` together, `c` now and then, a text, now and then a loss. */
export function fillBlock(rig: StoreRig, block: number): void {
  for (let i = 0; i < 10; i += 1) {
    const time = 1e6 + block * 1000 + i * 100 - (i === 7 ? 250 : 0);
    rig.ring.writeSample(1, time, Math.sin(time));
    rig.ring.writeSample(2, time, block + i / 8);
    if (block % 3 === 0) rig.ring.writeSample(3, time, i);
  }
  rig.ring.writeText(4, 1e6 + block * 1000, Buffer.from(`lap ${block}`));
  rig.commit();
}

/** Everything that can be read of a channel, as `time value`. */
export function samplesOf(telemetry: StoreTelemetry, channel: number): string[] {
  const samples: string[] = [];
  for (const { times, values } of telemetry.raw(channel, 0, 1e15)) {
    for (const [i, time] of times.entries()) samples.push(`${time} ${values[i]}`);
  }
  return samples;
}
