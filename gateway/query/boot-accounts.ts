import type { Stamp } from '../channel.ts';
import type { Extent, KeptBoot, KeptGap } from '../store/block-rows.ts';
import type { BlockContents } from './block-contents.ts';
import type { BlockSource } from './block-source.ts';
import { joinedRuns } from './number-runs.ts';
import type { TailReader } from './tail-reader.ts';
import type { AccountDay, BootAccount, MissingRun, NumberRun } from './telemetry.ts';
import type { BootClocks } from './utc.ts';

/** Microseconds of a day of UTC, which has no leap seconds here. */
const DAY_US = 86_400e6;

/** What accounts are read from. */
export interface AccountParts {
  readonly blocks: BlockSource;
  readonly contents: BlockContents;
  /** Undefined where a store has no journal. */
  readonly tail: TailReader | undefined;
  readonly clocks: BootClocks;
  /** By local id. */
  readonly boots: ReadonlyMap<number, KeptBoot>;
}

/**
 * What became of every sequence number of a channel, boot by boot in the order in which they came to be known. Read from as few
 * rows of the index as tell it: a row is entered where numbers lack within it, or its times lie on several days. Belongs in a
 * snapshot of `blocks`.
 */
export function bootAccounts(
  parts: AccountParts,
  channel: { readonly id: number; readonly stamp: Stamp },
): BootAccount[] {
  const { blocks, contents, tail, clocks, boots } = parts;
  const drafts = new Map<number, Draft>();
  const draftOf = (boot: number) => {
    let draft = drafts.get(boot);
    if (draft === undefined) {
      draft = new Draft((time, stamp) => time + clocks.of(boot, stamp).offsetAt(time));
      drafts.set(boot, draft);
    }
    return draft;
  };
  const damaged = contents.damaged().filter((gap) => gap.channel === channel.id);
  const isBroken = damaged.length > 0 || blocks.hasThinned(channel.id);
  const visit = (extent: Extent) => {
    const { boot, level } = extent;
    const draft = boot === undefined ? undefined : draftOf(boot);
    const isLeaf = draft !== undefined && (level === 0 || (!isBroken && isOneRun(extent) && draft.isOneDay(extent)));
    if (!isLeaf) {
      for (const child of blocks.children(extent)) visit(child);
      return;
    }
    const gap = damaged.find((each) => each.boot === boot && each.firstSequence === extent.firstSequence);
    if (extent.thinned !== undefined) draft.lose(asGap(extent, extent.thinned), extent.stamp);
    else if (gap !== undefined) draft.lose(gap, extent.stamp);
    else draft.keep(extent, () => contents.of(extent)?.times);
  };
  for (const extent of blocks.roots(channel.id)) visit(extent);
  for (const { end, ...gap } of blocks.missing(channel.id)) draftOf(gap.boot).lose(gap, channel.stamp, end);
  for (const chunk of tail?.chunks(channel.id) ?? []) {
    draftOf(chunk.boot).keepTail(chunk.firstSequence, chunk.timesFrom(0), channel.stamp);
  }
  for (const loss of tail?.losses() ?? []) {
    if (loss.channel === channel.id) draftOf(loss.boot).lose(loss, channel.stamp);
  }
  return [...drafts]
    .sort(([a], [b]) => a - b)
    .map(([id, draft]) => {
      const boot = boots.get(id);
      const origin = boot?.origin === undefined ? undefined : boots.get(boot.origin)?.boot;
      return { boot: boot?.boot ?? '', origin, ...draft.account() };
    });
}

/** An account of one channel and boot while it is put together. */
class Draft {
  readonly #utcOf: (time: number, stamp: Stamp) => number;
  readonly #held: NumberRun[] = [];
  readonly #missing: MissingRun[] = [];
  readonly #days = new Map<number, { kept: number; lost: number }>();
  #unsealed = 0;

  /** @param utcOf UTC of a stored time */
  constructor(utcOf: (time: number, stamp: Stamp) => number) {
    this.#utcOf = utcOf;
  }

  /** True where all samples are of one day: UTC never goes back within a boot and stamp. */
  isOneDay({ timeMin, timeMax, stamp }: Pick<Extent, 'timeMin' | 'timeMax' | 'stamp'>): boolean {
    return this.#dayOf(timeMin, stamp) === this.#dayOf(timeMax, stamp);
  }

  /** @param times of a block, read only where they lie on several days; undefined where it cannot be read */
  keep(extent: Extent, times: () => Float64Array | undefined): void {
    const { firstSequence: first, endSequence: end, count, timeMin, stamp } = extent;
    const read = this.isOneDay(extent) ? undefined : times();
    this.#held.push({ first, end });
    if (read === undefined) this.#on(this.#dayOf(timeMin, stamp)).kept += count;
    else this.#keepEach(read, stamp);
  }

  /** Samples that are in no block yet. */
  keepTail(first: number, times: Float64Array, stamp: Stamp): void {
    this.#held.push({ first, end: first + times.length });
    this.#unsealed += times.length;
    this.#keepEach(times, stamp);
  }

  /** @param end one past the last number where what lacks is spread over more numbers than lack */
  lose(
    { firstSequence: first, count, ...gap }: Omit<KeptGap, 'channel' | 'boot'>,
    stamp: Stamp,
    end = first + count,
  ): void {
    const [from, to] = [this.#utcOf(gap.from, stamp), this.#utcOf(gap.to, stamp)];
    this.#missing.push({ first, end, count, from, to, cause: gap.cause });
    if (count > 0) this.#on(this.#dayOf(gap.from, stamp)).lost += count;
  }

  account(): Omit<BootAccount, 'boot' | 'origin'> {
    const held = joinedRuns(this.#held);
    const missing = joinedMissing(this.#missing);
    const days = [...this.#days].map(([day, sums]): AccountDay => ({ day, ...sums })).sort((a, b) => a.day - b.day);
    const end = Math.max(0, held.at(-1)?.end ?? 0, ...missing.map((run) => run.end));
    return { end, held, unsealed: this.#unsealed, missing, days };
  }

  #keepEach(times: Float64Array, stamp: Stamp): void {
    for (const time of times) this.#on(this.#dayOf(time, stamp)).kept += 1;
  }

  #on(day: number): { kept: number; lost: number } {
    let sums = this.#days.get(day);
    if (sums === undefined) {
      sums = { kept: 0, lost: 0 };
      this.#days.set(day, sums);
    }
    return sums;
  }

  #dayOf(time: number, stamp: Stamp): number {
    return Math.floor(this.#utcOf(time, stamp) / DAY_US) * DAY_US;
  }
}

function isOneRun({ count, firstSequence, endSequence }: Extent): boolean {
  return count === endSequence - firstSequence;
}

function asGap(
  { firstSequence, count, timeMin: from, timeMax: to }: Extent,
  cause: string,
): Omit<KeptGap, 'channel' | 'boot'> {
  return { firstSequence, count, from, to, cause };
}

/** Runs in order, those of one cause that follow one another as one. */
function joinedMissing(runs: readonly MissingRun[]): MissingRun[] {
  const out: { -readonly [Field in keyof MissingRun]: MissingRun[Field] }[] = [];
  for (const run of runs.toSorted((a, b) => a.first - b.first || a.end - b.end)) {
    const last = out.at(-1);
    const goesOn = last !== undefined && last.cause === run.cause && last.end === run.first;
    if (!goesOn || run.count === 0 || last.count === 0) out.push({ ...run });
    else {
      last.end = run.end;
      last.count += run.count;
      last.from = Math.min(last.from, run.from);
      last.to = Math.max(last.to, run.to);
    }
  }
  return out;
}
