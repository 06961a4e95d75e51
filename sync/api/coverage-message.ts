import type { Coverage } from '../../gateway/query/coverage/coverage.ts';
import type { CoverageMessage, QueryCoverageName } from './coverage-messages.ts';
import { COVERAGE_STATES } from './wire-names.ts';

export function encodeCoverage({ stretches, ...coverage }: Coverage): CoverageMessage {
  return {
    ...coverage,
    stretches: stretches.map(({ state, ...stretch }) => ({ ...stretch, state: COVERAGE_STATES.toWire[state] })),
  };
}

/** @throws CaissonError `peer-invalid` */
export function decodeCoverage({ stretches, ...coverage }: CoverageMessage): Coverage {
  return {
    ...coverage,
    stretches: stretches.map(({ state, ...stretch }) => ({ ...stretch, state: COVERAGE_STATES.fromWire(state) })),
  };
}

/** How a request says what it asks of coverage. */
export function queryCoverage(asked: 'first' | 'only' | undefined): QueryCoverageName {
  if (asked === undefined) return 'QUERY_COVERAGE_NONE';
  return asked === 'only' ? 'QUERY_COVERAGE_ONLY' : 'QUERY_COVERAGE_UNSPECIFIED';
}
