import type { FeedItemMessage, StampName } from './messages.ts';

/** Messages of Transfer. */

export interface TransferRequestMessage {
  readonly opening?: TransferOpeningMessage;
  readonly grant?: TransferGrantMessage;
  readonly wish?: TransferWishMessage;
}

export interface TransferOpeningMessage {
  readonly feed: string;
  readonly after: number;
  readonly parts: readonly PackPartMessage[];
  readonly held: readonly HeldSamplesMessage[];
  readonly outlined: OutlinedMessage | null;
  readonly inOrder: boolean;
}

export interface PackPartMessage {
  readonly position: number;
  readonly check: Uint8Array;
  readonly bytes: number;
}

export interface TransferGrantMessage {
  readonly number: number;
  readonly bytes: number;
  readonly quantumBytes: number;
}

export interface TransferResponseMessage {
  readonly feed: string;
  readonly items: readonly FeedItemMessage[];
  readonly piece: PackPieceMessage | null;
  readonly complete: boolean;
  readonly grant: number;
  readonly heldUs: number;
  readonly packed: Uint8Array;
  readonly packedBytes: number;
  readonly ahead: TransferAheadMessage | null;
  readonly passed: number;
}

export interface PackPieceMessage {
  readonly position: number;
  readonly size: number;
  readonly offset: number;
  readonly check: Uint8Array;
  readonly bytes: Uint8Array;
  readonly ahead: boolean;
}

export interface HeldSamplesMessage {
  readonly gateway: string;
  readonly boot: string;
  readonly channel: string;
  readonly runs: readonly number[];
}

export interface OutlinedMessage {
  readonly upTo: number;
  readonly from: number;
  readonly to: number;
  readonly terms: number;
}

export interface TransferWishMessage {
  readonly gateway: string;
  readonly channels: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly outlines: boolean;
  readonly past: WishedPastMessage | null;
}

export interface WishedPastMessage {
  readonly held: readonly HeldSamplesMessage[];
}

export interface WishResponseMessage {
  readonly lines: number;
}

export interface TransferAheadMessage {
  readonly items: readonly FeedItemMessage[];
  readonly outlines: readonly OutlineMessage[];
  readonly outlined: OutlinedMessage | null;
}

export interface OutlineMessage {
  readonly gateway: string;
  readonly boot: string;
  readonly stamp: StampName;
  readonly channel: string;
  readonly firstSequence: number;
  readonly nodes: Uint8Array;
}
