/** Findings of one check that are told one by one. At the maximum: further ones are only counted. */
export const FINDINGS_MAX = 10_000;

/** Samples that cannot be read any more. */
export interface Loss {
  readonly samples: number;
  readonly channels: readonly string[];
  /** Their times as stored, microseconds, both inclusive; undefined where nothing tells. */
  readonly span?: { readonly from: number; readonly to: number };
}

/** Something of a store that is not as it should be. */
export interface Finding {
  /** Where: a file and what in it. */
  readonly place: string;
  readonly problem: string;
  /** Undefined where no sample is lost: the pyramid and the index can be made again from packs. */
  readonly lost?: Loss;
}

/** Collects findings. */
export class FindingList {
  readonly all: Finding[] = [];
  #count = 0;

  add(place: string, problem: string, lost?: Loss): void {
    this.#count += 1;
    if (this.all.length < FINDINGS_MAX) this.all.push({ place, problem, ...(lost === undefined ? {} : { lost }) });
  }

  get count(): number {
    return this.#count;
  }
}

/** What is lost with runs of samples, of any channels. */
export function lossOf(
  runs: readonly { readonly channel: string; readonly count: number; readonly from: number; readonly to: number }[],
): Loss | undefined {
  if (runs.length === 0) return undefined;
  return {
    samples: runs.reduce((sum, { count }) => sum + count, 0),
    channels: [...new Set(runs.map(({ channel }) => channel))],
    span: { from: Math.min(...runs.map(({ from }) => from)), to: Math.max(...runs.map(({ to }) => to)) },
  };
}
