import type { ChannelAccount } from '../../sync/api/ledger-call.ts';
import type { LedgerDifference, NumberState, Verdict } from '../../sync/ledger/compare-ledgers.ts';
import type { NumberRun } from '../query/telemetry.ts';
import type { CycleAccount } from './ledger-cycle.ts';
import { textTable } from './text-table.ts';
import { formatTime } from './time-text.ts';

/** What a verdict says to a person. */
const VERDICTS: Readonly<Record<Verdict, string>> = {
  waiting: 'on its way',
  withheld: 'does not go there',
  'passed-over': 'did not go there when its turn came; caisson fetch brings it',
  'given-up': 'given up or damaged at one end, kept at the other',
  'set-back': 'forgotten at the gateway, whose store was set back; kept at the other end',
  lost: 'lost at both',
  contradiction: 'CONTRADICTION: counted as lost at one end, there at the other',
};

/** Sums over accounts. */
interface Sums {
  kept: number;
  lost: number;
  readonly causes: Map<string, number>;
}

/** Accounts for people, a line for each channel or, as asked, each boot and day of it; with a head, and the sum of all at the end. */
export function ledgerTable(
  accounts: readonly ChannelAccount[],
  { boots, days, to }: { readonly boots: boolean; readonly days: boolean; readonly to?: string | undefined },
): string[] {
  const rows = new Map<string, { readonly cells: string[]; readonly sums: Sums }>();
  const total = emptySums();
  const passed = passedOverCounts(accounts, boots);
  const add = (cells: string[], kept: number, lost: number, causes: ReadonlyMap<string, number>) => {
    const key = cells.join('\n');
    const row = rows.get(key) ?? { cells, sums: emptySums() };
    rows.set(key, row);
    for (const sums of [row.sums, total]) addTo(sums, kept, lost, causes);
  };
  for (const account of accounts) {
    // What was derived is not taken in, and no part of the past that must be complete.
    if (account.origin !== undefined && !boots) continue;
    const goes = to === undefined ? [] : [goesText(account, passed.get(keyOf(account, boots)) ?? 0)];
    const cells = [account.channel, account.gateway, ...(boots ? [account.boot] : [])];
    const causes = new Map<string, number>();
    for (const { cause, count } of account.missing) causes.set(cause, (causes.get(cause) ?? 0) + count);
    if (days)
      for (const { day, kept, lost } of account.days) add([...cells, dayText(day), ...goes], kept, lost, new Map());
    else add([...cells, ...goes], heldOf(account), lostOf(account), causes);
  }
  const head = [
    'CHANNEL',
    'GATEWAY',
    ...(boots ? ['BOOT'] : []),
    ...(days ? ['DAY'] : []),
    ...(to === undefined ? [] : [`GOES TO ${to}`]),
  ];
  const all = ['all', ...head.slice(1).map(() => '')];
  if (to !== undefined) all[all.length - 1] = goingText(accounts);
  return textTable([
    [...head, 'TAKEN', 'KEPT', 'LOST', 'COMPLETE', ...(days ? [] : ['WHY'])],
    ...[...rows.values()].map(({ cells, sums }) => [...cells, ...sumCells(sums)]),
    [...all, ...sumCells(total)],
  ]);
}

/** What there is of each channel in a cycle, for people, a line each with a head; and all together at the end. */
export function cycleLedgerTable(accounts: readonly CycleAccount[]): string[] {
  const rows = accounts.map(({ channel, share, lacks, waits }) => {
    const causes = new Map<string, number>();
    for (const { cause, count } of lacks) causes.set(cause, (causes.get(cause) ?? 0) + count);
    const why = [...causes].map(([cause, count]) => (count === 0 ? cause : `${cause} ${count}`));
    return [
      channel,
      percent(lacks.length === 0 ? 1 : Math.min(share, 0.9999)),
      [...why, ...(waits === '' ? [] : [waits])].join(', '),
    ];
  });
  const whole = accounts.filter(({ complete }) => complete).length;
  return textTable([['CHANNEL', 'COMPLETE', 'WHY'], ...rows, ['all', `${whole} of ${accounts.length}`, '']]);
}

/**
 * Differences for people: the sums of each kind and, line by line, those that contradict or, with `each`, all.
 * @param ends what the two ends are called
 */
