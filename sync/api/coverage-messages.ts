/** Messages of sync/proto/caisson/v1/telemetry.proto about what an answer has. */

export type CoverageStateName =
  | 'COVERAGE_STATE_UNSPECIFIED'
  | 'COVERAGE_STATE_FULL'
  | 'COVERAGE_STATE_OUTLINE'
  | 'COVERAGE_STATE_MISSING';

export type QueryCoverageName = 'QUERY_COVERAGE_UNSPECIFIED' | 'QUERY_COVERAGE_NONE' | 'QUERY_COVERAGE_ONLY';

export interface CoverageStretchMessage {
  readonly from: number;
  readonly to: number;
  readonly state: CoverageStateName;
  readonly cause: string;
  readonly count: number;
}

export interface CoverageMessage {
  readonly from: number;
  readonly to: number;
  readonly stretches: readonly CoverageStretchMessage[];
  readonly waits: string;
}
