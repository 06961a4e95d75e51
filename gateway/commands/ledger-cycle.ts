import type { TelemetryClient } from '../../sync/api/client.ts';
import type { ListedCycle } from '../../sync/api/list-cycles-call.ts';
import { isCycleChannel } from '../analysis/cycles/cycle-channels.ts';
import { CaissonError } from '../errors.ts';
import type { CoverageStretch } from '../query/coverage/coverage.ts';
import type { Cycle } from '../query/cycles.ts';
import { UsageError } from './outcome.ts';

const DAY_US = 86_400e6;

/** How far back a cycle is looked for, one after the other, microseconds. */
const LOOKS_BACK_US = [DAY_US, 30 * DAY_US, Number.POSITIVE_INFINITY];

/** Channels of one question. */
const CHANNELS_AT_ONCE = 256;

/** What there is of one channel in one cycle. */
export interface CycleAccount {
  readonly cycle: string;
  /** Its number, or its label where it has one. */
  readonly number: number | string;
  readonly gateway: string;
  readonly channel: string;
  /** True where nothing of what was taken in lacks. */
  readonly complete: boolean;
  /** Share of the cycle's time that has all samples. */
  readonly share: number;
  /** Stretches that have not. */
  readonly lacks: readonly CoverageStretch[];
  /** What keeps the rest from coming, for people. */
  readonly waits: string;
}

/** Which cycle is meant: of a kind, and the newest that has ended where nothing else is said. */
export interface CycleChoice {
  readonly name: string;
  /** Number or label. */
  readonly number: string | undefined;
}

/** `lap` or `lap:17`. @throws UsageError */
export function parseCycle(text: string): CycleChoice {
  const [, name, number] = /^([^:]+)(?::(.+))?$/.exec(text) ?? [];
  if (name !== undefined) return { name, number };
  throw new UsageError(`--cycle is '${text}', expected a kind of cycle or one of them, such as lap or lap:17`);
}

/** The newest cycle that is meant. @throws CaissonError `query-invalid` where there is none */
export async function findCycle(
  client: TelemetryClient,
  { name, number }: CycleChoice,
  gateway: string | undefined,
): Promise<Cycle> {
  const { now } = await client.status();
  const isMeant = (cycle: Cycle) => (number === undefined ? cycle.state !== 'open' : nameOf(cycle) === number);
  for (const back of LOOKS_BACK_US) {
    let found: ListedCycle | undefined;
    const from = Number.isFinite(back) ? now - back : undefined;
    for await (const cycle of client.cycles({ name, gateway, from })) {
      if (isMeant(cycle) && (found === undefined || cycle.from >= found.from)) found = cycle;
    }
    // Of a gateway whose clock is ahead of the server's it may have begun in the server's future.
    if (found !== undefined) return { ...found, to: found.to ?? Math.max(now, found.from + 1) };
  }
  const wanted = number === undefined ? `${name} has ended` : `${name} is ${number}`;
  throw new CaissonError('query-invalid', `no ${wanted} here`, { hint: '`caisson cycles` lists those that are' });
}

/** What there is of each channel in a cycle, in the order of the server's ids: what was taken in, of its gateway. */
export async function cycleAccounts(
  client: TelemetryClient,
  cycle: Cycle,
  names: readonly string[],
): Promise<CycleAccount[]> {
  const { gateway, from, to } = cycle;
  const known = await client.listChannels({ gateway, names });
  const channels = known.map((channel) => channel.name).filter((channel) => !isCycleChannel(channel));
  const accounts: CycleAccount[] = [];
  for (let at = 0; at < channels.length; at += CHANNELS_AT_ONCE) {
    const asked = channels.slice(at, at + CHANNELS_AT_ONCE);
    for await (const piece of client.query({ channels: asked, gateway, from, to, coverage: 'only' })) {
      if (!('coverage' in piece)) continue;
      const { stretches, waits } = piece.coverage;
      const lacks = stretches.filter(({ state }) => state !== 'full');
      const missing = lacks.reduce((sum, lack) => sum + lack.to - lack.from, 0);
      const share = 1 - missing / ((to ?? from) - from);
      const told = { cycle: cycle.name, number: cycle.label === '' ? cycle.number : cycle.label, gateway };
      const channel = asked[piece.channel] ?? '';
      accounts.push({ ...told, channel, complete: lacks.length === 0, share, lacks, waits });
    }
  }
  return accounts;
}

function nameOf({ number, label }: Cycle): string {
  return label === '' ? String(number) : label;
}
