/**
 * The store against others, on recorded cars and on a grid of simulated ones. Samples take the way every sample takes:
 * intake, ring, store thread, journal with an fsync a commit, blocks. Whatever is measured is read back and must be what
 * was fed, by ours and by the peer, or the bench fails. The method of each figure stands at the head of the file that
 * measures it: `store-recorded.ts`, `store-sizes.ts`, `store-low-rate.ts`, `store-merge.ts`,
 * `store-grid.ts`.
 */
import { existsSync } from 'node:fs';
import { DATA_DIR } from '../data-dir.ts';
import type { Drive } from './drive.ts';
import type { Findings, Progress } from './figure.ts';
import { decodeCssCar, decodeRav4 } from './recorded-drive.ts';
import { measureGrid } from './store-grid.ts';
import { measureLowRate } from './store-low-rate.ts';
import { measureMerge } from './store-merge.ts';
import { measureRecorded } from './store-recorded.ts';
import { measureSizes } from './store-sizes.ts';

export async function runStore(progress: Progress): Promise<Findings> {
  if (!existsSync(DATA_DIR)) {
    throw new Error(
      `no recordings in ${DATA_DIR}, and no figure of the store without: CAISSON_TEST_DATA tells where they are`,
    );
  }
  const grid = await measureGrid(progress);
  progress('decoding the recordings');
  const rav4 = await decodeRav4();
  const css = await decodeCssCar();
  const sizes = await measureSizes([rav4, css], progress);
  const lowRate = await measureLowRate(progress);
  const merge = measureMerge(progress);
  const recorded = await measureRecorded({ rav4, css }, progress);
  return {
    figures: [...grid.figures, ...sizes.figures, ...lowRate, ...merge.figures, ...recorded],
    notes: [
      ...(grid.notes ?? []),
      ...(sizes.notes ?? []),
      ...(merge.notes ?? []),
      sizeOf(rav4),
      sizeOf(css),
      'all read back through the query path and found equal, bit by bit',
    ],
  };
}

function sizeOf({ name, times, specs }: Drive): string {
  return `${name}: ${times.length} samples of ${specs.length} channels`;
}
