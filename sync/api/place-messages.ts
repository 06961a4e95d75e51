/** Messages of GetPlace, as messages.ts has the others. */

export interface GetPlaceRequestMessage {
  readonly position: number;
}

export interface PlaceMessage {
  readonly feed: string;
  readonly boots: readonly BootPlaceMessage[];
}

export interface BootPlaceMessage {
  readonly boot: string;
  readonly position: number;
}
