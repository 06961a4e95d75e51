/** Messages of GetStatus, as messages.ts has the others. */

import type { ChannelClassName, ClockSourceName } from './messages.ts';
import type { HandOverStatusMessage, RelayStatusMessage } from './relay-messages.ts';

export type RoleName = 'ROLE_UNSPECIFIED' | 'ROLE_GATEWAY' | 'ROLE_CENTRAL';

export type SourceStateName =
  | 'SOURCE_STATE_UNSPECIFIED'
  | 'SOURCE_STATE_STARTING'
  | 'SOURCE_STATE_RUNNING'
  | 'SOURCE_STATE_WAITING'
  | 'SOURCE_STATE_STOPPED';

export type GetStatusRequestMessage = Readonly<Record<string, never>>;

export interface StatusMessage {
  readonly role: RoleName;
  readonly gateway: string;
  readonly boot: string;
  readonly version: string;
  readonly startedAt: number;
  readonly now: number;
  readonly clock: ClockStatusMessage | null;
  readonly ring: RingStatusMessage | null;
  readonly store: StoreStatusMessage | null;
  readonly sources: readonly SourceStatusMessage[];
  readonly problems: readonly ProblemMessage[];
  readonly wear?: WearStatusMessage;
  readonly security?: SecurityStatusMessage;
  readonly uplinks: readonly UplinkStatusMessage[];
  readonly lines: readonly LineStatusMessage[];
  readonly destinations: readonly DestinationStatusMessage[];
  readonly feedEnd?: number;
  readonly config?: ConfigStatusMessage;
  readonly drills: readonly DrillStatusMessage[];
  readonly relay?: RelayStatusMessage;
  readonly handovers: readonly HandOverStatusMessage[];
  readonly cycles: readonly CycleKindStatusMessage[];
}

export interface CycleKindStatusMessage {
  readonly name: string;
  readonly channel: string;
  readonly heard?: number;
  readonly open?: string;
  readonly since?: number;
  readonly problem?: string;
}

export interface DrillStatusMessage {
  readonly gateway: string;
  readonly copies: number;
  readonly restored: number;
  readonly last: number;
  readonly ok: boolean;
  readonly good: number;
  readonly problem?: string;
}

export interface ConfigStatusMessage {
  readonly digest: string;
  readonly trial?: ConfigTrialStatusMessage;
  readonly last?: ConfigTrialStatusMessage;
}

export interface ConfigTrialStatusMessage {
  readonly offer: string;
  readonly digest: string;
  readonly by: string;
  readonly begun: number;
  readonly watchS: number;
  readonly outcome: string;
  readonly why: string;
  readonly ended: number;
  readonly downtimeMs: number;
}

export interface DestinationStatusMessage {
  readonly name: string;
  readonly position: number;
  readonly proven: boolean;
  readonly refused: Readonly<Record<string, number>>;
  readonly behind?: BehindStatusMessage;
  readonly told?: number;
  readonly withheld: Readonly<Record<string, number>>;
  readonly stores: readonly DestinationStoreStatusMessage[];
}

export interface DestinationStoreStatusMessage {
  readonly id: string;
  readonly position: number;
  readonly until: number;
}

export interface BehindStatusMessage {
  readonly positions: number;
  readonly bytes: number;
  readonly caughtUpS?: number;
  readonly since?: number;
  readonly bytesPerS?: number;
}

export type UplinkStateName =
  | 'UPLINK_STATE_UNSPECIFIED'
  | 'UPLINK_STATE_DIALLING'
  | 'UPLINK_STATE_CONNECTED'
  | 'UPLINK_STATE_WAITING';

export interface UplinkStatusMessage {
  readonly address: string;
  readonly state: UplinkStateName;
  readonly since: number;
  readonly central?: string;
  readonly problem?: string;
  readonly lines: number;
  readonly failures: number;
}

export type LineStateName =
  | 'LINE_STATE_UNSPECIFIED'
  | 'LINE_STATE_IN_USE'
  | 'LINE_STATE_STANDBY'
  | 'LINE_STATE_WAITING'
  | 'LINE_STATE_DEAD';

