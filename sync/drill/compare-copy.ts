import { Buffer } from 'node:buffer';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import type { NumberRun } from '../../gateway/query/telemetry.ts';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { DIGEST_RANGES_MAX, StoreDigests } from '../api/digest-call.ts';
import type { ChannelAccount } from '../api/ledger-call.ts';
import { compareLedgers, type LedgerDifference } from '../ledger/compare-ledgers.ts';
import type { HeldRange } from '../receipts/held-ranges.ts';
import { DIFFERENCES_MAX, type DrillDifference } from './drill-record.ts';

/** Samples of one digest. */
const WINDOW_SAMPLES = 65_536;

/** Samples that differ are narrowed down to runs of at most so many. */
const NARROW_SAMPLES = 16;

/** Digests asked for to narrow down what differs. Beyond: the rest is told as it was found. */
const NARROW_ASKED_MAX = 4096;

/** What is asked of the store that was copied; `TelemetryClient` has it. */
export interface CopiedStore {
  ledger(): AsyncIterable<ChannelAccount>;
  digests(gateway: string, ranges: readonly HeldRange[]): Promise<Uint8Array[]>;
}

export interface Comparison {
  /** Samples of the copy. */
  readonly samples: number;
  /** Of them those of which the digests of both ends are equal. */
  readonly compared: number;
  /** Those that the store gave up. */
  readonly onlyHere: number;
  readonly differences: readonly DrillDifference[];
  readonly differenceCount: number;
}

interface OwnedRange extends HeldRange {
  readonly gateway: string;
}

/**
 * Holds a store against the one it is a copy of: by the ledger, whether it has all that the other had when the copy was begun; by
 * digests, whether every sample that both have is the same.
 *
 * @param dir the copy
 * @param before what the other's ledger said before the copy was begun
 */
export async function compareCopy(
  dir: string,
  store: CopiedStore,
  before: readonly ChannelAccount[],
): Promise<Comparison> {
  const here = accountsOf(dir);
  const there: ChannelAccount[] = [];
  for await (const account of store.ledger()) there.push(account);
  const blocks = BlockReader.openReadonly(storePaths(dir).blocks);
  try {
    const differences = ledgerDifferences(here, before);
    const digests = new TwoDigests(blocks, store);
    const ranges = commonRanges(here, there);
    const comparison = await digests.compare(ranges);
    const common = ranges.reduce((sum, { first, end }) => sum + end - first, 0);
    const samples = here.reduce((sum, { held }) => sum + countOf(held), 0);
    const all = [...differences, ...comparison.differences];
    return {
      samples,
      compared: comparison.compared,
      onlyHere: samples - common,
      differences: all.slice(0, DIFFERENCES_MAX),
      differenceCount: all.length,
    };
  } finally {
    blocks.close();
  }
}

/** Digests of the same ranges from both ends. */
class TwoDigests {
  readonly #blocks: BlockReader;
  readonly #store: CopiedStore;
  #asked = 0;

  constructor(blocks: BlockReader, store: CopiedStore) {
    this.#blocks = blocks;
    this.#store = store;
  }

  async compare(
    ranges: readonly OwnedRange[],
  ): Promise<Pick<Comparison, 'compared'> & { differences: DrillDifference[] }> {
    let compared = 0;
    const differences: DrillDifference[] = [];
    for (const some of inTurns(ranges)) {
      for (const range of await this.#differing(some)) differences.push(...(await this.#narrowed(range)));
      compared += some.reduce((sum, { first, end }) => sum + end - first, 0);
    }
    compared -= differences.reduce((sum, { first, end }) => sum + end - first, 0);
    return { compared, differences: joined(differences) };
  }

  /** Those of the ranges, all of one gateway, that are not the same at both ends. */
  async #differing(ranges: readonly OwnedRange[]): Promise<OwnedRange[]> {
    const [first] = ranges;
    if (first === undefined) return [];
    const here = new StoreDigests(this.#blocks, first.gateway);
    const there = await this.#store.digests(first.gateway, ranges);
    return ranges.filter((range, i) => {
      const [own, other] = [here.of(range), there[i]];
      return own === undefined || other === undefined || Buffer.compare(own, other) !== 0;
    });
  }

  /** The parts of a range that differ, by halves. */
  async #narrowed(range: OwnedRange): Promise<DrillDifference[]> {
    let wide: OwnedRange[] = [range];
    const narrow: OwnedRange[] = [];
    while (wide.length > 0 && this.#asked < NARROW_ASKED_MAX) {
      const halves = wide.splice(0, DIGEST_RANGES_MAX / 2).flatMap(halvesOf);
      this.#asked += halves.length;
      for (const half of await this.#differing(halves)) {
        if (half.end - half.first <= NARROW_SAMPLES) narrow.push(half);
        else wide.push(half);
      }
    }
    wide = [...wide, ...narrow].sort((a, b) => a.first - b.first);
    return wide.map((each) => ({ ...each, what: 'other' }));
  }
}

