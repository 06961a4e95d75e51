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
  readonly #positions: ReadonlySet<number>;

  constructor(record: PassedOver) {
    this.#positions = new Set(Object.values(record).flatMap((channels) => Object.values(channels).flat()));
  }

  /** False where a border parts the positions from `first` to `last`. */
  isApart(first: number, last: number): boolean {
    for (const position of this.#positions) if (position >= first && position < last) return false;
    return true;
  }
}
