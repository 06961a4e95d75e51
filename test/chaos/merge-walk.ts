/**
 * Merges the packs of a store again and again, with one of its calls made to fail each time, and looks what is there then:
 * in a copy of the files as the call left them, which is what a process that is killed leaves, and once more after merging
 * went on without faults. Prints an outcome a line, as JSON. Started with the environment of faultEnvironment.
 *
 * usage: merge-walk.js STORE SHARE POINTS
 *   STORE   folder of a store with packs to merge; it stays as it is
 *   SHARE   0 to 1: where between two points the first lies
 *   POINTS  spread evenly over all calls
 */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { BlockDb } from '../../gateway/store/block-db.ts';
import { isDiskTrouble } from '../../gateway/store/disk-room.ts';
import { Merger } from '../../gateway/store/merge/merger.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { findingsIn, samplesIn } from '../gateway/store/merge/merge-look.ts';
import { WINDOWS } from '../gateway/store/merge/merge-steps.ts';
import { FailingCalls, type Fault } from './failing-calls.ts';

const FAULTS: readonly Fault[] = ['ENOSPC', 'EIO'];

/** What became of one point. */
export interface MergeOutcome {
  readonly fault: Fault;
  readonly first: number;
  readonly calls: number;
  readonly failed: number;
  /** Packs that were made of others: when the call failed, and in the end. */
  readonly before: number;
  readonly after: number;
  /** Sentences about what should not be. */
  readonly faults: readonly string[];
}

const [base = '', share = '0', points = '1'] = process.argv.slice(2);
const calls = FailingCalls.ofThisProcess();
const expected = samplesIn(base);
const print = (outcome: MergeOutcome) => process.stdout.write(`${JSON.stringify(outcome)}\n`);

const sound = runPoint('EIO', 0);
print(sound);
const stride = Math.max(1, Math.floor(sound.calls / Number(points)));
for (let first = 1 + Math.floor(Number(share) * stride); first <= sound.calls; first += stride) {
  for (const fault of FAULTS) print(runPoint(fault, first));
}
calls.close();

function runPoint(fault: Fault, first: number): MergeOutcome {
  rmSync(calls.folder, { recursive: true, force: true });
  mkdirSync(calls.folder);
  const dir = join(calls.folder, 'store');
  const killed = join(calls.folder, 'killed');
  cpSync(base, dir, { recursive: true });
  const faults: string[] = [];
  let before = 0;
  let blocks = BlockDb.open(storePaths(dir).blocks);
  const counted = { calls: 0, failed: 0 };
  calls.arm(fault, first, first);
  try {
    const merger = mergerOf(blocks);
    try {
      merger.runRound();
    } catch (error) {
      if (!isDiskTrouble(error)) faults.push(`merging failed of ${String(error)}`);
    }
    before = merger.status().into;
    Object.assign(counted, { calls: calls.count, failed: calls.failed });
    calls.disarm();
    cpSync(dir, killed, { recursive: true, filter: (path) => !path.endsWith('-shm') });
    // As the owner of the store does after a failure.
    blocks.close();
    blocks = BlockDb.open(storePaths(dir).blocks);
    const again = mergerOf(blocks);
    again.runRound();
    for (const [name, each] of Object.entries({ killed, dir })) {
      for (const finding of findingsIn(each)) faults.push(`${name}: ${finding}`);
      if (samplesIn(each) !== expected) faults.push(`${name}: the samples are not what they were`);
    }
    return { fault, first, ...counted, before, after: before + again.status().into, faults };
  } finally {
    blocks.close();
  }
}

function mergerOf(store: BlockDb): Merger {
  return new Merger({ store, scaleOf: () => undefined, isApart: () => true, onProblem: () => {}, windows: WINDOWS });
}
