/**
 * What runs in the machine whose writes are recorded: merges the packs of a store, backs it up, and restores the backup. The
 * log of the disk gets a mark when each is done.
 *
 * usage: merge-cut-writer.js FOLDER DEVICE
 *   FOLDER   has the folder `store`; gets `backup` and `restored`
 *   DEVICE   device mapper's name of the dm-log-writes disk
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { backupStore } from '../../gateway/store/backup/backup-store.ts';
import { restoreStore } from '../../gateway/store/backup/restore-store.ts';
import { BlockDb } from '../../gateway/store/block-db.ts';
import { Merger } from '../../gateway/store/merge/merger.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { WINDOWS } from '../gateway/store/merge/merge-steps.ts';
import { MergeMark } from './merge-crash-points.ts';

const [folder = '', device = ''] = process.argv.slice(2);
const [store, backup, restored] = ['store', 'backup', 'restored'].map((name) => join(folder, name)) as [
  ...[string, string, string],
];
const mark = (done: number) => execFileSync('dmsetup', ['message', device, '0', 'mark', String(done)]);
const quiet = () => {};

const blocks = BlockDb.open(storePaths(store).blocks);
const merger = new Merger({
  ...{ store: blocks, scaleOf: () => undefined, isApart: () => true, windows: WINDOWS },
  onProblem: (text) => {
    throw new Error(text);
  },
});
merger.runRound();
blocks.close();
process.stdout.write(`merged ${merger.status().into}\n`);
mark(MergeMark.merged);
await backupStore(store, backup, 'test', quiet);
mark(MergeMark.backedUp);
await restoreStore(backup, restored, { damaged: false }, quiet);
mark(MergeMark.restored);
