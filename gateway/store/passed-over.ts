/** Where the large database keeps {@link PassedOver}, as JSON. */
export const PASSED_OVER_KEY = 'passed-over';

/**
 * Positions of the feed at which a channel went to a destination no longer, and from which it went again, in turn and ascending, by name of
 * the destination and id of the channel: what stands behind the first up to the second did not go there, and so on.
 */
export type PassedOver = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

/** @param text as it was kept; undefined: nothing was */
export function passedOverOf(text: string | undefined): PassedOver {
  return JSON.parse(text ?? '{}') as PassedOver;
}

/** Where channels began and ceased to go to destinations: what is merged across such a position could not be told apart any more. */
export class FeedBorders {
  /** Ascending. */
  readonly #positions: readonly number[];

  constructor(record: PassedOver) {
    const positions = Object.values(record).flatMap((channels) => Object.values(channels).flat());
    this.#positions = [...new Set(positions)].sort((a, b) => a - b);
  }

  /** Number of borders before a position: between two positions of one period there is none. */
  periodOf(position: number): number {
    let [from, to] = [0, this.#positions.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#positions[middle] ?? 0) < position) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** False where a border parts the positions from `first` to `last`. */
  isApart(first: number, last: number): boolean {
    return this.periodOf(first) === this.periodOf(last);
  }
}
