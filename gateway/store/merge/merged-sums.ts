import type { MergeStatus } from '../../status.ts';
import { samplesOf } from './merge-plan.ts';
import type { Merged } from './merging.ts';

export const NOTHING_MERGED: MergeStatus = { packs: 0, into: 0, samples: 0, bytes: 0 };

/** What was merged, with one more pack. */
export function withMerged(
  { packs, into, samples, bytes }: MergeStatus,
  { sources, entries, bytes: made }: Pick<Merged, 'sources' | 'entries' | 'bytes'>,
): MergeStatus {
  return {
    packs: packs + sources.length,
    into: into + 1,
    samples: samples + samplesOf(entries),
    bytes: bytes + made.length,
  };
}
