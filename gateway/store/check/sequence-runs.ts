/** Sequence numbers [first, end) of a channel and boot, by local ids. */
export interface Stretch {
  readonly channel: number;
  readonly boot: number;
  readonly first: number;
  readonly end: number;
}

/**
 * Which sequence numbers are accounted for. Every number below the greatest of its channel and boot must be, once: in a
 * block, in a gap, or in the journal.
 */
export class SequenceRuns {
  /** By boot and channel: starts and ends in turn, in the order in which they came. */
  readonly #runs = new Map<number, Map<number, number[]>>();

  add({ channel, boot, first, end }: Stretch): void {
    if (end <= first) return;
    const runs = this.#runsOf(boot, channel);
    // Most come in order: a boot of days is a few numbers.
    if (runs.length > 0 && runs.at(-1) === first) runs[runs.length - 1] = end;
    else runs.push(first, end);
  }

  /** Stretches that are in none, and such that are in two, or more. */
  check(): { holes: Stretch[]; overlaps: Stretch[] } {
    const holes: Stretch[] = [];
    const overlaps: Stretch[] = [];
    for (const [boot, channels] of this.#runs) {
      for (const [channel, flat] of channels) {
        let next = 0;
        for (const { first, end } of sorted(flat)) {
          if (first > next) holes.push({ channel, boot, first: next, end: first });
          if (first < next) overlaps.push({ channel, boot, first, end: Math.min(next, end) });
          next = Math.max(next, end);
        }
      }
    }
    return { holes, overlaps };
  }

  /** What of a stretch is in none. */
  missingOf({ channel, boot, first, end }: Stretch): Stretch[] {
    const missing: Stretch[] = [];
    let next = first;
    for (const run of sorted(this.#runs.get(boot)?.get(channel) ?? [])) {
      if (run.first >= end) break;
      if (run.first > next) missing.push({ channel, boot, first: next, end: run.first });
      next = Math.max(next, run.end);
    }
    if (next < end) missing.push({ channel, boot, first: next, end });
    return missing;
  }

  #runsOf(boot: number, channel: number): number[] {
    let channels = this.#runs.get(boot);
    if (channels === undefined) {
      channels = new Map();
      this.#runs.set(boot, channels);
    }
    let runs = channels.get(channel);
    if (runs === undefined) {
      runs = [];
      channels.set(channel, runs);
    }
    return runs;
  }
}

function sorted(flat: readonly number[]): { first: number; end: number }[] {
  const runs: { first: number; end: number }[] = [];
  for (let i = 0; i < flat.length; i += 2) runs.push({ first: flat[i] ?? 0, end: flat[i + 1] ?? 0 });
  return runs.sort((a, b) => a.first - b.first || a.end - b.end);
}
