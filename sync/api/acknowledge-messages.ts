import type { LineStatusMessage } from './status-messages.ts';

export interface AcknowledgeRequestMessage {
  readonly follower: string;
  readonly feed: string;
  readonly position: number;
  readonly receipt: Uint8Array;
  readonly signature: Uint8Array;
  readonly lines: readonly LineStatusMessage[];
  readonly store: string;
}

export interface AcknowledgeResponseMessage {
  readonly wanted: Uint8Array;
  readonly refused: string;
}
