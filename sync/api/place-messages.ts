import type { BootPlace } from '../../gateway/store/feed.ts';

/** Messages of GetPlace, as messages.ts has the others. */

export interface GetPlaceRequestMessage {
  readonly position: number;
}

export interface PlaceMessage {
  readonly feed: string;
  readonly boots: readonly BootPlace[];
}
