/**
 * The messages of sync/proto/caisson/v1/telemetry.proto as they are in memory; the proto says what they mean. A field is
 * `?` where the proto has `optional` or `oneof`, and may be null where a message may be missing. Those of a call that has many stand in a
 * `NAME-messages.ts` of their own.
 */

import type { CoverageMessage, QueryCoverageName } from './coverage-messages.ts';

export type ChannelTypeName =
  | 'CHANNEL_TYPE_UNSPECIFIED'
  | 'CHANNEL_TYPE_NUMBER'
  | 'CHANNEL_TYPE_BOOL'
  | 'CHANNEL_TYPE_ENUM'
  | 'CHANNEL_TYPE_TEXT';

export type ChannelClassName =
  | 'CHANNEL_CLASS_UNSPECIFIED'
  | 'CHANNEL_CLASS_CRITICAL'
  | 'CHANNEL_CLASS_STANDARD'
  | 'CHANNEL_CLASS_BULK';

export type ResidencyName = 'RESIDENCY_UNSPECIFIED' | 'RESIDENCY_ANY' | 'RESIDENCY_LOCAL' | 'RESIDENCY_REGIONS';

export type StampName = 'STAMP_UNSPECIFIED' | 'STAMP_ARRIVAL' | 'STAMP_DEVICE';

export type ClockSourceName =
  | 'CLOCK_SOURCE_UNSPECIFIED'
  | 'CLOCK_SOURCE_NONE'
  | 'CLOCK_SOURCE_MANUAL'
  | 'CLOCK_SOURCE_RTC'
  | 'CLOCK_SOURCE_NTP'
  | 'CLOCK_SOURCE_GNSS'
  | 'CLOCK_SOURCE_PTP';

export interface ChannelDefinitionMessage {
  readonly name: string;
  readonly unit: string;
  readonly type: ChannelTypeName;
  readonly class: ChannelClassName;
  readonly residency: ResidencyName;
  readonly regions: readonly string[];
  readonly stamp: StampName;
  readonly source: string;
  readonly description?: string;
  readonly rateHz?: number;
  readonly scale?: ScaleMessage;
  readonly decimals?: number;
  readonly limits?: LimitsMessage;
  readonly labels?: LabelsMessage;
}

export interface LabelsMessage {
  readonly byValue: Readonly<Record<string, string>>;
}

export interface ScaleMessage {
  readonly gain: number;
  readonly offset: number;
}

export interface LimitsMessage {
  readonly lowAlarm?: number;
  readonly lowWarn?: number;
  readonly highWarn?: number;
  readonly highAlarm?: number;
}

export interface ChannelMessage {
  readonly id: number;
  readonly gateway: string;
  readonly definition: ChannelDefinitionMessage | null;
}

export interface SpanMessage {
  readonly from: number;
  readonly to: number;
}

export interface ListChannelsRequestMessage {
  readonly gateway: string;
  readonly after: number;
  readonly names: readonly string[];
}

export interface ListChannelsResponseMessage {
  readonly channels: readonly ChannelMessage[];
  readonly more: boolean;
}

export interface ListVersionsRequestMessage {
  readonly gateway: string;
  readonly after: number;
}

export interface ListVersionsResponseMessage {
  readonly versions: readonly VersionMessage[];
  readonly more: boolean;
}

export interface VersionMessage {
  readonly id: number;
  readonly gateway: string;
  readonly boot: string;
  readonly version: number;
  readonly made: number;
  readonly arrival: readonly SpanMessage[];
  readonly device: readonly SpanMessage[];
  readonly channels: readonly string[];
  readonly recipe: string;
}

export interface QueryRequestMessage {
  readonly channels: readonly string[];
  readonly gateway: string;
  readonly from?: number;
  readonly to?: number;
  readonly pixels: number;
  readonly version?: number;
  readonly coverage: QueryCoverageName;
}

export interface QueryChunkMessage {
  readonly channel: number;
  readonly samples?: SamplesMessage;
  readonly envelope?: EnvelopeMessage;
  readonly coverage?: CoverageMessage;
}

export interface SamplesMessage {
  readonly times: Uint8Array;
  readonly values: Uint8Array;
  readonly texts: readonly string[];
  readonly late: Uint8Array;
}

