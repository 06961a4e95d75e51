import type { BlockOutcome, KeptGap, KeptPack, SequenceRun } from '../../gateway/store/block-db.ts';
import type { HeldSequences, Hole } from './block-store.ts';
import { RETIRED } from './retention/retiring-store.ts';
import { type SequenceRange, withoutRanges } from './sequence-range.ts';

/** Cause of a gap that central itself recorded: the feed went past these samples and never brought them. */
export const NOT_RECEIVED = 'not-received';

/**
 * Causes of gaps that give way to a block that comes after all: what was assumed here, and what the gateway gave up for want of
 * room, or a central that this one pulls from by its rules, which may have left it over another path before.
 */
const GIVING_WAY: ReadonlySet<string> = new Set([NOT_RECEIVED, 'retention', 'disk-full', RETIRED]);

/*
 * Places blocks and gaps in the sequence of their channel and boot, so that every number is accounted for once: in a block,
 * in a gap that the gateway told of, or in a gap assumed here. What is assumed gives way when the truth arrives late.
 */

/** Keeps a pack, each of its blocks once. */
export function placePack(held: HeldSequences, pack: KeptPack): BlockOutcome[] {
  const { boot } = pack;
  for (const { channel, firstSequence, count } of pack.blocks) {
    const range = { first: firstSequence, end: firstSequence + count };
    const runs = held.runs(channel, boot, range.first, range.end);
    if (runs.every(isAssumed)) for (const run of runs) takeBack(held, { channel, boot }, run, range);
  }
  return held.keepPack(pack);
}

/** The stretch directly before `firstSequence` that is not accounted for. */
export function holeBefore(
  held: HeldSequences,
  channel: number,
  boot: number,
  firstSequence: number,
): Hole | undefined {
  const first = held.nextSequence(channel, boot, firstSequence);
  return first < firstSequence ? { channel, boot, first, end: firstSequence } : undefined;
}

/**
 * Keeps a gap as far as nothing better is known: samples that are here are not lost, whatever became of them at the
 * gateway. Returns the number of samples newly counted as lost.
 */
export function placeGap(held: HeldSequences, gap: KeptGap): number {
  // The stretch between two boots: it has a cause and no numbers, so it can be in nobody's way.
  if (gap.count === 0) {
    held.keepGap(gap);
    return 0;
  }
  const range = { first: gap.firstSequence, end: gap.firstSequence + gap.count };
  const runs = held.runs(gap.channel, gap.boot, range.first, range.end);
  const stays = runs.filter((run) => gap.cause === NOT_RECEIVED || !isAssumed(run));
  let lost = 0;
  for (const run of runs) {
    if (stays.includes(run)) continue;
    takeBack(held, gap, run, range);
    lost -= Math.min(run.firstSequence + run.count, range.end) - Math.max(run.firstSequence, range.first);
  }
  for (const { first, end } of withoutRanges(range, stays.map(rangeOf))) {
    held.keepGap({ ...gap, firstSequence: first, count: end - first });
    lost += end - first;
  }
  return lost;
}

/** Records what is still missing of a hole as lost, cause {@link NOT_RECEIVED}. Returns the number of samples. */
export function closeHole(held: HeldSequences, { channel, boot, first, end, time }: Hole): number {
  const runs = held.runs(channel, boot, first - 1, end + 1);
  let lost = 0;
  for (const missing of withoutRanges({ first, end }, runs.map(rangeOf))) {
    const before = runs.findLast((run) => run.firstSequence < missing.first);
    const after = runs.find((run) => run.firstSequence >= missing.end);
    const known = [before?.to, after?.from].filter((edge) => edge !== undefined);
    const edges = known.length > 0 || time === undefined ? known : [time];
    if (edges.length === 0) continue;
    lost += placeGap(held, {
      ...{ channel, boot, firstSequence: missing.first, count: missing.end - missing.first },
      ...{ from: Math.min(...edges), to: Math.max(...edges), cause: NOT_RECEIVED },
    });
  }
  return lost;
}

/** Takes an assumed gap back within `range`; what lies outside stays assumed. */
function takeBack(
  held: HeldSequences,
  { channel, boot }: { channel: number; boot: number },
  run: SequenceRun,
  range: SequenceRange,
): void {
  held.dropGap(channel, boot, run.firstSequence);
  for (const { first, end } of withoutRanges(rangeOf(run), [range])) {
    const { from, to, cause } = run;
    held.keepGap({ channel, boot, firstSequence: first, count: end - first, from, to, cause });
  }
}

function isAssumed(run: SequenceRun): boolean {
  return run.kind === 'gap' && GIVING_WAY.has(run.cause);
}

function rangeOf(run: SequenceRun): SequenceRange {
  return { first: run.firstSequence, end: run.firstSequence + run.count };
}
