/** Messages of GetPlace, as messages.ts has the others. */

export interface GetPlaceRequestMessage {
  readonly position: number;
  readonly gateway: string;
}

export interface PlaceMessage {
  readonly feed: string;
  readonly boots: readonly BootPlaceMessage[];
}

export interface BootPlaceMessage {
  readonly boot: string;
  readonly position: number;
}
