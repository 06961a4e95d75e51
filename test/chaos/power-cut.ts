import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { POWER_CUT, runInMachine } from '../lab.ts';
import { lastNumber, machineFolder, program } from './machine.ts';
import { mixed } from './sample-stream.ts';

/** Size of a machine's disk. */
const DISK = '512M';

/** After so many cuts a blank disk begins: each start reads the whole store again. */
const CUTS_PER_DISK = 20;

/** A cut comes after at most so many batches were acknowledged: some 8 seconds of samples, seals and trims. */
const CUT_BATCHES_MAX = 800;

/** Then, or after the start of the machine, at most so much later, milliseconds. */
const CUT_JITTER_MS = 300;
const CUT_START_MS_MAX = 2500;

/** One in so many cuts comes while the store of the cut before is opened. */
const CUT_AT_START_EVERY = 4;

/** The folder of the store on the machine's disk. */
const STORE_DIR = '/data/store';

/** What some cuts have shown. */
export interface CutReport {
  readonly cuts: number;
  readonly ackedBatches: number;
  /** Samples of all disks that were there at the end. */
  readonly kept: number;
}

/**
 * Cuts a machine's power again and again while it takes in samples, at moments drawn from `seed`. After each cut the same
 * disk is opened, found to hold everything acknowledged, and written to until the next.
 */
export async function cutStore(t: Test, cuts: number, seed: number): Promise<CutReport> {
  const folder = machineFolder(t);
  const sum = { cuts: 0, ackedBatches: 0, kept: 0 };
  for (let first = 0; first < cuts; first += CUTS_PER_DISK) {
    const disk = join(folder, `disk-${first}`);
    const acked: number[] = [];
    const run = async (options: readonly string[], ...more: readonly string[]) => {
      const dir = ['-d', `${disk}:${DISK}`, ...options];
      const command = [...program('cut-writer'), STORE_DIR, JSON.stringify(acked), ...more];
      const ended = await runInMachine(dir, command);
      const problems = ended.lines.filter((line) => line.startsWith('problem'));
      t.same(problems, [], `the store opens without repair after ${sum.cuts} cuts`);
      acked.push(lastNumber(ended, 'acked'));
      return ended;
    };
    for (let cut = first; cut < Math.min(cuts, first + CUTS_PER_DISK); cut += 1) {
      const ended = await run(momentOf(cut, seed));
      if (ended.code !== POWER_CUT) throw new Error(`cut ${cut}: exit code ${ended.code}\n${ended.stderr}`);
      sum.cuts += 1;
      sum.ackedBatches += (acked.at(-1) ?? -1) + 1;
    }
    const ended = await run([], '1');
    t.equal(ended.code, 0, `everything acknowledged is there at the end\n${ended.stderr}`);
    sum.kept += lastNumber(ended, 'accounted');
    rmSync(disk);
  }
  return sum;
}

function momentOf(cut: number, seed: number): string[] {
  const share = (which: number) => mixed(seed, cut, which) / 2 ** 32;
  if (cut % CUT_AT_START_EVERY === CUT_AT_START_EVERY - 1)
    return ['-K', ((share(0) * CUT_START_MS_MAX) / 1e3).toFixed(3)];
  return ['-k', `^acked ${Math.floor(share(1) * CUT_BATCHES_MAX)}$`, '-j', String(CUT_JITTER_MS)];
}

/** Cuts the power of the weak writer once: how many rows it had acknowledged, and how many were there afterwards. */
export async function cutWeakWriter(t: Test, rows: number): Promise<{ acked: number; kept: number }> {
  const disk = ['-d', `${join(machineFolder(t), 'disk')}:64M`];
  const cut = await runInMachine([...disk, '-k', `^acked ${rows}$`, '-j', '0'], [...program('weak-writer'), '/data']);
  t.equal(cut.code, POWER_CUT, cut.stderr);
  const counted = await runInMachine(disk, [...program('weak-writer'), '/data', 'count']);
  t.equal(counted.code, 0, counted.stderr);
  return { acked: lastNumber(cut, 'acked') + 1, kept: lastNumber(counted, 'kept') };
}
