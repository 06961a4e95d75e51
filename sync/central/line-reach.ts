import type { Reach } from '../../gateway/query/coverage/coverage.ts';
import { withheldText } from '../../gateway/withheld-text.ts';
import type { PulledGateway } from './pulled-gateways.ts';

/** What a box said of itself when it was last asked. */
export interface SaidOfGateway {
  /** What it took in before is here, UTC in microseconds; undefined where that is not known. */
  readonly settledUntil?: number | undefined;
  /** Channels that it keeps from this central, by why; undefined where that is not known. */
  readonly withheld?: Readonly<Record<string, number>> | undefined;
}

const NOTHING = Number.NEGATIVE_INFINITY;

type LineHealth = ReturnType<PulledGateway['line']['health']>;

/** What the lines of this central say of a gateway; undefined where it does not pull from it itself. */
export function lineReach(
  lines: readonly { readonly wanted: string | undefined; readonly line: Pick<PulledGateway['line'], 'health'> }[],
  gateway: string,
  { settledUntil, withheld }: SaidOfGateway = {},
): Reach | undefined {
  const healths = lines.flatMap(({ wanted, line }) => {
    const health = line.health();
    return (health.peer?.gateway ?? wanted) === gateway ? [health] : [];
  });
  const health = healths.find(({ state }) => state === 'running') ?? healths[0];
  if (health === undefined) return undefined;
  // Unless something of the feed was left out.
  const until = healths.every(({ skipped }) => skipped === 0) ? (settledUntil ?? NOTHING) : NOTHING;
  const stays = withheldText(withheld);
  return { until, waits: [waitsOf(health), ...(stays === '' ? [] : [`${stays} of it do not come here`])].join('; ') };
}

function waitsOf(health: LineHealth): string {
  if (health.state !== 'running') return health.problem ?? 'there is no line yet';
  if (health.complete) return 'what was taken in last comes when it is sealed';
  const name = health.lines.find(({ state }) => state === 'in-use')?.name ?? '';
  return `a backlog drains${name === '' ? '' : ` over ${name}`}`;
}
