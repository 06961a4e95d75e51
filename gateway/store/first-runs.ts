import type { RowRuns } from './journal/row-decoder.ts';

/** Sequence numbers [first, end) of one channel and boot. */
interface Run {
  readonly first: number;
  end: number;
}

/**
 * Of each channel and boot of a journal the first run of sequence numbers without a hole: nearly always the only one. Tells
 * how large a chunk is going to be.
 */
export class FirstRuns {
  /** By boot, then by channel. */
  readonly #boots = new Map<number, (Run | undefined)[]>();

  /** Adds the groups of the next row. */
  add(boot: number, { channels, sequences, counts }: RowRuns): void {
    let runs = this.#boots.get(boot);
    if (runs === undefined) {
      runs = [];
      this.#boots.set(boot, runs);
    }
    for (let i = 0; i < counts.length; i += 1) {
      const channel = channels[i] as number;
      const first = sequences[i] as number;
      const end = first + (counts[i] as number);
      const run = runs[channel];
      if (run === undefined) runs[channel] = { first, end };
      else if (run.end === first) run.end = end;
    }
  }

  /** Samples from `sequence` to the end of the run; undefined where it is not in the first one. */
  follow(boot: number, channel: number, sequence: number): number | undefined {
    const run = this.#boots.get(boot)?.[channel];
    return run !== undefined && sequence >= run.first && sequence < run.end ? run.end - sequence : undefined;
  }
}
