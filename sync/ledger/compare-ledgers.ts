import type { NumberRun } from '../../gateway/query/telemetry.ts';
import type { ChannelAccount } from '../api/ledger-call.ts';
import { NOT_RECEIVED } from '../central/sequence-ledger.ts';

/**
 * What an end says of sequence numbers: it has the samples, has them in no block yet, has not heard of them, or lacks them for a
 * cause, which then is the state.
 */
export type NumberState = 'held' | 'unsealed' | 'unknown' | (string & {});

/** What a difference means. */
export type Verdict =
  /** One end has yet to hear of it. */
  | 'waiting'
  /** The other end has not heard of it and will not: the channel does not go there. */
  | 'withheld'
  /** The other end lacks it because the channel did not go there when its turn came. */
  | 'passed-over'
  /** One end gave it up, for want of room or by its rules, or its disk damaged it; the other has it. */
  | 'given-up'
  /** The gateway that took it in knows nothing of it any more, because its store was set back to a copy; the other end has it. */
  | 'set-back'
  /** Both lack it, and name other causes. */
  | 'lost'
  /** One end has it, and the other counts it as lost. */
  | 'contradiction';

/** Numbers of which two ends say different things. */
export interface LedgerDifference extends NumberRun {
  readonly gateway: string;
  readonly boot: string;
  readonly channel: string;
  readonly here: NumberState;
  readonly there: NumberState;
  readonly verdict: Verdict;
  /** Why the channel does not go there, where it is withheld. */
  readonly withheld?: string;
}

interface StateRun extends NumberRun {
  readonly state: NumberState;
}

/** Causes under which samples went after they had been taken in: for want of room, by the rules of a central, or damaged by a disk. */
const GIVEN_UP: ReadonlySet<NumberState> = new Set([
  ...['retention', 'disk-full', 'retired'],
  ...['set-aside', 'block-damaged'],
]);

/**
 * Where two ledgers differ, channel by channel and boot by boot in the order of `here`, then of what only `there` has.
 * @param source which of them is of the gateway that took its samples in, and its name; undefined: neither, or nobody knows
 */
export function compareLedgers(
  here: readonly ChannelAccount[],
  there: readonly ChannelAccount[],
  source?: { readonly end: 'here' | 'there'; readonly gateway: string },
): LedgerDifference[] {
  const differences = differencesOf(here, there);
  if (source === undefined) return differences;
  const isHere = source.end === 'here';
  const over = bootsOver(...(isHere ? ([here, there] as const) : ([there, here] as const)));
  return differences.map((each) => {
    const [own, other] = isHere ? [each.here, each.there] : [each.there, each.here];
    const isForgotten = each.gateway === source.gateway && own === 'unknown' && other === 'held';
    return isForgotten && over.has(bootKey(each)) ? { ...each, verdict: 'set-back' } : each;
  });
}

/** Boots that are over, as far as two ends can tell: another one of that gateway followed. */
function bootsOver(source: readonly ChannelAccount[], other: readonly ChannelAccount[]): ReadonlySet<string> {
  const over = new Set<string>();
  for (const accounts of [source, other]) {
    const last = new Map<string, ChannelAccount>();
    for (const account of accounts.filter(({ origin }) => origin === undefined)) {
      const channel = JSON.stringify([account.gateway, account.channel]);
      const before = last.get(channel);
      if (before !== undefined && before.boot !== account.boot) over.add(bootKey(before));
      last.set(channel, account);
    }
  }
  // A boot that the other end has not heard of is younger than all that it has and the gateway lacks.
  const [known, heard] = [source, other].map((accounts) => new Set(accounts.map(bootKey))) as [
    Set<string>,
    Set<string>,
  ];
  const younger = new Set(source.filter((account) => !heard.has(bootKey(account))).map(({ gateway }) => gateway));
  for (const account of other) {
    if (younger.has(account.gateway) && !known.has(bootKey(account))) over.add(bootKey(account));
  }
  return over;
}

function bootKey({ gateway, boot }: Pick<ChannelAccount, 'gateway' | 'boot'>): string {
  return `${gateway}\n${boot}`;
}

function differencesOf(here: readonly ChannelAccount[], there: readonly ChannelAccount[]): LedgerDifference[] {
  const others = new Map(there.map((account) => [keyOf(account), account]));
  const differences: LedgerDifference[] = [];
  for (const account of here) {
    differences.push(...compareAccounts(account, others.get(keyOf(account))));
    others.delete(keyOf(account));
  }
  for (const account of others.values()) differences.push(...compareAccounts(undefined, account));
  return differences;
}

