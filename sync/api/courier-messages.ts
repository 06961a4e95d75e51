/** Messages of BringCourier, as messages.ts has the others. */

export interface CourierPieceMessage {
  readonly bytes: Uint8Array;
}

export interface BroughtCourierMessage {
  readonly outcome: string;
  readonly samples: number;
  readonly problem: string;
}