export function differenceTable(
  differences: readonly LedgerDifference[],
  ends: readonly [string, string],
  each: boolean,
): string[] {
  if (differences.length === 0) return [`${ends[0]} and ${ends[1]} have the same`];
  const kinds = new Map<
    string,
    { readonly first: LedgerDifference; samples: number; readonly channels: Set<string> }
  >();
  for (const difference of differences) {
    const { gateway, channel, here, there, first, end, verdict, withheld } = difference;
    const key = [gateway, here, there, verdict, withheld].join('\n');
    const kind = kinds.get(key) ?? { first: difference, samples: 0, channels: new Set<string>() };
    kinds.set(key, kind);
    kind.samples += end - first;
    kind.channels.add(channel);
  }
  const summary = textTable([
    ['GATEWAY', 'SAMPLES', 'CHANNELS', ...ends.map((end) => `AT ${end}`), 'WHAT IT IS'],
    ...[...kinds.values()].map(({ first: { gateway, here, there, verdict, withheld }, samples, channels }) => {
      const states = [stateText(here), stateText(there)];
      return [gateway, String(samples), String(channels.size), ...states, verdictText(verdict, withheld)];
    }),
  ]);
  const shown = differences.filter(({ verdict }) => each || verdict === 'contradiction');
  if (shown.length === 0) return summary;
  const rows = shown.map(({ channel, gateway, boot, first, end, here, there }) => {
    return [channel, gateway, boot, `${first} to ${end - 1}`, stateText(here), stateText(there)];
  });
  const head = ['CHANNEL', 'GATEWAY', 'BOOT', 'SAMPLES', ...ends.map((end) => `AT ${end}`)];
  return [...summary, '', ...textTable([head, ...rows])];
}

function verdictText(verdict: Verdict, withheld: string | undefined): string {
  return withheld === undefined ? VERDICTS[verdict] : `${VERDICTS[verdict]}: ${withheld}`;
}

/** Whether an account goes to the central that was asked for. */
function goesText({ withheld }: ChannelAccount, passedOver: number): string {
  if (withheld !== undefined) return `no: ${withheld}`;
  return passedOver === 0 ? 'yes' : `yes, but ${passedOver} did not`;
}

/** Samples that did not go when their turn came, by {@link keyOf}. */
function passedOverCounts(accounts: readonly ChannelAccount[], boots: boolean): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const account of accounts) {
    const key = keyOf(account, boots);
    counts.set(key, (counts.get(key) ?? 0) + samplesOf(account.passedOver ?? []));
  }
  return counts;
}

function keyOf({ channel, gateway, boot }: ChannelAccount, boots: boolean): string {
  return [channel, gateway, ...(boots ? [boot] : [])].join('\n');
}

/** How many channels go. */
function goingText(accounts: readonly ChannelAccount[]): string {
  const named = (some: readonly ChannelAccount[]) =>
    new Set(some.map(({ gateway, channel }) => `${gateway}\n${channel}`)).size;
  return `${named(accounts.filter(({ withheld }) => withheld === undefined))} of ${named(accounts)}`;
}

function heldOf({ held }: ChannelAccount): number {
  return samplesOf(held);
}

function samplesOf(runs: readonly NumberRun[]): number {
  return runs.reduce((sum, { first, end }) => sum + end - first, 0);
}

/** Everything below the greatest number that is not here: what has not come yet is not complete either. */
function lostOf(account: ChannelAccount): number {
  return account.end - heldOf(account);
}

function stateText(state: NumberState): string {
  if (state === 'held') return 'there';
  if (state === 'unsealed') return 'there, in no block yet';
  return state === 'unknown' ? 'not heard of' : `lost: ${state}`;
}

function emptySums(): Sums {
  return { kept: 0, lost: 0, causes: new Map() };
}

function addTo(sums: Sums, kept: number, lost: number, causes: ReadonlyMap<string, number>): void {
  sums.kept += kept;
  sums.lost += lost;
  for (const [cause, count] of causes) sums.causes.set(cause, (sums.causes.get(cause) ?? 0) + count);
}

function sumCells({ kept, lost, causes }: Sums): string[] {
  const taken = kept + lost;
  const share = taken === 0 ? '' : percent(kept / taken);
  const why = [...causes].filter(([, count]) => count > 0).map(([cause, count]) => `${cause} ${count}`);
  return [String(taken), String(kept), String(lost), share, why.join(', ')];
}

/** Never rounded up: 100 % is said of nothing that lacks a sample. */
function percent(share: number): string {
  return `${Math.floor(share * 1e4) / 100} %`;
}

function dayText(day: number): string {
  return formatTime(day).slice(0, 'YYYY-MM-DD'.length);
}
