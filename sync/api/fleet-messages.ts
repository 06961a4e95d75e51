/** Messages of sync/proto/caisson/v1/fleet.proto, as messages.ts has those of telemetry.proto. */

export type ListBoxesRequestMessage = Readonly<Record<string, never>>;

export interface ListBoxesResponseMessage {
  readonly central: string;
  readonly now: number;
  readonly boxes: readonly BoxMessage[];
}

export interface BoxMessage {
  readonly gateway: string;
  readonly attention: string;
  readonly reasons: readonly string[];
  readonly line?: BoxLineMessage;
  readonly heard?: number;
  readonly newest?: number;
  readonly behind?: BoxBacklogMessage;
  readonly gaps: number;
  readonly lost: number;
  readonly lostToday: number;
  readonly version?: string;
  readonly certificate?: BoxCertificateMessage;
  readonly clock?: BoxClockMessage;
  readonly disk?: BoxDiskMessage;
  readonly sources?: BoxSourcesMessage;
  readonly config?: BoxConfigFactsMessage;
  readonly refused?: number;
  readonly withheld: Readonly<Record<string, number>>;
  readonly namesake?: number;
  readonly stores?: number;
  readonly mended?: BoxMendedMessage;
}

export interface BoxMendedMessage {
  readonly since: number;
  readonly lost: number;
}

export interface BoxConfigFactsMessage {
  readonly digest: string;
  readonly isOnTrial: boolean;
  readonly returned?: string;
}

export interface BoxLineMessage {
  readonly state: string;
  readonly kind?: string;
  readonly place?: string;
  readonly problem?: string;
}

export interface BoxBacklogMessage {
  readonly positions: number;
  readonly bytes: number;
}

export interface BoxCertificateMessage {
  readonly expires: number;
  readonly revoked?: number;
}

export interface BoxClockMessage {
  readonly source: string;
  readonly errorUs?: number;
  readonly aheadUs: number;
}

export interface BoxDiskMessage {
  readonly rung: string;
  readonly usedBytes: number;
  readonly limitBytes: number;
  readonly roomBytes: number;
  readonly hoursLeft?: number;
  readonly yearsLeft?: number;
  readonly isOverWearBudget: boolean;
}

export interface BoxSourcesMessage {
  readonly count: number;
  readonly waiting: readonly string[];
  readonly staleChannels: number;
}

export type GetConfigRequestMessage = Readonly<Record<string, never>>;

export interface OfferConfigRequestMessage {
  readonly offer: string;
  readonly yaml: string;
  readonly dryRun: boolean;
  readonly watchSeconds: number;
}

export interface ConfigAnswerMessage {
  readonly state: string;
  readonly why: string;
  readonly digest: string;
  readonly yaml: string;
  readonly changes: readonly ConfigChangeMessage[];
  readonly plan: string;
}

export interface ConfigChangeMessage {
  readonly path: string;
  readonly before?: string;
  readonly after?: string;
}