/** What the copy lacks, and what contradicts. */
function ledgerDifferences(here: readonly ChannelAccount[], before: readonly ChannelAccount[]): DrillDifference[] {
  return compareLedgers(here, before).flatMap((difference) => {
    const { gateway, boot, channel, first, end } = difference;
    const what = wrongOf(difference);
    return what === undefined ? [] : [{ gateway, boot, channel, first, end, what }];
  });
}

function wrongOf({ here, there, verdict }: LedgerDifference): string | undefined {
  if (there === 'held' && here !== 'held') return here === 'unknown' ? 'missing' : `missing, ${here}`;
  return verdict === 'contradiction' && there !== 'unsealed' ? `held, the store says ${there}` : undefined;
}

/** What both ends have in blocks, in windows. */
function commonRanges(here: readonly ChannelAccount[], there: readonly ChannelAccount[]): OwnedRange[] {
  const keyOf = ({ gateway, boot, channel }: ChannelAccount) => `${gateway}\n${boot}\n${channel}`;
  const others = new Map(there.map((account) => [keyOf(account), account]));
  return here.flatMap((account) => {
    const { gateway, boot, channel, held } = account;
    const other = others.get(keyOf(account));
    return common(held, other?.held ?? []).flatMap((run) =>
      windowsOf(run).map((window) => ({ gateway, boot, channel, ...window })),
    );
  });
}

/** What lies in runs of both; each ascending, without overlaps. */
function common(a: readonly NumberRun[], b: readonly NumberRun[]): NumberRun[] {
  const both: NumberRun[] = [];
  for (let [i, j] = [0, 0]; ; ) {
    const [left, right] = [a[i], b[j]];
    if (left === undefined || right === undefined) return both;
    const [first, end] = [Math.max(left.first, right.first), Math.min(left.end, right.end)];
    if (first < end) both.push({ first, end });
    if (left.end <= right.end) i += 1;
    else j += 1;
  }
}

/** Cut where numbers are multiples of the window, so that the same samples give the same digests another time. */
function windowsOf({ first, end }: NumberRun): NumberRun[] {
  const windows: NumberRun[] = [];
  for (let from = first; from < end; ) {
    const to = Math.min(end, (Math.floor(from / WINDOW_SAMPLES) + 1) * WINDOW_SAMPLES);
    windows.push({ first: from, end: to });
    from = to;
  }
  return windows;
}

/** Ranges of one gateway at a time, as many as one request may have. */
function* inTurns(ranges: readonly OwnedRange[]): Generator<OwnedRange[]> {
  let turn: OwnedRange[] = [];
  for (const range of ranges) {
    if (turn.length === DIGEST_RANGES_MAX || (turn.length > 0 && turn[0]?.gateway !== range.gateway)) {
      yield turn;
      turn = [];
    }
    turn.push(range);
  }
  if (turn.length > 0) yield turn;
}

function halvesOf(range: OwnedRange): OwnedRange[] {
  const middle = Math.floor((range.first + range.end) / 2);
  if (middle === range.first) return [range];
  return [
    { ...range, end: middle },
    { ...range, first: middle },
  ];
}

/** Neighbours of one channel and boot as one. */
function joined(differences: readonly DrillDifference[]): DrillDifference[] {
  const all: DrillDifference[] = [];
  for (const each of differences) {
    const last = all.at(-1);
    const isNext = last?.boot === each.boot && last.channel === each.channel && last.end === each.first;
    if (last !== undefined && isNext) all[all.length - 1] = { ...last, end: each.end };
    else all.push(each);
  }
  return all;
}

/** What a store says of every sequence number. */
export function accountsOf(dir: string): ChannelAccount[] {
  const telemetry = StoreTelemetry.open(dir);
  try {
    return telemetry.channels().flatMap(({ id, name, gateway }) => {
      return telemetry.accounts(id).map((account) => ({ ...account, gateway, channel: name }));
    });
  } finally {
    telemetry.close();
  }
}

function countOf(runs: readonly NumberRun[]): number {
  return runs.reduce((sum, { first, end }) => sum + end - first, 0);
}