export interface EnvelopeMessage {
  readonly from: number;
  readonly to: number;
  readonly pixels: number;
  readonly count: Uint8Array;
  readonly min: Uint8Array;
  readonly max: Uint8Array;
  readonly first: Uint8Array;
  readonly last: Uint8Array;
}

export interface SqlRequestMessage {
  readonly statement: string;
  readonly parameters: Readonly<Record<string, SqlCellMessage>>;
  readonly seconds: number;
  readonly rows: number;
  readonly memoryMib: number;
}

export interface SqlChunkMessage {
  readonly columns?: SqlColumnsMessage;
  readonly rows?: SqlRowsMessage;
  readonly read?: SqlReadMessage;
  readonly notice?: string;
}

export interface SqlColumnsMessage {
  readonly columns: readonly SqlColumnMessage[];
}

export interface SqlColumnMessage {
  readonly name: string;
  readonly isTime: boolean;
}

export interface SqlRowsMessage {
  readonly cells: readonly SqlCellMessage[];
}

export interface SqlCellMessage {
  readonly number?: number;
  readonly integer?: string;
  readonly text?: string;
  readonly blob?: Uint8Array;
}

export interface SqlReadMessage {
  readonly samples: number;
  readonly channels: number;
}

export interface PullBlocksRequestMessage {
  readonly feed: string;
  readonly after: number;
  readonly follow: boolean;
}

export interface PullBlocksResponseMessage {
  readonly feed: string;
  readonly items: readonly FeedItemMessage[];
  readonly complete: boolean;
}

export interface FeedItemMessage {
  readonly position: number;
  readonly boot?: BootItemMessage;
  readonly channel?: ChannelItemMessage;
  readonly clock?: ClockItemMessage;
  readonly pack?: Uint8Array;
  readonly gap?: GapItemMessage;
  readonly givenUp?: GivenUpItemMessage;
  readonly derivation?: DerivationItemMessage;
}

export interface BootItemMessage {
  readonly gateway: string;
  readonly boot: string;
  readonly started: number;
  readonly origin: string;
}

export interface DerivationItemMessage {
  readonly gateway: string;
  readonly boot: string;
  readonly version: number;
  readonly made: number;
  readonly arrival: readonly SpanMessage[];
  readonly device: readonly SpanMessage[];
  readonly channels: readonly string[];
  readonly recipe: string;
}

export interface ChannelItemMessage {
  readonly gateway: string;
  readonly definition: ChannelDefinitionMessage | null;
}

export interface ClockItemMessage {
  readonly gateway: string;
  readonly boot: string;
  readonly time: number;
  readonly offset: number;
  readonly error: number;
  readonly source: ClockSourceName;
}

export interface GapItemMessage {
  readonly gateway: string;
  readonly boot: string;
  readonly channel: string;
  readonly firstSequence: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly cause: string;
}

export interface GivenUpItemMessage {
  readonly gateway: string;
  readonly boot: string;
  readonly runs: readonly GivenUpRunMessage[];
}

export interface GivenUpRunMessage {
  readonly channel: string;
  readonly firstSequence: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly cause: string;
}

export interface GetLedgerRequestMessage {
  readonly gateway: string;
  readonly channels: readonly string[];
  readonly days: boolean;
  readonly destination: string;
}

export interface LedgerChunkMessage {
  readonly accounts: readonly LedgerAccountMessage[];
}

export interface LedgerAccountMessage {
  readonly gateway: string;
  readonly boot: string;
  readonly origin: string;
  readonly channel: string;
  readonly end: number;
  readonly held: readonly NumberRunMessage[];
  readonly unsealed: number;
  readonly missing: readonly MissingRunMessage[];
  readonly days: readonly LedgerDayMessage[];
  readonly withheld: string;
  readonly passedOver: readonly NumberRunMessage[];
}

export interface NumberRunMessage {
  readonly first: number;
  readonly end: number;
}

export interface MissingRunMessage {
  readonly first: number;
  readonly end: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly cause: string;
}

export interface LedgerDayMessage {
  readonly day: number;
  readonly kept: number;
  readonly lost: number;
}
