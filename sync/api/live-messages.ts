/** Messages of Subscribe as proto-loader hands them over, with defaults filled in; meanings stand in the proto. */
export interface SubscribeRequestMessage {
  readonly channels: readonly string[];
  readonly gateway: string;
  readonly rateMax: number;
  readonly every: boolean;
  readonly resume: Uint8Array;
}

export interface LiveUpdateMessage {
  readonly values: readonly LiveValueMessage[];
  readonly samples: readonly SampleRunMessage[];
  readonly missed: readonly MissedRunMessage[];
  readonly resume: Uint8Array;
  readonly channels: readonly string[];
}

export interface LiveValueMessage {
  readonly channel: number;
  readonly time: number;
  readonly number?: Uint8Array;
  readonly text?: string;
}

export interface SampleRunMessage {
  readonly gateway: string;
  readonly boot: string;
  readonly channel: string;
  readonly firstSequence: number;
  readonly times: Uint8Array;
  readonly utcOffset: number;
  readonly numbers: Uint8Array;
  readonly texts: readonly string[];
}

export interface MissedRunMessage {
  readonly gateway: string;
  readonly boot: string;
  readonly channel: string;
  readonly firstSequence: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly cause: string;
}
