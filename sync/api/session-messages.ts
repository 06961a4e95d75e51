/** Messages of sessions as protobuf has them. */

export interface ListSessionsRequestMessage {
  readonly gateway: string;
  readonly from?: number;
  readonly to?: number;
}

export interface SessionMessage {
  readonly gateway: string;
  readonly id: string;
  readonly name: string;
  readonly from: number;
  readonly to?: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface KeepSessionRequestMessage {
  readonly begin: boolean;
  readonly session: string;
  readonly name: string;
  readonly from?: number;
  readonly to?: number;
  readonly end: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}
