import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { BACKUP_FILE } from '../../gateway/store/backup/backup-store.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { findingsIn, samplesIn } from '../gateway/store/merge/merge-look.ts';
import { Filler, NAMES } from '../gateway/store/merge/merge-steps.ts';
import { StoreRig } from '../gateway/store/store-rig.ts';
import { runInMachine } from '../lab.ts';
import { machineFolder, program } from './machine.ts';
import { DEVICE, DISK, replayRecorded } from './recorded-writes.ts';

/** What was done when the log of the disk got a mark. */
export const MergeMark = { merged: 1, backedUp: 2, restored: 3 } as const;

/** Late samples among the others, so that merging has to put them in order. */
const FILLED = { kind: 'fill', channels: NAMES.map((_, i) => i + 1), packs: 70, samples: 20, isLate: true } as const;

/**
 * Records every write of a run in which the packs of a store are merged, the store is backed up and the backup restored, and looks
 * at what each flush boundary would have left to a power cut: every sample is in the store, and in a backup or restored store that
 * is there. Returns what the replay says at its end.
 */
export async function replayMergeCrashPoints(
  t: Test,
  { subsets, seed }: { readonly subsets: number; readonly seed: number },
): Promise<string> {
  const rig = new StoreRig(NAMES, 1 << 14);
  t.teardown(() => rig.dispose());
  new Filler(rig).take(FILLED);
  rig.close();
  const expected = samplesIn(rig.dir);
  const folder = machineFolder(t);
  const disk = join(folder, 'disk');
  const made = await runInMachine(['-d', `${disk}:${DISK}`], ['cp', '-r', rig.dir, '/data/store']);
  if (made.code !== 0) throw new Error(made.stderr);
  return replayRecorded({
    ...{ folder, disk, subsets, seed },
    command: [...program('merge-cut-writer'), '/data', DEVICE],
    examine: async (dir, mark) => faultsIn(dir, mark, expected),
  });
}

function faultsIn(folder: string, mark: number, expected: string): string[] {
  const [store, backup, restored] = ['store', 'backup', 'restored'].map((name) => join(folder, name)) as [
    ...[string, string, string],
  ];
  const isBackup = existsSync(join(backup, BACKUP_FILE));
  const isRestored = existsSync(storePaths(restored).blocks);
  const faults: string[] = [];
  if (mark >= MergeMark.backedUp && !isBackup) faults.push('the backup is not there');
  if (mark >= MergeMark.restored && !isRestored) faults.push('the restored store is not there');
  for (const dir of [store, ...(isBackup ? [backup] : []), ...(isRestored ? [restored] : [])]) {
    for (const finding of findingsIn(dir)) faults.push(`${dir}: ${finding}`);
    if (samplesIn(dir) !== expected) faults.push(`${dir}: the samples are not what they were`);
  }
  return faults;
}
