import { type EnvelopeNode, nodeOf } from '../envelope-node.ts';

/** A second of stored time, microseconds: what one node of an outline covers. */
export const OUTLINE_US = 1_000_000;

/** Nodes of one outline. Samples that would give more give several outlines. */
export const OUTLINE_NODES_MAX = 1024;

/** What a chart needs of samples whose numbers follow each other and that lie in one second. */
export type OutlineNode = Omit<EnvelopeNode, 'sum'>;

/**
 * The envelopes of a block, a second each, that may travel ahead of it. Nodes stand in the order of the samples' numbers, without a
 * hole between, so that each is known by what it stands for: it gives way to the samples of the same numbers.
 */
export interface Outline {
  /** Number of the first sample of the first node. */
  readonly firstSequence: number;
  /** At least one. */
  readonly nodes: readonly OutlineNode[];
}

/** The outlines of samples as they are stored, at least one; several where there are more than OUTLINE_NODES_MAX nodes. */
export function outlinesOf(firstSequence: number, times: Float64Array, values: Float64Array): Outline[] {
  const outlines: Outline[] = [];
  let nodes: OutlineNode[] = [];
  let [start, first] = [0, firstSequence];
  while (start < times.length) {
    const from = secondOf(times[start] as number) * OUTLINE_US;
    let end = start + 1;
    while (end < times.length && isBetween(times[end] as number, from, from + OUTLINE_US)) end += 1;
    const { count, timeMin, timeMax, min, max, first: opening, last } = nodeOf(times, values, start, end);
    nodes.push({ count, timeMin, timeMax, min, max, first: opening, last });
    start = end;
    if (nodes.length < OUTLINE_NODES_MAX && start < times.length) continue;
    outlines.push({ firstSequence: first, nodes });
    first = firstSequence + start;
    nodes = [];
  }
  return outlines;
}

/** One past the number of the last sample. */
export function endOfOutline({ firstSequence, nodes }: Outline): number {
  return nodes.reduce((end, { count }) => end + count, firstSequence);
}

/** What is left of an outline without the nodes that have any number of [first, end). */
export function outlineWithout({ firstSequence, nodes }: Outline, first: number, end: number): Outline[] {
  const left: { firstSequence: number; nodes: OutlineNode[] }[] = [];
  let [at, isOpen] = [firstSequence, false];
  for (const node of nodes) {
    const next = at + node.count;
    const isTaken = at < end && next > first;
    if (!isTaken && isOpen) left.at(-1)?.nodes.push(node);
    else if (!isTaken) left.push({ firstSequence: at, nodes: [node] });
    isOpen = !isTaken;
    at = next;
  }
  return left;
}

export function secondOf(time: number): number {
  return Math.floor(time / OUTLINE_US);
}

function isBetween(time: number, from: number, to: number): boolean {
  return time >= from && time < to;
}
