/** Messages of GetUsage, as messages.ts has the others. */

export interface GetUsageRequestMessage {
  readonly fromDay: number;
  readonly toDay: number;
}

export interface UsageReportMessage {
  readonly rows: readonly UsageRowMessage[];
  readonly owners: readonly UsageOwnerMessage[];
  readonly stored: readonly UsageStoredMessage[];
}

export interface UsageRowMessage {
  readonly day: number;
  readonly peer: string;
  readonly line: string;
  readonly received: number;
  readonly sent: number;
}

export interface UsageStoredMessage {
  readonly gateway: string;
  readonly bytes: number;
}

export interface UsageOwnerMessage {
  readonly owner: string;
  readonly gateway: string;
  readonly channels: readonly string[];
}
