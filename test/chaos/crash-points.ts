import { join } from 'node:path';
import type { Test } from 'tap';
import { StoreHost } from '../../gateway/store-host.ts';
import { POWER_CUT, runInMachine } from '../lab.ts';
import { lastNumber, machineFolder, program } from './machine.ts';
import { DEVICE, DISK, replayRecorded } from './recorded-writes.ts';
import { accountOf } from './stream-account.ts';

/** Batches acknowledged before the recording begins, so that it begins with a recovery. */
const BATCHES_BEFORE = 20;

export interface CrashPointsOptions {
  /** Batches of the recorded run. */
  readonly batches: number;
  /** Random subsets of the writes not yet flushed that are tried at each flush boundary. */
  readonly subsets: number;
  readonly seed: number;
}

/**
 * Records every write of a run in which samples are taken in, sealed and trimmed, and opens the store as each of its flush
 * boundaries would have left it to a power cut. Returns what the replay says at its end.
 */
export async function replayCrashPoints(t: Test, { batches, subsets, seed }: CrashPointsOptions): Promise<string> {
  const folder = machineFolder(t);
  const disk = join(folder, 'disk');
  const acked = [await ackedBefore(disk)];
  return replayRecorded({
    ...{ folder, disk, subsets, seed },
    command: [...program('cut-writer'), '/data/store', JSON.stringify(acked), String(batches), DEVICE],
    examine: (dir, mark) => examine(join(dir, 'store'), [...acked, mark]),
  });
}

/** Makes the disk: a store that some batches were taken into before the power was cut. Returns the last one acknowledged. */
async function ackedBefore(disk: string): Promise<number> {
  const options = ['-d', `${disk}:${DISK}`, '-k', `^acked ${BATCHES_BEFORE}$`, '-j', '0'];
  const cut = await runInMachine(options, [...program('cut-writer'), '/data/store', '[]']);
  if (cut.code !== POWER_CUT) throw new Error(`exit code ${cut.code}\n${cut.stderr}`);
  return lastNumber(cut, 'acked');
}

/** Opens a store and accounts for what was acknowledged: of each run the last batch. */
async function examine(dir: string, acked: readonly number[]): Promise<readonly string[]> {
  const problems: string[] = [];
  const onProblem = (text: string) => problems.push(text);
  const host = await StoreHost.open({ dir, gateway: 'cut', commitFloorMs: 2, blockAgeSeconds: 60, onProblem });
  await host.stop();
  return [...problems, ...accountOf(dir, acked).faults];
}
