import type { ChannelClass, Stamp } from '../../channel.ts';
import { BLOCK_SAMPLES_MAX } from '../../limits.ts';
import type { IndexEntries } from '../index-entries.ts';

/** A pack with its samples, as its rows tell it. */
export interface MergeSource {
  readonly position: number;
  readonly ordinal: number;
  readonly boot: number;
  readonly stamp: Stamp;
  readonly class: ChannelClass;
  /** How often its samples were merged before. */
  readonly merges: number;
  /** Only packs of one period become one. */
  readonly period: number;
  /** Bytes of the pack. */
  readonly size: number;
  /** By member of the roster. */
  readonly entries: IndexEntries;
}

/** Fewer packs than this are left as they are: what is gained is less than what is written. */
export const MERGE_PACKS_MIN = 4;

/** Samples of a pack that is made, 6 MiB once decoded, and bytes of the packs it is made of. At the maximum: the next is begun. */
const MERGE_SAMPLES_MAX = 384 * 1024;
const MERGE_BYTES_MAX = 512 * 1024;

/** A channel with more samples a pack than this gets blocks that are large enough. */
export const SMALL_SAMPLES_MAX = BLOCK_SAMPLES_MAX / MERGE_PACKS_MIN;

/**
 * Which packs of a series become one: neighbours of one boot, stamp, class and period, of which every channel goes on where the one
 * before ended. None has more than half of the samples of the result, so that what is written is worth it.
 *
 * @param sources packs in the order of the series, of fewer than `merges` merges; undefined for one that stays as it is
 */
export function planMerges(sources: readonly (MergeSource | undefined)[]): MergeSource[][] {
  const groups: MergeSource[][] = [];
  let group = new MergeGroup();
  const close = () => {
    if (group.isWorthIt()) groups.push(group.sources);
    group = new MergeGroup();
  };
  for (const source of sources) {
    if (source === undefined || !group.takes(source)) close();
    if (source !== undefined) group.add(source);
  }
  close();
  return groups;
}

/** The stretches of a group between positions, ascending, that are worth it. */
export function cutAt<Source extends MergeSource>(
  sources: readonly Source[],
  positions: readonly number[],
): (readonly Source[])[] {
  if (positions.length === 0) return [sources];
  const stretches = [new MergeGroup<Source>()];
  let passed = 0;
  for (const source of sources) {
    const before = passed;
    while ((positions[passed] ?? Number.POSITIVE_INFINITY) < source.position) passed += 1;
    if (passed > before) stretches.push(new MergeGroup());
    stretches.at(-1)?.add(source);
  }
  return stretches.filter((stretch) => stretch.isWorthIt()).map((stretch) => stretch.sources);
}

/** Samples of all blocks that a row of the index tells of. */
export function samplesOf(entries: IndexEntries): number {
  return entries.reduce((sum, entry) => sum + (entry?.count ?? 0), 0);
}

/** Neighbours of a series that may become one pack. */
export class MergeGroup<Source extends MergeSource = MergeSource> {
  readonly sources: Source[] = [];
  /** By member: samples, and one past the last sequence number. */
  readonly #counts: number[] = [];
  readonly #ends: number[] = [];
  #samples = 0;
  #largest = 0;
  #bytes = 0;

  /** True where a pack that follows may become one with these. */
  takes({ boot, stamp, class: packClass, period, size, entries }: MergeSource): boolean {
    const [first] = this.sources;
    if (first === undefined) return true;
    if (first.boot !== boot || first.stamp !== stamp || first.class !== packClass) return false;
    if (first.period !== period) return false;
    if (this.#bytes + size > MERGE_BYTES_MAX || this.#samples + samplesOf(entries) > MERGE_SAMPLES_MAX) return false;
    return entries.every((entry, member) => {
      if (entry === undefined) return true;
      const count = this.#counts[member] ?? 0;
      return count + entry.count <= BLOCK_SAMPLES_MAX && (count === 0 || entry.firstSequence === this.#ends[member]);
    });
  }

  add(source: Source): void {
    this.sources.push(source);
    for (const [member, entry] of source.entries.entries()) {
      if (entry === undefined) continue;
      this.#counts[member] = (this.#counts[member] ?? 0) + entry.count;
      this.#ends[member] = entry.endSequence;
    }
    const samples = samplesOf(source.entries);
    this.#samples += samples;
    this.#largest = Math.max(this.#largest, samples);
    this.#bytes += source.size;
  }

  /** True where there are so many, and so alike in size, that what is gained is worth what is written. */
  isWorthIt(): boolean {
    return this.sources.length >= MERGE_PACKS_MIN && this.#largest * 2 <= this.#samples;
  }
}
