import type { Reach } from '../../gateway/query/coverage/coverage.ts';
import type { PulledGateway } from './pulled-gateways.ts';

const NOTHING = Number.NEGATIVE_INFINITY;

/**
 * What the lines of this central say of a gateway; undefined where it does not pull from it itself.
 * @param settledUntil what it took in before is here, UTC in microseconds; undefined where that is not known
 */
export function lineReach(
  lines: readonly { readonly wanted: string | undefined; readonly line: Pick<PulledGateway['line'], 'health'> }[],
  gateway: string,
  settledUntil: number | undefined,
): Reach | undefined {
  const healths = lines.flatMap(({ wanted, line }) => {
    const health = line.health();
    return (health.peer?.gateway ?? wanted) === gateway ? [health] : [];
  });
  const health = healths.find(({ state }) => state === 'running') ?? healths[0];
  if (health === undefined) return undefined;
  // Unless something of the feed was left out.
  const until = healths.every(({ skipped }) => skipped === 0) ? (settledUntil ?? NOTHING) : NOTHING;
  if (health.state !== 'running') return { until, waits: health.problem ?? 'there is no line yet' };
  if (health.complete) return { until, waits: 'what was taken in last comes when it is sealed' };
  const name = health.lines.find(({ state }) => state === 'in-use')?.name ?? '';
  return { until, waits: `a backlog drains${name === '' ? '' : ` over ${name}`}` };
}
