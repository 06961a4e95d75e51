import type { Stamp } from '../../channel.ts';
import type { AheadRuns, Extent, KeptBoot, KeptGap } from '../../store/block-rows.ts';
import type { BlockContents } from '../block-contents.ts';
import type { BlockSource } from '../block-source.ts';
import { lackingNodes } from '../outlines.ts';
import type { TailReader } from '../tail-reader.ts';
import type { StoredChannel } from '../telemetry.ts';
import type { BootClocks } from '../utc.ts';
import { type BootEvidence, type Evidence, NOT_SENT } from './coverage.ts';

/** What evidence is read from. */
export interface EvidenceParts {
  readonly blocks: BlockSource;
  readonly contents: BlockContents;
  /** Undefined where a store has no journal. */
  readonly tail: TailReader | undefined;
  readonly clocks: BootClocks;
  /** By local id. */
  readonly boots: ReadonlyMap<number, KeptBoot>;
}

/**
 * What a store says of a channel in [from, to), UTC microseconds, for `coverageOf`: boot by boot, without those whose samples were made
 * anew. A row of the index is entered only where it lies in the range and numbers lack within it. What is in no block yet is behind all
 * blocks and lacks nothing, so only its losses are told. Belongs in a snapshot of `blocks`.
 */
export function channelEvidence(
  { blocks, contents, tail, clocks, boots }: EvidenceParts,
  { id, gateway, name, stamp }: StoredChannel,
  from: number,
  to: number,
): BootEvidence[] {
  const { least, greatest } = clocks.span();
  const found = new Map<number, Evidence[]>();
  const ahead = blocks.ahead(gateway).filter((runs) => runs.channel === name && runs.gateway === gateway);
  const damaged = contents.damaged().filter((gap) => gap.channel === id);
  const isBroken = damaged.length > 0 || blocks.hasThinned(id);
  const add = (boot: number, stored: Omit<Evidence, 'isAhead'>, kind: Stamp) => {
    const known = boots.get(boot);
    if (known === undefined || known.origin !== undefined) return;
    const map = clocks.of(boot, kind);
    const utc = (time: number) => time + map.offsetAt(time);
    const part = { ...stored, from: utc(stored.from), to: utc(stored.to), isAhead: isAhead(ahead, known, stored) };
    const parts = found.get(boot);
    if (parts === undefined) found.set(boot, [part]);
    else parts.push(part);
  };
  const visit = (extent: Extent): void => {
    const { boot, level, firstSequence: first, endSequence: end, timeMin, timeMax } = extent;
    const isOutside = timeMax + greatest < from || timeMin + least >= to;
    const isWhole = isOutside || (!isBroken && extent.count === end - first);
    if (boot === undefined || (level > 0 && !isWhole)) {
      for (const child of blocks.children(extent)) visit(child);
      return;
    }
    const gap = damaged.find((each) => each.boot === boot && each.firstSequence === first);
    const numbers = { first, end, from: timeMin, to: timeMax };
    if (extent.thinned !== undefined) add(boot, { ...numbers, ...givenUp(extent, extent.thinned) }, extent.stamp);
    else if (gap !== undefined) add(boot, lost(gap), extent.stamp);
    else add(boot, { ...numbers, state: 'full', cause: '', count: 0 }, extent.stamp);
  };
  for (const root of blocks.roots(id)) visit(root);
  for (const gap of blocks.missing(id)) add(gap.boot, { ...lost(gap), end: gap.end }, stamp);
  for (const gap of tail?.losses() ?? []) if (gap.channel === id) add(gap.boot, lost(gap), stamp);
  for (const { boot, stamp: kind, firstSequence: first, node } of lackingNodes(
    blocks,
    id,
    from - greatest,
    to - least,
  )) {
    const numbers = { first, end: first + node.count, from: node.timeMin, to: node.timeMax };
    add(boot, { ...numbers, state: 'outline', cause: NOT_SENT, count: node.count }, kind);
  }
  return [...found].map(([boot, parts]) => {
    const { started = 0 } = boots.get(boot) ?? {};
    return { began: started + clocks.of(boot, 'arrival').offsetAt(started), parts };
  });
}

function lost({ firstSequence: first, count, from, to, cause }: Omit<KeptGap, 'channel' | 'boot'>) {
  return { first, end: first + count, from, to, state: 'missing' as const, cause, count };
}

/** What is left of a block that was given up: its envelope, where it is of numbers. */
function givenUp({ node, count }: Extent, cause: string): Pick<Evidence, 'state' | 'cause' | 'count'> {
  return { state: node === undefined ? 'missing' : 'outline', cause, count };
}

/** An outline, a stretch without numbers, and what came ahead say nothing of what was before them. */
function isAhead(ahead: readonly AheadRuns[], { boot }: KeptBoot, part: Omit<Evidence, 'isAhead'>): boolean {
  const { first, end, state, cause } = part;
  if (first === end || (state === 'outline' && cause === NOT_SENT)) return true;
  return ahead.some(({ boot: id, runs }) => {
    if (id !== boot) return false;
    for (let i = 0; i + 1 < runs.length; i += 2) {
      if ((runs[i] ?? 0) <= first && end <= (runs[i + 1] ?? 0)) return true;
    }
    return false;
  });
}
