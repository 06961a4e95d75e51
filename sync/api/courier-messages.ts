/** Messages of BringCourier, as messages.ts has the others. */

export interface CourierPieceMessage {
  readonly bytes: Uint8Array;
  readonly start?: CourierStartMessage;
}

export interface CourierStartMessage {
  readonly digest: Uint8Array;
  readonly name: string;
  readonly gateway: string;
  readonly central: string;
  readonly bytes: number;
  readonly offset: number;
}

export interface BroughtCourierMessage {
  readonly outcome: string;
  readonly samples: number;
  readonly problem: string;
}
