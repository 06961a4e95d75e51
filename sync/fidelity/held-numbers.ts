import type { AheadRuns } from '../../gateway/store/block-rows.ts';

/** Runs that are remembered. At the maximum: nothing more comes ahead of its turn that would be another one. */
const RUNS_MAX = 16_384;

/** Sequence numbers of one channel and boot. */
export type HeldChannel = AheadRuns;

/** Samples by their numbers, `end` not included. */
export interface NumberedSamples {
  readonly gateway: string;
  readonly boot: string;
  readonly channel: string;
  readonly first: number;
  readonly end: number;
}

/**
 * Samples that came ahead of their turn, by what they are and not by the packs they came in, because a gateway merges packs: whoever
 * sends in order leaves out what is all in here, and never anything else.
 */
export class HeldNumbers {
  readonly #channels = new Map<string, { readonly gateway: string; readonly boot: string; readonly channel: string }>();
  readonly #runs = new Map<string, number[]>();
  #count = 0;

  constructor(held: readonly HeldChannel[] = []) {
    for (const { runs, ...channel } of held) {
      for (let i = 0; i + 1 < runs.length; i += 2) {
        this.add({ ...channel, first: runs[i] ?? 0, end: runs[i + 1] ?? 0 });
      }
    }
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** True where so many more runs can be remembered. */
  hasRoomFor(runs: number): boolean {
    return this.#count + runs <= RUNS_MAX;
  }

  add({ gateway, boot, channel, first, end }: NumberedSamples): void {
    if (!(first < end)) return;
    const key = keyOf(gateway, boot, channel);
    const runs = this.#runs.get(key) ?? [];
    const merged = withRun(runs, first, end);
    if (merged.length > runs.length && this.#count >= RUNS_MAX) return;
    this.#count += (merged.length - runs.length) / 2;
    this.#channels.set(key, { gateway, boot, channel });
    this.#runs.set(key, merged);
  }

  /** True where all of the numbers are held. */
  holds({ gateway, boot, channel, first, end }: NumberedSamples): boolean {
    const runs = this.#runs.get(keyOf(gateway, boot, channel));
    if (runs === undefined) return false;
    for (let i = 0; i + 1 < runs.length; i += 2) {
      if ((runs[i] ?? 0) <= first && (runs[i + 1] ?? 0) >= end) return true;
    }
    return false;
  }

  list(): HeldChannel[] {
    return [...this.#channels].map(([key, channel]) => ({ ...channel, runs: this.#runs.get(key) ?? [] }));
  }
}

/** Runs with another one: what overlaps or touches becomes one. */
function withRun(runs: readonly number[], first: number, end: number): number[] {
  const merged: number[] = [];
  let [from, to] = [first, end];
  let isPlaced = false;
  for (let i = 0; i + 1 < runs.length; i += 2) {
    const [start, stop] = [runs[i] ?? 0, runs[i + 1] ?? 0];
    if (stop < from) {
      merged.push(start, stop);
    } else if (start > to) {
      if (!isPlaced) merged.push(from, to);
      isPlaced = true;
      merged.push(start, stop);
    } else {
      from = Math.min(from, start);
      to = Math.max(to, stop);
    }
  }
  if (!isPlaced) merged.push(from, to);
  return merged;
}

function keyOf(gateway: string, boot: string, channel: string): string {
  return `${gateway}\n${boot}\n${channel}`;
}
