import type { Stamp } from '../channel.ts';
import type { OutlineNode } from '../store/outline/outline.ts';
import { decodeNodes } from '../store/outline/outline-bytes.ts';
import type { BlockSource } from './block-source.ts';

/** A second of samples that have not come, of which an outline has. */
export interface LackingNode {
  readonly boot: number;
  readonly stamp: Stamp;
  /** Number of its first sample. */
  readonly firstSequence: number;
  readonly node: OutlineNode;
}

/**
 * What outlines tell of a channel in stored times [from, to] beyond what blocks do: a node counts where none of its samples is in a
 * block, and once where several outlines have it.
 */
export function lackingNodes(
  blocks: Pick<BlockSource, 'outlines' | 'blocksHolding'>,
  channel: number,
  from: number,
  to: number,
): LackingNode[] {
  const lacking: LackingNode[] = [];
  let reached = { boot: -1, end: 0 };
  for (const outline of blocks.outlines(channel, from, to)) {
    const { boot, stamp } = outline;
    const here = blocks.blocksHolding(channel, boot, outline.firstSequence, outline.end);
    let end = outline.firstSequence;
    for (const node of decodeNodes(outline.nodes)) {
      const first = end;
      end += node.count;
      const isTold = reached.boot === boot && first < reached.end;
      const isHere = here.some((block) => block.firstSequence < end && block.endSequence > first);
      if (isTold || isHere) continue;
      reached = { boot, end };
      if (node.timeMax >= from && node.timeMin <= to) lacking.push({ boot, stamp, firstSequence: first, node });
    }
  }
  return lacking;
}
