/** Messages of caisson.v1.Relay, as messages.ts has the others. */

export interface AskCarriedRequestMessage {
  readonly gateway: string;
  readonly digests: readonly Uint8Array[];
  readonly done: readonly Uint8Array[];
}

export interface AskCarriedResponseMessage {
  readonly files: readonly CarriedFileStateMessage[];
}

export type CarriedStateName =
  | 'CARRIED_STATE_UNSPECIFIED'
  | 'CARRIED_STATE_UNKNOWN'
  | 'CARRIED_STATE_PART'
  | 'CARRIED_STATE_CARRIED'
  | 'CARRIED_STATE_ANSWERED';

export interface CarriedFileStateMessage {
  readonly digest: Uint8Array;
  readonly state: CarriedStateName;
  readonly bytes: number;
  readonly answer: Uint8Array;
  readonly problem: string;
}

export type ListCarriedRequestMessage = Readonly<Record<string, never>>;

export interface ListCarriedResponseMessage {
  readonly files: readonly CarriedFileMessage[];
}

export interface CarriedFileMessage {
  readonly digest: Uint8Array;
  readonly gateway: string;
  readonly bytes: number;
}

export interface TakeCarriedRequestMessage {
  readonly digest: Uint8Array;
  readonly offset: number;
  readonly bytes: number;
}

export interface TakeCarriedResponseMessage {
  readonly bytes: Uint8Array;
}

export interface AnswerCarriedRequestMessage {
  readonly digest: Uint8Array;
  readonly answer: Uint8Array;
  readonly problem: string;
}

export type AnswerCarriedResponseMessage = Readonly<Record<string, never>>;

export interface RelayStatusMessage {
  readonly files: number;
  readonly bytes: number;
  readonly bytesMax: number;
  readonly answers: number;
  readonly taken: number;
  readonly passed: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly destinations: readonly RelayDestinationMessage[];
  readonly problem: string;
}

export interface RelayDestinationMessage {
  readonly central: string;
  readonly files: number;
  readonly bytes: number;
  readonly oldest: number;
}

export interface HandOverStatusMessage {
  readonly central: string;
  readonly relay: string;
  readonly state: string;
  readonly why: string;
  readonly files: number;
  readonly bytes: number;
  readonly oldest: number;
  readonly handed: number;
  readonly answered: number;
  readonly refused: Readonly<Record<string, number>>;
}
