/** Messages of PullGateway and GetDigests, as messages.ts has the others. */

export interface PullGatewayRequestMessage {
  readonly gateway: string;
  readonly feed: string;
  readonly after: number;
}

export interface GetDigestsRequestMessage {
  readonly gateway: string;
  readonly ranges: readonly DigestRangeMessage[];
}

export interface DigestRangeMessage {
  readonly boot: string;
  readonly channel: string;
  readonly first: number;
  readonly end: number;
}

export interface DigestChunkMessage {
  readonly digests: readonly Uint8Array[];
}
