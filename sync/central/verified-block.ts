import { type BlockInfo, type BlockSamples, decodeBlock } from '../../gateway/store/block/block.ts';
import type { FeedItem } from '../../gateway/store/block-db.ts';
import { type EnvelopeNode, nodeOf } from '../../gateway/store/envelope-node.ts';

/** A block whose checksum and every column were found right; `node` is undefined for text. */
export interface VerifiedBlock {
  readonly kind: 'verified';
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly info: BlockInfo & BlockSamples;
  readonly node: EnvelopeNode | undefined;
}

/** @throws CaissonError `block-invalid` */
export function verifyBlock({ position, bytes }: Extract<FeedItem, { kind: 'block' }>): VerifiedBlock {
  const info = decodeBlock(bytes);
  const { times, values } = info;
  const node = values instanceof Float64Array ? nodeOf(times, values, 0, values.length) : undefined;
  return { kind: 'verified', position, bytes, info, node };
}
