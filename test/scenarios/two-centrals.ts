import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { BlockReader } from '../../gateway/store/block-reader.ts';
import { type Central, type StorePlace, startCentral } from '../../sync/central/central.ts';
import type { StoreRig } from '../gateway/store/store-rig.ts';

const HOST = '127.0.0.1';

/** Samples of a pack of {@link fill}. */
export const PACK_SAMPLES = 500;

/** A folder for as long as a test runs. */
export function tempDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-two-centrals-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Packs of the channel `speed`, one a second from `pack` on; of noise, so that a sample takes some 7 bytes. */
export function fill(rig: StoreRig, packs: number, pack = 0, samples = PACK_SAMPLES): void {
  for (let end = pack + packs; pack < end; pack += 1) {
    for (let i = 0; i < samples; i += 1) rig.ring.writeSample(1, 1e6 * pack + 200 * i, Math.random());
    rig.commit();
    rig.sealAll();
  }
}

/** Samples that are there, and those of which only envelopes are left; from a box time on. */
export function heldIn(blocks: BlockReader, from = 0): { whole: number; thinned: number } {
  const extents = blocks.overlapping(1, from, 1e15);
  const count = (list: typeof extents) => list.reduce((sum, extent) => sum + extent.count, 0);
  return {
    whole: count(extents.filter(({ thinned }) => thinned === undefined)),
    thinned: count(extents.filter(({ thinned }) => thinned !== undefined)),
  };
}

/** A central called `hq` that pulls from a port. */
export function startHq(t: Test, port: number, place: StorePlace): Promise<Central> {
  const onProblem = (text: string) => t.comment(text);
  const pull = [{ host: HOST, port }];
  return startCentral({ ...place, host: HOST, port: 0, pull, name: 'hq', version: 'test', onProblem });
}
