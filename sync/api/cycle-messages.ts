/** Messages of ListCycles as protobuf has them. */

export type CycleStateName =
  | 'CYCLE_STATE_UNSPECIFIED'
  | 'CYCLE_STATE_OPEN'
  | 'CYCLE_STATE_COMPLETE'
  | 'CYCLE_STATE_ABORTED';

export interface ListCyclesRequestMessage {
  readonly gateway: string;
  readonly name: string;
  readonly from?: number;
  readonly to?: number;
  readonly sums: boolean;
}

export interface CycleMessage {
  readonly gateway: string;
  readonly name: string;
  readonly number: number;
  readonly label: string;
  readonly from: number;
  readonly to?: number;
  readonly state: CycleStateName;
  readonly cause: string;
  readonly beginSeen: boolean;
  readonly late: number;
  readonly sums: readonly ChannelSumMessage[];
}

export interface ChannelSumMessage {
  readonly channel: string;
  readonly unit: string;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly first: number;
  readonly last: number;
}