function compareAccounts(here: ChannelAccount | undefined, there: ChannelAccount | undefined): LedgerDifference[] {
  const account = here ?? there;
  if (account === undefined) return [];
  const { gateway, boot, channel } = account;
  const withheld = here?.withheld ?? there?.withheld;
  const end = Math.max(here?.end ?? 0, there?.end ?? 0);
  const passedOver = [...(here?.passedOver ?? []), ...(there?.passedOver ?? [])];
  const passed = overlaid(
    passedOver.map((run) => ({ ...run, state: 'passed-over' })),
    [{ first: 0, end, state: '' }],
  );
  const differences: LedgerDifference[] = [];
  for (const { first, end: to, states } of together([statesOf(here, end), statesOf(there, end), passed])) {
    const [a = 'unknown', b = 'unknown', mark] = states;
    if (a === b) continue;
    const isWithheld = withheld !== undefined && (a === 'unknown' || b === 'unknown');
    const isPassedOver = mark === 'passed-over' && ((isHeld(a) && isLacking(b)) || (isHeld(b) && isLacking(a)));
    const verdict = isWithheld ? 'withheld' : isPassedOver ? 'passed-over' : verdictOf(a, b);
    const last = differences.at(-1);
    if (last !== undefined && last.end === first && last.here === a && last.there === b && last.verdict === verdict) {
      differences[differences.length - 1] = { ...last, end: to };
    } else {
      const difference = { gateway, boot, channel, first, end: to, here: a, there: b, verdict } as const;
      differences.push({ ...difference, ...(isWithheld && { withheld }) });
    }
  }
  return differences;
}

function verdictOf(a: NumberState, b: NumberState): Verdict {
  const known = a === 'unknown' ? b : a;
  // What was given up before the other end heard of it does not come any more.
  if (a === 'unknown' || b === 'unknown') return GIVEN_UP.has(known) ? 'lost' : 'waiting';
  const [isHereHeld, isThereHeld] = [isHeld(a), isHeld(b)];
  if (isHereHeld && isThereHeld) return 'waiting';
  if (!isHereHeld && !isThereHeld) return 'lost';
  return GIVEN_UP.has(isHereHeld ? b : a) ? 'given-up' : 'contradiction';
}

/** True where an end never got it: that it did not come is all that it can say. */
function isLacking(state: NumberState): boolean {
  return state === 'unknown' || state === NOT_RECEIVED;
}

function isHeld(state: NumberState): boolean {
  return state === 'held' || state === 'unsealed';
}

/** Every number below `end`, in order, with what an end says of it. */
function statesOf(account: ChannelAccount | undefined, end: number): StateRun[] {
  const { held = [], missing = [], unsealed = 0 } = account ?? {};
  const sealed = sealedBefore(held, unsealed);
  const exact = missing.filter((run) => run.count === run.end - run.first);
  // Of these only the bounds are known: they stand for what nothing else does.
  const spread = missing.filter((run) => run.count > 0 && run.count < run.end - run.first);
  const layers: StateRun[][] = [
    held.flatMap(({ first, end: to }) => [
      { first, end: Math.min(to, sealed), state: 'held' },
      { first: Math.max(first, sealed), end: to, state: 'unsealed' },
    ]),
    ...[exact, ...spread.map((run) => [run])].map((runs) =>
      runs.map(({ first, end: to, cause }) => ({ first, end: to, state: cause })),
    ),
    [{ first: 0, end, state: 'unknown' }],
  ];
  return layers.reduce<StateRun[]>((above, below) => overlaid(above, below), []);
}

/** The number from which on samples are in no block: the last `unsealed` of those that are held are not. */
function sealedBefore(held: readonly NumberRun[], unsealed: number): number {
  let left = unsealed;
  for (const { first, end } of held.toReversed()) {
    if (left <= 0) return Number.MAX_SAFE_INTEGER;
    if (end - first >= left) return end - left;
    left -= end - first;
  }
  return unsealed > 0 ? 0 : Number.MAX_SAFE_INTEGER;
}

/** Runs in order, those of `below` only where `above` has nothing, nor one of `below` before; `above` without overlaps. */
function overlaid(above: readonly StateRun[], below: readonly StateRun[]): StateRun[] {
  const runs = above.filter(({ first, end }) => first < end);
  const added: StateRun[] = [];
  let [passed, covered] = [0, 0];
  for (const { first, end, state } of below) {
    let next = Math.max(first, covered);
    while ((runs[passed]?.end ?? Number.POSITIVE_INFINITY) <= next) passed += 1;
    for (let i = passed; i < runs.length && next < end; i += 1) {
      const run = runs[i] as StateRun;
      if (run.first >= end) break;
      if (run.first > next) added.push({ first: next, end: run.first, state });
      next = Math.max(next, run.end);
    }
    if (next < end) added.push({ first: next, end, state });
    covered = Math.max(covered, end);
  }
  return [...runs, ...added].sort((a, b) => a.first - b.first);
}

/** Coverings of the same numbers, cut where any of them is. */
function* together(
  coverings: readonly (readonly StateRun[])[],
): Generator<NumberRun & { readonly states: readonly NumberState[] }> {
  const at = coverings.map(() => 0);
  for (let first = 0; ; ) {
    const runs = coverings.flatMap((runs, i) => runs[at[i] ?? 0] ?? []);
    if (runs.length < coverings.length) return;
    const end = Math.min(...runs.map((run) => run.end));
    yield { first, end, states: runs.map(({ state }) => state) };
    first = end;
    for (const [i, run] of runs.entries()) if (run.end === end) at[i] = (at[i] ?? 0) + 1;
  }
}

function keyOf({ gateway, boot, channel }: ChannelAccount): string {
  return `${gateway}\n${boot}\n${channel}`;
}