export interface LineStatusMessage {
  readonly gateway: string;
  readonly name: string;
  readonly state: LineStateName;
  readonly why: string;
  readonly until?: number;
  readonly failingSince?: number;
  readonly metered: boolean;
  readonly connections: number;
  readonly failures: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly capBytesPerS?: number;
  readonly budgetBytes?: number;
  readonly budgetUsedBytes?: number;
  readonly pace?: LinePaceMessage;
  readonly windows: readonly string[];
  readonly heard?: number;
}

export interface LinePaceMessage {
  readonly bytesPerS: number;
  readonly roundTripMs: number;
  readonly queueMs: number;
  readonly windowBytes: number;
  readonly quantumBytes: number;
}

export interface SecurityStatusMessage {
  readonly role: string;
  readonly name: string;
  readonly expires: number;
  readonly open: number;
  readonly accepted: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly problem?: string;
}

export interface ClockStatusMessage {
  readonly source: ClockSourceName;
  readonly errorUs: number;
  readonly teller?: string;
  readonly doubted: readonly DoubtedClockMessage[];
}

export interface DoubtedClockMessage {
  readonly teller: string;
  readonly source: ClockSourceName;
  readonly aheadUs?: number;
  readonly why: string;
}

export interface RingStatusMessage {
  readonly slots: number;
  readonly used: number;
  readonly refused: number;
}

export interface StoreStatusMessage {
  readonly commits: number;
  readonly samples: number;
  readonly commitMs: number;
  readonly journalRows: number;
  readonly unsealed: number;
  readonly sealWaits: number;
  readonly blocks?: number;
  readonly blockBytes?: number;
  readonly lost: number;
  readonly retention?: RetentionStatusMessage;
  readonly merge?: MergeStatusMessage;
  readonly retired?: RetiredStatusMessage;
  readonly pulled?: PulledStatusMessage;
  readonly settled?: SettledStatusMessage;
  readonly mended?: MendedStatusMessage;
  readonly problem?: string;
}

export interface PulledStatusMessage {
  readonly known: number;
  readonly conflicts: number;
  readonly holes: number;
  readonly setBacks: number;
}

export interface MendedStatusMessage {
  readonly why: string;
  readonly since: number;
  readonly folder: string;
  readonly kept: number;
  readonly lost: number;
  readonly left: number;
}

export interface SettledStatusMessage {
  readonly until: number;
  readonly position: number;
}

export interface RetiredStatusMessage {
  readonly packs: number;
  readonly samples: number;
  readonly bytes: number;
  readonly byLimit?: RetiredByLimitMessage;
}

export interface RetiredByLimitMessage {
  readonly packs: number;
  readonly samples: number;
  readonly bytes: number;
}

export interface MergeStatusMessage {
  readonly packs: number;
  readonly into: number;
  readonly samples: number;
  readonly bytes: number;
}

export interface RetentionStatusMessage {
  readonly rung: string;
  readonly usedBytes: number;
  readonly limitBytes: number;
  readonly roomBytes: number;
  readonly hoursLeft: number;
  readonly classes: readonly ClassStatusMessage[];
}

export interface ClassStatusMessage {
  readonly class: ChannelClassName;
  readonly bytes: number;
  readonly reachUs: number;
}

export interface WearStatusMessage {
  readonly disk: string;
  readonly writtenBytes: number;
  readonly bytesPerDay: number;
  readonly bytesPerSample: number;
  readonly yearsLeft: number;
  readonly used: number;
  readonly isOverBudget: boolean;
}

export interface SourceStatusMessage {
  readonly name: string;
  readonly kind: string;
  readonly state: SourceStateName;
  readonly problem?: string;
  readonly received: number;
  readonly samples: number;
  readonly rate: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly errorPlaces: Readonly<Record<string, string>>;
  readonly dropped: number;
  readonly lastSeen?: number;
  readonly leftOut: Readonly<Record<string, number>>;
  readonly stale?: StaleChannelsMessage;
  readonly deviceClock?: DeviceClockMessage;
}

export interface DeviceClockMessage {
  readonly offsetUs: number;
  readonly correctedUs: number;
  readonly driftPpm?: number;
}

export interface StaleChannelsMessage {
  readonly count: number;
  readonly channels: readonly StaleChannelMessage[];
}

export interface StaleChannelMessage {
  readonly name: string;
  readonly since: number;
}

export interface ProblemMessage {
  readonly time: number;
  readonly text: string;
}
